import { randomInt } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageCopy } from "../support/package.ts";
import { type Box, PROJECT_IN_BOX, requireLab, startBox } from "./box.ts";
import { FAULTS, type LabFault } from "./faults.ts";
import { CONFIG, type FaultLab, faultLab, HEADER, RESTART, row } from "./faulty.ts";
import { gatewaysOn, type Injury, type Line, PACKAGE, processes } from "./watching.ts";

/** Faults that need a real service manager, or a root beside the account: the right cause, the right plan, and what must not be touched. */
const FULL = process.env["RESCUE_FULL"] === "1";
const ONLY = process.env["RESCUE_FAULT"];
const PORT = randomInt(40_000, 59_000);
const RECOVERED_MS = 240_000;
const TOLD_MS = 240_000;
/** Several looks of a watcher that is suspicious: nothing more may happen in them. */
const QUIET_MS = 5_000;
/** Looks often at what a person is told, and counts a gateway as recovered early. */
const SHORTER = ["watch.surveySeconds=1", "verify.holdSeconds=3"];
const whyNot = requireLab();

describe.skipIf(whyNot !== undefined)("a fault of a gateway under a real systemd", () => {
  let box: Box;
  let dir: string;
  let lab: FaultLab;
  const rows: string[] = [];

  beforeAll(async () => {
    dir = packageCopy();
    chmodSync(dir, 0o755);
    box = await startBox({ [dir]: PACKAGE, [join(import.meta.dirname, "../fixtures")]: `${PROJECT_IN_BOX}/test/fixtures` });
    lab = await faultLab(box, PORT);
  });
  afterAll(async () => {
    if (rows.length > 0) console.log([HEADER, ...rows].join("\n"));
    await box?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  const wanted = (name: string, full: boolean) => (ONLY === undefined ? FULL || !full : name.includes(ONLY));

  for (const fault of FAULTS) {
    it.runIf(wanted(fault.name, fault.full === true))(`${fault.name}: ${fault.ends} as ${fault.cause}`, { timeout: 480_000 }, async () => {
      await lab.fresh();
      await fault.prepare?.(lab);
      await watch(fault.set);
      const before = await lab.seal();
      const injury = await fault.harm(lab);
      const harmed = await lab.seal();
      const servingMs = await judge(fault, injury);
      const line = row(fault.name, lab, injury, servingMs);
      rows.push(line);
      await fault.after?.(lab);
      if (fault.says !== undefined) expect(JSON.stringify(lab.lines(injury))).toMatch(fault.says);
      if (fault.config !== "changed") expect(await lab.seal()).toBe(fault.config === "restored" ? before : harmed);
      expect(gatewaysOn(PORT).length).toBeLessThanOrEqual(1);
    });
  }

  it.runIf(wanted("five people", true))(
    "five people restart it at once: one wins, and nothing is repaired",
    { timeout: 300_000 },
    async () => {
      await lab.fresh();
      await watch();
      const injury = await lab.injure("true");
      const ended = await Promise.all(Array.from({ length: 5 }, () => box.run(["openclaw", "gateway", "restart"], 180_000)));
      const back = await lab.healthyAgain(injury);
      await sleep(QUIET_MS);
      rows.push(`${row("five gateway restart at once", lab, injury, back.atMs)} | exits ${ended.map(({ exitCode }) => exitCode)}`);
      expect(repairs(injury)).toEqual([]);
      expect(gatewaysOn(PORT)).toHaveLength(1);
      expect(await lab.show("ActiveState")).toBe("active");
    },
  );

  it.runIf(wanted("runner", true))(
    "a runner that is killed in the middle of the doctor is taken up again",
    { timeout: 400_000 },
    async () => {
      await lab.fresh();
      await watch();
      lab.edit((config) => {
        config["bogusTop"] = { a: 1 };
        config["gateway"] = { ...config["gateway"], bogusKey: true };
      });
      const injury = await lab.injure(RESTART);
      const doctor = () => processes().find(({ argv }) => argv.includes("doctor\0--fix"));
      await lab.until("a doctor", () => doctor() !== undefined, 120_000);
      const runner = processes().find(({ argv }) => argv.includes("runner-main.js\0default"));
      if (runner === undefined) throw new Error("a doctor without its runner");
      process.kill(runner.pid, "SIGKILL");
      const closed = await found("a recovery", injury, RECOVERED_MS, ({ event }) => event === "incident-closed");
      const back = await lab.healthyAgain({ ...injury, atMs: repairs(injury).at(-1)?.atMs ?? 0 });
      const steps = lab.lines(injury).filter(({ event }) => event === "step");
      rows.push(
        row(
          `the runner is killed within the doctor (${JSON.stringify(steps.map(({ details }) => [details.step, details.outcome]))})`,
          lab,
          injury,
          back.atMs,
        ),
      );
      expect(closed.details).toEqual({ outcome: "recovered" });
      expect(repairs(injury)).toMatchObject([{ cause: "config-unknown-keys", tier: 2 }]);
      const now = lab.config();
      expect(now).not.toHaveProperty("bogusTop");
      expect(now["gateway"]).toEqual(JSON.parse(lab.pristine).gateway);
      expect(gatewaysOn(PORT)).toHaveLength(1);
    },
  );

  it.runIf(wanted("asks for each tier", true))(
    "a person asks for each tier, without a watcher, while the unit is parked",
    { timeout: 400_000 },
    async () => {
      await lab.fresh();
      await watch();
      await lab.endWatcher();
      const injury = await lab.injure(`head -c 200 ${CONFIG} > cut; cat cut > ${CONFIG}; ${RESTART}`);
      const parked = async () => (await lab.show("ActiveState")) === "failed" && (await lab.show("ExecMainStatus")) === "78";
      await lab.until("a parked unit", parked);
      const harmed = await lab.seal();
      const dry = await lab.watchdog("repair", "--dry-run");
      expect([await lab.seal(), gatewaysOn(PORT)], "a dry run does nothing").toEqual([harmed, []]);
      const first = await lab.watchdog("repair", "--tier", "1");
      await lab.until("a start in vain", async () => first.code !== 0 || (await parked()));
      expect(await lab.seal(), "a restart changes nothing").toBe(harmed);
      const second = await lab.watchdog("repair", "--tier", "2");
      rows.push(`asked while parked | dry: ${JSON.stringify(dry)} | 1: ${JSON.stringify(first)} | 2: ${JSON.stringify(second)}`);
      expect(dry).toMatchObject({ code: 0, json: { ok: true, answer: expect.stringContaining("config-broken (tier 2") } });
      expect(first).toMatchObject({ code: 0, json: { ok: true } });
      expect(second).toMatchObject({ code: 0, json: { ok: true } });
      await lab.healthyAgain(injury);
      expect(JSON.stringify(lab.config())).toBe(JSON.stringify(JSON.parse(lab.pristine)));
    },
  );

  const watch = async (set: readonly string[] = []) => {
    await lab.watch({ set: [...SHORTER, ...set] });
    await lab.remembered();
  };
  const repairs = (since: Injury) => lab.lines(since).filter(({ event }) => event === "repair-started");
  const found = async (what: string, since: Injury, withinMs: number, matches: (line: Line) => boolean): Promise<Line> => {
    const find = () => lab.lines(since).find(matches);
    await lab.until(what, () => find() !== undefined, withinMs);
    const line = find();
    if (line === undefined) throw new Error("what was there a moment ago is gone");
    return line;
  };

  /** When it served again. */
  async function judge({ ends, cause, tier, starts = 0 }: LabFault, injury: Injury): Promise<number | undefined> {
    switch (ends) {
      case "recovered": {
        const closed = await found("a recovery", injury, RECOVERED_MS, ({ event }) => event === "incident-closed");
        expect(closed.details).toEqual({ outcome: "recovered" });
        expect(repairs(injury).at(-1)).toMatchObject({ cause, ...(tier === undefined ? {} : { tier }) });
        return (await lab.healthyAgain({ ...injury, atMs: repairs(injury).at(-1)?.atMs ?? 0 })).atMs;
      }
      case "told": {
        await found(`told as ${cause}`, injury, TOLD_MS, (line) => line.event === "needs-a-human" && line.cause === cause);
        await sleep(QUIET_MS);
        expect(repairs(injury).length).toBeLessThanOrEqual(starts);
        expect(repairs(injury).filter((line) => line.tier !== 1)).toEqual([]);
        return undefined;
      }
      case "warned": {
        const isIt = (line: Line) => ["warning", "needs-a-human"].includes(line.event) && line.cause === cause;
        await found(`warned of ${cause}`, injury, TOLD_MS, isIt);
        await sleep(QUIET_MS);
        expect(repairs(injury)).toEqual([]);
        return undefined;
      }
    }
  }
});
