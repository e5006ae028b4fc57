import { randomInt } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageCopy } from "../support/package.ts";
import { type Box, PROJECT_IN_BOX, requireLab, startBox } from "./box.ts";
import { FAULTS, type LabFault } from "./faults.ts";
import { CONFIG, type FaultLab, faultLab, HEADER, RESTART, row } from "./faulty.ts";
import { slowRestart } from "./slow.ts";
import { gatewaysOn, type Injury, type Line, PACKAGE } from "./watching.ts";

/** Faults that need a real service manager, or a root beside the account: the right cause, the right plan, and what must not be touched. */
const FULL = process.env["RESCUE_FULL"] === "1";
/** Parts of names, with commas between them: only these. */
const ONLY = process.env["RESCUE_FAULT"]?.split(",");
const PORT = randomInt(40_000, 59_000);
const RECOVERED_MS = 240_000;
const TOLD_MS = 240_000;
/** Several looks of a watcher that is suspicious: nothing more may happen in them. */
const QUIET_MS = 5_000;
/** Looks often at what a person is told, and counts a gateway as recovered early. */
const SHORTER = ["watch.surveySeconds=1", "verify.holdSeconds=3"];
const SLOW_BOOT = "a boot with 12 % of a core";
const whyNot = requireLab();

describe.skipIf(whyNot !== undefined)("a fault of a gateway under a real systemd", () => {
  let box: Box;
  let dir: string;
  let lab: FaultLab;
  const rows: string[] = [];

  const wanted = (name: string, full: boolean) => (ONLY === undefined ? FULL || !full : ONLY.some((part) => name.includes(part)));
  /** Minutes, and little of the machine: in a box of its own, beside everything else in this file. */
  let slowBox: Box | undefined;
  let slowLab: FaultLab;
  let slowBoot: Promise<Injury>;

  beforeAll(async () => {
    dir = packageCopy();
    chmodSync(dir, 0o755);
    const binds = { [dir]: PACKAGE, [join(import.meta.dirname, "../fixtures")]: `${PROJECT_IN_BOX}/test/fixtures` };
    box = await startBox(binds);
    if (!wanted(SLOW_BOOT, true)) {
      lab = await faultLab(box, PORT);
      return;
    }
    slowBox = await startBox(binds);
    [lab, slowLab] = await Promise.all([faultLab(box, PORT), faultLab(slowBox, PORT + 1)]);
    await slowLab.watch();
    slowBoot = slowRestart(slowLab, 0.12);
    // It is awaited by the last test, which may come long after it failed.
    slowBoot.catch(() => undefined);
  }, 400_000);
  afterAll(async () => {
    if (rows.length > 0) console.log([HEADER, ...rows].join("\n"));
    for (const each of [box, slowBox]) await each?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

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
      // In brackets, so that the shell that looks for it does not find itself.
      const pidOf = async (pattern: string) => (await lab.sh(`pgrep -f '${pattern}' || true`)).trim().split("\n")[0] ?? "";
      await lab.until("a doctor", async () => (await pidOf("doctor[ ]--fix")) !== "", 120_000);
      await lab.sh(`kill -KILL ${await pidOf("runner-main[.]js default")}`);
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
      let second: Awaited<ReturnType<FaultLab["watchdog"]>> | undefined;
      let sealed = "";
      // Refused while the first one is at work.
      const accepted = async () => {
        sealed = await lab.seal();
        second = await lab.watchdog("repair", "--tier", "2");
        return second.code === 0;
      };
      await lab.until("the deep fix to begin", accepted, 90_000);
      expect(sealed, "a restart changes nothing").toBe(harmed);
      rows.push(`asked while parked | dry: ${JSON.stringify(dry)} | 1: ${JSON.stringify(first)} | 2: ${JSON.stringify(second)}`);
      expect(dry).toMatchObject({ code: 0, json: { ok: true, answer: expect.stringContaining("config-broken (tier 2") } });
      expect(first).toMatchObject({ code: 0, json: { ok: true } });
      expect(second).toMatchObject({ code: 0, json: { ok: true } });
      await lab.healthyAgain(injury);
      expect(JSON.stringify(lab.config())).toBe(JSON.stringify(JSON.parse(lab.pristine)));
    },
  );

  it.runIf(wanted(SLOW_BOOT, true))(`${SLOW_BOOT} is not repaired, with the default settings`, { timeout: 900_000 }, async () => {
    const injury = await slowBoot;
    await sleep(QUIET_MS);
    rows.push(row(SLOW_BOOT, slowLab, injury, (await slowLab.healthyAgain(injury)).atMs));
    expect(slowLab.lines(injury).filter(({ event }) => event === "repair-started" || event === "needs-a-human")).toEqual([]);
    expect(gatewaysOn(slowLab.port)).toHaveLength(1);
  });

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
