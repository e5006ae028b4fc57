import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Box, requireLab } from "./box.ts";
import { boxWithGateway, type PackageBox } from "./installed.ts";
import { gatewaysOn, type Injury, type Sight, UNIT, type Watched, watched } from "./watching.ts";

/**
 * Faults of the real host's gateway as a user unit under a real systemd: what our watcher does with its default settings, and when; and what
 * the host's own `gateway restart` does in the same state, which is what a person would have tried. Only in test:full: the killed and the frozen
 * gateway are in faults.lab.test.ts too.
 */
const PORT = randomInt(40_000, 59_000);
/** Where the host writes it, as the account's shell has it. */
const UNIT_FILE = `~/.config/systemd/user/${UNIT}`;
const MAIN_PID = `$(systemctl --user show ${UNIT} -p MainPID --value)`;
const KILL = `kill -KILL ${MAIN_PID}`;
const FREEZE = `kill -STOP ${MAIN_PID}`;
/** A program that notes each start and fails while its cause is there. Taking away a drop-in instead would need a reload, and that forgets the latch. */
const NOTE = "echo start >> %h/starts; test ! -e %h/cause";
/** Several looks of a watcher that is suspicious. */
const A_WHILE_MS = 5_000;
const BY_HAND_MS = 60_000;
const whyNot = requireLab();

describe.runIf(whyNot === undefined && process.env["RESCUE_FULL"] === "1")("repairs under a real systemd", () => {
  let box: Box;
  let installed: PackageBox | undefined;
  let lab: Watched;

  beforeAll(async () => {
    installed = await boxWithGateway(PORT);
    ({ box } = installed);
    lab = await watched(box, PORT);
  });
  beforeEach(async () => lab.mend());
  afterAll(async () => {
    await installed?.dispose();
  });

  describe("with our watcher", () => {
    beforeEach(async () => lab.watch());
    afterEach(async () => lab.unwatch());

    it("brings a killed gateway back before the manager's own pause is over", async () => {
      const injury = await lab.injure(KILL);
      const back = await lab.healthyAgain(injury);
      await report("killed", injury, back);
      expect(gatewaysOn(PORT)).toEqual([expect.any(Number)]);
      expect((await lab.line("incident-closed", injury)).details).toEqual({ outcome: "recovered" });
      expect(repairs(injury)).toHaveLength(1);
      expect(Number(await lab.show("MainPID"))).toBe(back.pid);
      expect(gatewaysOn(PORT)).toHaveLength(1);
    });

    it("clears the latch of a crash loop once its cause is gone, and starts no more often than its budget", async () => {
      const injury = await lab.injure(`touch cause; ${dropIn(...execStart())}; ${KILL}`);
      await lab.line("repair-ended", injury);
      await lab.until("a latch that a repair could not mend", isLatched);
      const tried = starts();
      await sleep(A_WHILE_MS);
      expect(starts(), "starts while it is latched").toBe(tried);
      expect(repairs(injury)).toHaveLength(1);
      const cured = await cure(injury);
      const back = await lab.healthyAgain(injury);
      await report("crash loop, latched", injury, back, {
        starts: starts(),
        curedMs: cured,
        servingAfterCureMs: back.atMs - injury.atMs - cured,
      });
      expect(repairs(injury).map(({ cause }) => cause)).toEqual([expect.any(String), "start-latched"]);
      // The manager's burst is 10. The kill's loop and the first repair's are two of them at most, the second repair's start is the last.
      expect(starts()).toBeLessThanOrEqual(21);
      expect(gatewaysOn(PORT)).toHaveLength(1);
    });

    it("rests and tells after a start that the manager could not make, and starts when it is asked to", async () => {
      // A long pause, so that it is not the manager who tries again.
      const injury = await lab.injure(`touch cause; ${dropIn("RestartSec=600", `ExecStartPre=/bin/sh -c '${NOTE}'`)}; ${KILL}`);
      await lab.line("needs-a-human", injury);
      const curedMs = await cure(injury);
      await sleep(A_WHILE_MS);
      expect((await lab.watchdog("status")).json).toMatchObject({ phase: "cooling", condition: "gone", repairsLastHour: 1 });
      expect(starts()).toBe(1);
      expect(await lab.watchdog("repair")).toMatchObject({ code: 0, json: { ok: true } });
      const back = await lab.healthyAgain(injury);
      await report("start fails in the manager", injury, back, { curedMs });
      expect(repairs(injury)).toHaveLength(2);
    });

    it("leaves a masked gateway masked", async () => {
      // Its file lies where the mask would, so the host's unit is masked by hand.
      expect((await box.run(["systemctl", "--user", "mask", UNIT])).stderr).toContain("already exists");
      const injury = await lab.injure(`ln -sf /dev/null ${UNIT_FILE}; systemctl --user daemon-reload; ${KILL}`);
      await lab.line("condition", injury);
      await sleep(A_WHILE_MS);
      const status = await lab.watchdog("status");
      const asked = await lab.watchdog("repair");
      await report("masked", injury, undefined, { status: brief(status.json), exit: status.code, repair: asked.code });
      expect(status).toMatchObject({ code: 1, json: { ok: false } });
      expect(JSON.stringify(status.json.evidence)).toContain("masked by an operator");
      expect(asked.code).toBe(9);
      expect(repairs(injury)).toEqual([]);
      expect([await lab.show("LoadState"), await lab.show("ActiveState")]).toEqual(["masked", "failed"]);
      expect(gatewaysOn(PORT)).toEqual([]);
    });

    it("starts a killed gateway whose unit is disabled: that only means not at boot", async () => {
      const injury = await lab.injure(`systemctl --user disable ${UNIT}; ${KILL}`);
      const back = await lab.healthyAgain(injury);
      await report("disabled", injury, back);
      expect(repairs(injury)).toHaveLength(1);
      expect(await lab.show("UnitFileState")).toBe("disabled");
      expect(gatewaysOn(PORT)).toHaveLength(1);
    });

    it("tells of a unit that was deleted, and makes none up", async () => {
      const injury = await lab.injure(`rm ${UNIT_FILE}; systemctl --user daemon-reload; ${KILL}`);
      const told = await lab.line("needs-a-human", injury);
      await sleep(A_WHILE_MS);
      const status = await lab.watchdog("status");
      const asked = await lab.watchdog("repair");
      await report("definition deleted", injury, undefined, {
        told: told.details.text,
        status: brief(status.json),
        exit: status.code,
        asked,
      });
      expect(status).toMatchObject({ code: 1, json: { ok: false, condition: "gone" } });
      expect(told.details.text).toContain("openclaw gateway install");
      expect(JSON.stringify(status.json.evidence)).toContain("not-installed");
      expect(await lab.show("LoadState")).toBe("not-found");
      expect(existsSync(join(box.home, ".config/systemd/user", UNIT))).toBe(false);
      expect(gatewaysOn(PORT)).toEqual([]);
    });

    it("ends a frozen gateway behind the fence, and starts it", async () => {
      const injury = await lab.injure(FREEZE);
      const back = await lab.healthyAgain(injury);
      await report("frozen", injury, back);
      const steps = lab.lines(injury).filter(({ event }) => event === "step");
      expect(steps.map(({ details }) => [details.step, details.outcome])).toEqual([
        ["end-process", "done"],
        ["start-service", "done"],
      ]);
      expect(steps[0]?.details.detail).toBe(`pid ${injury.pid} ended on SIGKILL`);
      expect(gatewaysOn(PORT)).toHaveLength(1);
    });

    it("leaves a gateway that its user stopped, and one that its user starts", async () => {
      const injury = await lab.injure(`systemctl --user stop ${UNIT}`);
      await lab.until("a stop that was understood", () =>
        lab.lines(injury).some(({ details }) => details?.condition === "stopped-cleanly"),
      );
      await sleep(A_WHILE_MS);
      expect(gatewaysOn(PORT)).toEqual([]);
      await lab.sh(`systemctl --user start ${UNIT}`);
      const back = await lab.healthyAgain(injury);
      await lab.until("a watcher that sees it serve", () => lab.lines(injury).at(-1)?.details?.condition === "serving");
      await report("stopped and started by the user", injury, back);
      expect(lab.lines(injury).filter(({ event }) => event !== "condition")).toEqual([]);
      expect((await lab.watchdog("history")).json).toMatchObject({ ok: true, incidents: [] });
    });
  });

  describe("beside the host's own restart, without a watcher", () => {
    it("of a killed gateway", async () => {
      await byHand("killed", await lab.injure(KILL));
    });

    it("of a latched gateway whose cause is gone", async () => {
      const injury = await lab.injure(`touch cause; ${dropIn(...execStart())}; ${KILL}`);
      await lab.until("a latch", isLatched);
      await lab.sh("rm cause");
      await byHand("crash loop, latched", { ...injury, atMs: Date.now() });
    });

    it("of a frozen gateway", async () => {
      await byHand("frozen", await lab.injure(FREEZE));
    });
  });

  const repairs = (since: Injury) => lab.lines(since).filter(({ event }) => event === "repair-started");
  const isLatched = async () => (await lab.show("SubState")) === "failed" && (await lab.show("Job")) === "";
  const brief = ({ condition, evidence, phase, service, lastIncident }: ReturnType<typeof JSON.parse>) => ({
    condition,
    evidence,
    phase,
    service: service?.state,
    incident: lastIncident?.cause,
  });

  function starts(): number {
    return existsSync(join(box.home, "starts")) ? readFileSync(join(box.home, "starts"), "utf8").trim().split("\n").length : 0;
  }

  /** Takes the cause away; returns when, in ms from the injury. */
  async function cure({ atMs }: Injury): Promise<number> {
    return Number(await lab.sh("rm cause; date +%s%3N")) - atMs;
  }

  /** Lines of a drop-in whose program fails while its cause is there, and is the gateway afterwards. Fast, so that the latch does not take a minute. */
  function execStart(): readonly string[] {
    const program = /^ExecStart=(.*)$/m.exec(readFileSync(join(box.home, "kept", UNIT), "utf8"))?.[1];
    return ["RestartSec=100ms", "ExecStart=", `ExecStart=/bin/sh -c '${NOTE} && exec ${program}'`];
  }

  /** As the account: the host refuses a drop-in that belongs to another one. */
  function dropIn(...lines: readonly string[]): string {
    const text = ["[Service]", ...lines].join("\n");
    return `mkdir -p ${UNIT_FILE}.d; cat > ${UNIT_FILE}.d/99-test.conf <<'END'\n${text}\nEND\nsystemctl --user daemon-reload`;
  }

  /** What a person would try, from the moment at which nothing but a restart is needed. */
  async function byHand(scenario: string, since: Injury): Promise<void> {
    const command = box.run(["openclaw", "gateway", "restart"], 90_000);
    const back = await lab.healthyAgain(since, BY_HAND_MS);
    const { exitCode, tookMs, stderr } = await command;
    const said = stderr.trim().split("\n").at(-1);
    const managerRestarts = Number(await lab.show("NRestarts"));
    const servingMs = back.atMs - since.atMs;
    console.log(JSON.stringify({ byHand: scenario, servingMs, commandMs: Math.round(tookMs), exitCode, managerRestarts, said }));
    expect(gatewaysOn(PORT)).toHaveLength(1);
  }

  /** All times are in ms from the injury. */
  async function report(scenario: string, injury: Injury, back?: Sight, more: object = {}): Promise<void> {
    const at = (event: string) => {
      const line = lab.lines(injury).find((each) => each.event === event);
      return line === undefined ? null : line.atMs - injury.atMs;
    };
    console.log(
      JSON.stringify({
        scenario,
        seenMs: at("condition"),
        repairStartedMs: at("repair-started"),
        repairEndedMs: at("repair-ended"),
        toldMs: at("needs-a-human"),
        servingMs: back === undefined ? null : back.atMs - injury.atMs,
        repairs: repairs(injury).length,
        managerRestarts: Number(await lab.show("NRestarts")),
        ...more,
      }),
    );
  }
});
