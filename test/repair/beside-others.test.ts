import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { keepCopy } from "../../rescue-profile/copies/ring.ts";
import { disablePlugin } from "../../rescue-profile/repair/disable-plugin.ts";
import { guardedDoctor } from "../../rescue-profile/repair/guarded-doctor.ts";
import { holdService } from "../../rescue-profile/repair/hold-service.ts";
import { planFor } from "../../rescue-profile/repair/plan.ts";
import { restoreConfig } from "../../rescue-profile/repair/restore-config.ts";
import { runRepair } from "../../rescue-profile/repair/runner.ts";
import { startService } from "../../rescue-profile/repair/start-service.ts";
import { bareJournal } from "./deaths.ts";
import { GOOD, machine } from "./machine.ts";
import { portsOf, type World } from "./world.ts";

const [, doctor] = planFor("start-failed", null, null);
const [restore] = planFor("config-suspect", null, null);
const [restoreBroken] = planFor("config-broken", null, null);
const [disable] = planFor("plugin-crash", null, "crashy");
const CHANGED = GOOD.replace("18789", "18790");

describe("a repair beside others", () => {
  it("no doctor runs beside a gateway that its manager started again meanwhile and that boots", async () => {
    using at = machine();
    if (doctor?.name !== "guarded-doctor") throw new Error();
    // Restart=always, RestartSec=5: it lives, holds its lock and listens; startup is 503, so it does not "serve".
    await guardedDoctor(doctor, { ...at.step, listens: async () => true, lockHolders: () => [4711], lives: async () => true });
    expect(at.host.count("doctor --fix")).toBe(0);
  });

  it("no configuration is exchanged beneath a gateway that boots", async () => {
    using at = machine(CHANGED);
    if (restore?.name !== "restore-config") throw new Error();
    await restoreConfig(restore, { ...at.step, listens: async () => true, lockHolders: () => [4711], lives: async () => true });
    expect(at.read()).toBe(CHANGED);
  });

  it("no plugin is disabled beneath a gateway that serves again", async () => {
    using at = machine();
    if (disable?.name !== "disable-plugin") throw new Error();
    await disablePlugin(disable, {
      ...at.step,
      serves: async () => true,
      listens: async () => true,
      lockHolders: () => [4711],
      lives: async () => true,
    });
    expect(at.read()).toBe(GOOD);
  });

  it("winding up begins nothing new: a step whose intent was all that was written leaves the configuration alone", async () => {
    using at = machine(CHANGED);
    if (restore?.name !== "restore-config") throw new Error();
    await restoreConfig(restore, { ...at.step, windUp: true });
    expect(at.read()).toBe(CHANGED);
  });

  it("a repair that was given up in the middle of a step changes nothing any more", async () => {
    using at = machine(CHANGED);
    const { journal, id } = bareJournal("config-suspect", { pid: 70, startTime: 700 }, null);
    const w: World = { effects: [], old: "ended", next: false, nowMs: 0 };
    let asked = 0;
    const held = {
      isOpen: (repair: number) => journal.isOpen(repair),
      hasBegun: (repair: number, seq: number) => journal.hasBegun(repair, seq),
      isHolding: () => journal.isHolding(),
      beginStep: (repair: number, seq: number, name: string) => journal.beginStep(repair, seq, name),
      endStep: (...args: Parameters<typeof journal.endStep>) => journal.endStep(...args),
      endRepair: (...args: Parameters<typeof journal.endRepair>) => journal.endRepair(...args),
      assertLease: () => undefined,
    };
    const ports = portsOf(w, { endsOn: "nothing", respawns: false, lives: false }, held, at.mend);
    const outcome = await runRepair(
      { id, cause: "config-suspect", identity: null, subject: null, windUp: false },
      {
        ...ports,
        serves: async () => {
          // The deadline passes here: the loop gives the repair up (abandon-repair), a person takes over.
          if (asked++ === 0) journal.endRepair(id, "lost", "the repair never reported back");
          return false;
        },
      },
    );
    expect([outcome, at.read() === CHANGED, w.effects]).toEqual(["lost", true, []]);
  });

  it("an operator's stop, or a pause, during a long repair is respected when it comes to the start", async () => {
    const did: string[] = [];
    await startService({
      service: {
        manager: "systemd",
        name: "openclaw-gateway",
        status: async () => ({ manager: "systemd", state: "stopped", stoppedOnPurpose: true }),
        start: async () => void did.push("start"),
        restart: async () => void did.push("restart"),
      },
      maintenance: async () => [],
      stillOurs: () => undefined,
      isHeld: () => false,
      isOutdated: async () => true,
    });
    expect(did).toEqual([]);
  });

  it("a service that somebody stopped is not held, and so not started; one that an earlier run stopped is held again", async () => {
    using at = machine();
    for (const [again, expected] of [
      [false, []],
      [true, ["stop"]],
    ] as const) {
      const did: string[] = [];
      const service = {
        manager: "systemd",
        name: "openclaw-gateway",
        status: async () => ({ manager: "systemd", state: "stopped" as const, stoppedOnPurpose: true }),
        stop: async () => void did.push("stop"),
      };
      const { outcome } = await holdService({ ...at.step, service, again });
      expect([outcome, did]).toEqual([again ? "done" : "aborted", expected]);
    }
  });

  it("no service is stopped that serves again, or that its manager has started again", async () => {
    using at = machine();
    const service = {
      manager: "systemd",
      name: "openclaw-gateway",
      status: async () => ({ manager: "systemd", state: "running" as const }),
      stop: async () => expect.unreachable(),
    };
    expect(await holdService({ ...at.step, serves: async () => true, service, again: true })).toMatchObject({ outcome: "aborted" });
    expect(await holdService({ ...at.step, lives: async () => true, service, again: false })).toMatchObject({ outcome: "aborted" });
  });

  it("what the manager had started before it was mended is restarted, and what it started afterwards is not", async () => {
    for (const [outdated, expected] of [
      [true, ["restart"]],
      [false, []],
    ] as const) {
      const did: string[] = [];
      const service = {
        manager: "systemd",
        name: "openclaw-gateway",
        status: async () => ({ manager: "systemd", state: "starting" as const, mainPid: 7 }),
        start: async () => void did.push("start"),
        restart: async () => void did.push("restart"),
      };
      const { outcome } = await startService({
        service,
        maintenance: async () => [],
        stillOurs: () => undefined,
        isHeld: () => false,
        isOutdated: async () => outdated,
      });
      expect(outcome).toBe("done");
      expect(did).toEqual(expected);
    }
  });

  it("a plugin that cannot be loaded does not roll the configuration back to one from before it was installed", async () => {
    using at = machine();
    // An older copy, from before the plugin; then the one that served until now, which still lies there.
    writeFileSync(at.configPath, GOOD.replace(/ {2}plugins: .*\n/, ""), { mode: 0o600 });
    keepCopy(at.dir, at.configPath, "booted", 1);
    writeFileSync(at.configPath, GOOD, { mode: 0o600 });
    keepCopy(at.dir, at.configPath, "booted", 2);
    const host: typeof at.step.host = async (args, options) => {
      if (args[1] === "validate" && at.read().includes("crashy")) {
        return {
          exitCode: 1,
          signal: null,
          stdout: JSON.stringify({ valid: false, issues: [{ path: "plugins.entries.crashy.config", message: "invalid config" }] }),
          stderr: "",
          timedOut: false,
          tookMs: 1,
          truncated: false,
        };
      }
      return at.host.run(args, options);
    };
    const [step] = planFor("config-invalid", null, null);
    if (step?.name !== "restore-config") throw new Error();
    const outcome = await restoreConfig(step, { ...at.step, host });
    expect([at.read() === GOOD, outcome.detail]).toEqual([true, expect.anything()]);
  });

  it("what a person writes while copies are tried is neither overwritten nor lost", async () => {
    using at = machine("");
    const PERSON = GOOD.replace("18789", "18999");
    const host: typeof at.step.host = async (args, options) => {
      const answer = await at.host.run(args, options);
      if (args[1] !== "validate" || at.host.count("config validate") < 1) return answer;
      // She saves in her editor during the 2 to 19 s that the host takes to refuse the copy that it read before.
      writeFileSync(at.configPath, PERSON, { mode: 0o600 });
      return { ...answer, exitCode: 1, stdout: JSON.stringify({ valid: false, issues: [] }) };
    };
    if (restoreBroken?.name !== "restore-config") throw new Error();
    await restoreConfig(restoreBroken, { ...at.step, host });
    expect(at.read()).toBe(PERSON);
  });
});
