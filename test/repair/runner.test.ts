import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { Cause } from "../../rescue-profile/core/model.ts";
import { initialState } from "../../rescue-profile/core/state.ts";
import { Journal } from "../../rescue-profile/journal/journal.ts";
import { SCHEMA } from "../../rescue-profile/journal/schema.ts";
import type { StepOutcome } from "../../rescue-profile/repair/plan.ts";
import { planFor } from "../../rescue-profile/repair/plan.ts";
import { type RepairOrder, type RunnerPorts, runRepair } from "../../rescue-profile/repair/runner.ts";
import { unchanged } from "./harness.ts";

/** Every how manieth point is tried for a second death; all pairs of points would take a minute. */
const SECOND_DEATHS = process.env["RESCUE_FULL"] === "1" ? 2 : 13;
const GATEWAY = { pid: 70, startTime: 700 };
const NEXT = { pid: 90, startTime: 900 };

/** A machine with one gateway. `effects` is what was really done to it. */
interface World {
  readonly effects: string[];
  old: "lives" | "ended";
  next: boolean;
  nowMs: number;
}

/** How this machine behaves: does the gateway end when asked, and does its manager start it again by itself? */
interface Nature {
  readonly endsOn: "SIGTERM" | "SIGKILL" | "nothing";
  readonly respawns: boolean;
}

class Killed extends Error {}

function portsOf(world: World, nature: Nature, journal: RunnerPorts["journal"]): RunnerPorts {
  const current = () => (world.next ? NEXT : world.old === "lives" ? GATEWAY : undefined);
  return {
    ...unchanged(GATEWAY),
    identityOf: (pid) => {
      const found = [...(world.old === "lives" ? [GATEWAY] : []), ...(world.next ? [NEXT] : [])].find((each) => each.pid === pid);
      return found === undefined ? undefined : { ...found, uid: 1000 };
    },
    // A kill leaves the lock behind; the next gateway takes it over.
    lockHolder: () => ({ ...(world.next ? NEXT : GATEWAY), stateDir: "/home/ana/.openclaw" }),
    serviceMainPid: async () => current()?.pid,
    listenerPid: async () => current()?.pid,
    signal: (_pid, signal) => {
      world.effects.push(signal);
      if (signal !== nature.endsOn) return;
      world.old = "ended";
      world.next = nature.respawns;
    },
    sleep: async (ms, signal) => {
      if (ms > 1_000) return new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));
      world.nowMs += ms;
    },
    monotonicMs: () => world.nowMs,
    service: {
      manager: "systemd",
      name: "openclaw-gateway",
      status: async () => {
        const running = current();
        return {
          manager: "systemd",
          ...(running === undefined ? { state: "failed" as const } : { state: "running" as const, mainPid: running.pid }),
        };
      },
      start: async () => {
        world.effects.push("start");
        world.next = true;
      },
    },
    onStep: () => undefined,
    journal,
  };
}

/** The process dies at its `at`-th call of a port, before or after that call had its effect; nothing of it happens any more. */
function dying<T extends object>(ports: T, clock: { calls: number }, at: number, when: "before" | "after"): T {
  const wrap =
    (call: (...args: unknown[]) => unknown) =>
    (...args: unknown[]): unknown => {
      clock.calls++;
      if (clock.calls > at || (clock.calls === at && when === "before")) throw new Killed();
      const result = call(...args);
      if (clock.calls === at) throw new Killed();
      return result;
    };
  const entries = Object.entries(ports).map(([name, value]) => {
    if (typeof value === "function") return [name, wrap(value.bind(ports))];
    return [name, value];
  });
  return Object.fromEntries(entries) as T;
}

function bareJournal(): { journal: Journal; id: number } {
  const db = new DatabaseSync(":memory:");
  db.exec(SCHEMA);
  const journal = new Journal(db, { boot: "b", monotonicMs: () => 0, wallMs: () => 0 }, { pid: 1, startTime: 1 });
  const taken = journal.acquire("watch", "test", 1_000, () => true);
  if (!taken.held) throw new Error("held");
  const [id = 0] = journal.commit("default", taken.lease, initialState(0), [
    { kind: "open-incident", incident: 1, cause: "process-frozen", firstSeenMs: 0, evidence: [] },
    { kind: "start-repair", incident: 1, attempt: 1, tier: 1, cause: "process-frozen", identity: GATEWAY, by: "watchdog" },
  ]);
  return { journal, id };
}

interface Ending {
  readonly world: World;
  readonly journal: Journal;
  readonly id: number;
  /** Steps that the journal knows as done, and those of them that were taken again nevertheless. */
  readonly done: ReadonlySet<number>;
  readonly repeated: readonly number[];
  /** Port calls of the last run. */
  readonly calls: number;
}

/** Runs a repair whose runner is killed at each of `deaths`, one per run, and at last runs to its end. */
async function repairWith(cause: Cause, nature: Nature, deaths: readonly (readonly [number, "before" | "after"])[]): Promise<Ending> {
  const { journal, id } = bareJournal();
  const world: World = { effects: [], old: "lives", next: false, nowMs: 0 };
  const order: RepairOrder = { id, cause, identity: GATEWAY };
  const done = new Set<number>();
  const repeated: number[] = [];
  const noted: RunnerPorts["journal"] = {
    isOpen: (repair) => journal.isOpen(repair),
    beginStep: (repair, seq, name) => {
      const begun = journal.beginStep(repair, seq, name);
      if (begun && done.has(seq)) repeated.push(seq);
      return begun;
    },
    endStep: (repair, seq, outcome, durationMs, detail) => {
      if (done.has(seq)) repeated.push(seq);
      journal.endStep(repair, seq, outcome, durationMs, detail);
      if (outcome === "done") done.add(seq);
    },
    endRepair: (...args) => journal.endRepair(...args),
  };
  let calls = 0;
  for (const [at, when] of [...deaths, [Number.POSITIVE_INFINITY, "before"] as const]) {
    if (journal.repair(id)?.outcome !== null) break;
    const clock = { calls: 0 };
    const ports = portsOf(world, nature, noted);
    const mortal: RunnerPorts = {
      ...dying(ports, clock, at, when),
      journal: dying(noted, clock, at, when),
      service: dying(ports.service, clock, at, when),
    };
    try {
      await runRepair(order, mortal);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    calls = clock.calls;
  }
  return { world, journal, id, done, repeated, calls };
}

const NATURES: [string, Cause, Nature, string[]][] = [
  ["a frozen gateway", "process-frozen", { endsOn: "SIGKILL", respawns: false }, ["SIGKILL", "start"]],
  ["a frozen gateway that its manager starts again", "process-frozen", { endsOn: "SIGKILL", respawns: true }, ["SIGKILL"]],
  ["a silent gateway that ends when asked", "silent-flat", { endsOn: "SIGTERM", respawns: false }, ["SIGTERM", "start"]],
];

describe("a repair", () => {
  for (const [what, cause, nature, effects] of NATURES) {
    it(`of ${what} does exactly what was planned, at whichever point its runner is killed once or twice`, async () => {
      const whole = await repairWith(cause, nature, []);
      expect(whole.world.effects).toEqual(effects);
      const points = Array.from({ length: whole.calls }, (_, index) => index + 1).flatMap(
        (at) =>
          [
            [at, "before"],
            [at, "after"],
          ] as const,
      );
      expect(points.length).toBeGreaterThan(20);
      for (const first of points) {
        for (const second of [undefined, ...points.filter(([at]) => at % SECOND_DEATHS === 1)]) {
          const { world, journal, id, done, repeated } = await repairWith(cause, nature, second === undefined ? [first] : [first, second]);
          const where = `killed ${first.join(" ")}, then ${second?.join(" ") ?? "not again"}`;
          expect(world.effects, where).toEqual(effects);
          expect([...done], where).toEqual([0, 1]);
          expect(repeated, where).toEqual([]);
          expect(journal.repair(id)?.outcome, where).toBe("done");
          expect(world, where).toMatchObject({ old: "ended", next: true });
        }
      }
    });
  }

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

  it("has no plan for what a restart does not cure, and none that kills without an identity", async () => {
    expect(planFor("start-refused", null)).toEqual([]);
    expect(planFor("process-frozen", null)).toEqual([]);
    expect(planFor("process-gone", GATEWAY).map(({ name }) => name)).toEqual(["start-service"]);
  });
});

describe("a step", () => {
  const nature: Nature = { endsOn: "SIGKILL", respawns: false };
  async function run(change: (ports: RunnerPorts) => Partial<RunnerPorts>, order: Partial<RepairOrder> = {}) {
    const { journal, id } = bareJournal();
    const world: World = { effects: [], old: "lives", next: false, nowMs: 0 };
    const told: [string, StepOutcome][] = [];
    const ports = portsOf(world, nature, journal);
    const onStep: RunnerPorts["onStep"] = (name, outcome) => told.push([name, outcome]);
    const all = { ...ports, onStep };
    const outcome = await runRepair({ id, cause: "process-frozen", identity: GATEWAY, ...order }, { ...all, ...change(all) });
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

  it("is not guessed for a cause that a newer watchdog wrote", async () => {
    const { outcome, repair, world } = await run(() => ({}), { cause: "toString" });
    expect(outcome).toBe("failed");
    expect(repair?.note).toBe("unknown cause toString");
    expect(world.effects).toEqual([]);
  });
});
