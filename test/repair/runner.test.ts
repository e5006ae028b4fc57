import { describe, expect, it } from "vitest";
import { CAUSES, tierOf } from "../../rescue-profile/core/causes.ts";
import type { Cause } from "../../rescue-profile/core/model.ts";
import type { StepOutcome } from "../../rescue-profile/repair/plan.ts";
import { planFor } from "../../rescue-profile/repair/plan.ts";
import { type RepairOrder, type RunnerPorts, runRepair } from "../../rescue-profile/repair/runner.ts";
import { bareJournal, noting } from "./deaths.ts";
import { expectSameEverywhere, GATEWAY, NATURES, type Nature, portsOf, repairWith, type World } from "./world.ts";

describe("a repair", () => {
  for (const [what, cause, nature, effects] of NATURES.filter(([, each]) => each === "process-frozen" || each === "process-gone")) {
    it(`of ${what} does exactly what was planned, at whichever point its runner is killed`, async () => {
      await expectSameEverywhere(cause, nature, effects, () => []);
    });
  }

  it("without files of each cause with a remedy is among these; those that mend files are in mending.programs.test.ts", () => {
    const known = Object.keys(CAUSES).filter((cause) => tierOf(cause as Cause) !== 3);
    const planned = known.filter((cause) => planFor(cause as Cause, GATEWAY, "crashy").length > 0);
    const here = planned.filter((cause) =>
      planFor(cause as Cause, GATEWAY, "crashy").every(({ name }) => name === "end-process" || name === "start-service"),
    );
    expect(here.sort()).toEqual([...new Set(NATURES.map(([, cause]) => cause))].sort());
  });

  it("of a proposal is made of the same steps, in our order, and ends with the start whatever was chosen", () => {
    const names = (cause: Cause, subject: string | null, identity: typeof GATEWAY | null) =>
      planFor(cause, identity, subject).map(({ name }) => name);
    expect(names("proposed", "start", null)).toEqual(["start-service"]);
    expect(names("proposed", "doctor,quarantine-lock", null)).toEqual([
      "quarantine-lock",
      "hold-service",
      "guarded-doctor",
      "start-service",
    ]);
    expect(names("proposed-end", "doctor,end", GATEWAY)).toEqual(["end-process", "hold-service", "guarded-doctor", "start-service"]);
    expect(names("proposed-end", "end", null)).toEqual([]);
    expect(names("proposed", "end", null)).toEqual(["start-service"]);
    expect(names("proposed", "rm -rf /,disable-plugin", null)).toEqual(["start-service"]);
    expect(names("proposed", null, null)).toEqual(["start-service"]);
  });

  it("asks a deaf gateway first, then kills it, then starts it", async () => {
    const { world, journal, id } = await repairWith("silent-busy", { endsOn: "SIGKILL", respawns: false }, []);
    expect(world.effects).toEqual(["SIGTERM", "SIGKILL", "start"]);
    expect(journal.repair(id)).toMatchObject({ outcome: "done", note: "systemd started openclaw-gateway (pid 90)" });
  });

  it("starts nothing when the gateway could not be ended", async () => {
    const { world, journal, id } = await repairWith("process-frozen", { endsOn: "nothing", respawns: false }, []);
    expect(world.effects).toEqual(["SIGKILL"]);
    expect(journal.repair(id)).toMatchObject({ outcome: "failed", note: expect.stringContaining("end-process: pid 70 is still there") });
  });

  it("has no plan that kills without an identity, none without the plugin that it is about, none for what is only told", () => {
    expect(planFor("disk-full", null, null)).toEqual([]);
    expect(planFor("process-frozen", null, null)).toEqual([]);
    expect(planFor("plugin-crash", null, null)).toEqual([]);
    expect(planFor("process-gone", GATEWAY, null).map(({ name }) => name)).toEqual(["start-service"]);
  });

  it("that another runner has taken over has no further effect, and writes nothing into its journal", async () => {
    for (let calls = 1; calls < 8; calls++) {
      const { journal, id } = bareJournal("process-frozen", GATEWAY, null);
      const world: World = { effects: [], old: "lives", next: false, nowMs: 0 };
      let asked = 0;
      const { noted, ended } = noting(journal, () => ++asked < calls);
      const ports = portsOf(world, { endsOn: "SIGKILL", respawns: false }, noted);
      const order: RepairOrder = { id, cause: "process-frozen", identity: GATEWAY, subject: null, windUp: false };
      if (calls === 7) {
        expect(await runRepair(order, ports)).toBe("done");
        continue;
      }
      await expect(runRepair(order, ports)).rejects.toThrow("taken over");
      expect(world.effects, `${calls}`).toEqual(["SIGKILL", "start"].slice(0, [0, 0, 0, 1, 1, 1, 2][calls]));
      expect(ended.length, `${calls}`).toBe(calls < 4 ? 0 : 1);
      expect(journal.repair(id)?.outcome).toBeNull();
    }
  });
});

describe("a step", () => {
  const nature: Nature = { endsOn: "SIGKILL", respawns: false };
  async function run(change: (ports: RunnerPorts) => Partial<RunnerPorts>, order: Partial<RepairOrder> = {}) {
    const { journal, id } = bareJournal("process-frozen", GATEWAY, null);
    const world: World = { effects: [], old: "lives", next: false, nowMs: 0 };
    const told: [string, StepOutcome][] = [];
    const ports = portsOf(world, nature, noting(journal).noted);
    const onStep: RunnerPorts["onStep"] = (name, outcome) => told.push([name, outcome]);
    const all = { ...ports, onStep };
    const outcome = await runRepair(
      { id, cause: "process-frozen", identity: GATEWAY, subject: null, windUp: false, ...order },
      { ...all, ...change(all) },
    );
    return { outcome, told, world, repair: journal.repair(id) };
  }

  it("whose fence could not look is not taken, and ends the repair", async () => {
    const blind = (): never => {
      throw new Error("EACCES");
    };
    const { outcome, told, world, repair } = await run(() => ({ lockHolder: blind }));
    expect(outcome).toBe("aborted");
    expect(told).toEqual([["end-process", { outcome: "aborted", detail: "EACCES" }]]);
    expect(world.effects).toEqual([]);
    expect(repair).toMatchObject({ outcome: "aborted", note: "end-process: EACCES" });
  });

  it("that the fence stops ends the repair", async () => {
    const { outcome, world } = await run(() => ({ listenerPid: async () => 80 }));
    expect(outcome).toBe("aborted");
    expect(world.effects).toEqual([]);
  });

  it("whose manager refuses to start fails the repair, with the manager's words", async () => {
    const start = async () => {
      throw new Error("Unit openclaw-gateway.service not found.");
    };
    const { outcome, repair } = await run((ports) => ({ service: { ...ports.service, start } }));
    expect(outcome).toBe("failed");
    expect(repair?.note).toBe("start-service: Unit openclaw-gateway.service not found.");
  });

  it("whose manager never answers fails at its deadline", async () => {
    const start = () => new Promise<void>(() => undefined);
    const asked: number[] = [];
    const sleep = async (ms: number) => {
      asked.push(ms);
    };
    const { outcome, repair } = await run((ports) => ({ sleep, service: { ...ports.service, start } }));
    expect(outcome).toBe("failed");
    expect(asked).toEqual([60_000]);
    expect(repair?.note).toBe("start-service: no answer within 60 s");
  });

  it("that is done does not wait for its deadline any more", async () => {
    const open: AbortSignal[] = [];
    const { outcome } = await run((ports) => ({
      sleep: (ms, signal) => {
        if (signal !== undefined) open.push(signal);
        return ports.sleep(ms, signal);
      },
    }));
    expect(outcome).toBe("done");
    expect(open.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("does not start anything while the host is at work", async () => {
    const maintenance = async () => [{ pid: 7, what: "openclaw doctor" }];
    const { outcome, repair, world } = await run(() => ({ maintenance }));
    expect(outcome).toBe("aborted");
    expect(world.effects).toEqual(["SIGKILL"]);
    expect(repair?.note).toBe("start-service: not started while the host is at work: openclaw doctor (pid 7)");
  });

  it("that comes to its effect after its deadline has none any more", async () => {
    let answer = (): void => undefined;
    const look = new Promise<never[]>((resolve) => {
      answer = () => resolve([]);
    });
    const { outcome, world } = await run(() => ({ sleep: async () => undefined, maintenance: () => look }));
    expect(outcome).toBe("failed");
    answer();
    await look;
    await Promise.resolve();
    expect(world.effects).toEqual(["SIGKILL"]);
  });

  it("is not guessed for a cause that a newer watchdog wrote", async () => {
    const { outcome, repair, world } = await run(() => ({}), { cause: "toString" });
    expect(outcome).toBe("failed");
    expect(repair?.note).toBe("unknown cause toString");
    expect(world.effects).toEqual([]);
  });
});
