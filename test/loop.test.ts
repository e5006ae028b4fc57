import { describe, expect, it } from "vitest";
import type { ProcessReading, Reading } from "../rescue-profile/core/model.ts";
import type { Depth } from "../rescue-profile/core/pace.ts";
import { initialState, type WatchState } from "../rescue-profile/core/state.ts";
import { LeaseLost } from "../rescue-profile/journal/journal.ts";
import { type LoopPorts, watch } from "../rescue-profile/loop.ts";
import { FINDS, findings } from "./core/finds.ts";
import { absent, alive, hung, service, look as serving } from "./core/looks.ts";
import { after, always, count, policy, START_MS, world } from "./world.ts";

/** A state in which the gateway was last seen gone, once, at `lastMs`. */
function seenGone(lastMs: number): WatchState {
  const state = initialState(START_MS - 600_000);
  const track = { ...state.track, condition: "gone", checks: 1, sinceMs: lastMs, lastMs, lastFullMs: lastMs } as const;
  return { ...state, track, everServed: true };
}

describe("one round of the loop", () => {
  it("looks, makes the decision durable, keeps the lease, acts, and tells, in this order", async () => {
    const { did, forMs } = world(always(absent({})));
    await forMs(500);
    expect(did).toEqual([
      ...["look full", "commit", "renew", "told watching"],
      ...["look full", "commit open-incident start-repair", "renew", "start 1", "told repairing"],
      "commit",
    ]);
  });

  it("writes the state that contains the repair before the repair is begun", async () => {
    const { commits, ports } = world(always(absent({})));
    const written: string[] = [];
    await watch(
      initialState(START_MS),
      policy,
      { ...ports, startRepair: () => void written.push(commits.at(-1)?.state.phase.name ?? "nothing") },
      new AbortController().signal,
      (decision) => decision.state.phase.name === "repairing",
    );
    expect(written).toEqual(["repairing"]);
  });

  it("looks cheaply every second and fully every ten while all is well", async () => {
    const { did, forMs } = world(always(serving({})));
    await forMs(21_000);
    const looks = did.filter((each) => each.startsWith("look")).map((each) => (each === "look full" ? "F" : "."));
    expect(looks.join("")).toBe("F.........F.........F.");
  });

  it("writes nothing while nothing changes, except for what was seen last every ten seconds", async () => {
    const { did, commits, forMs } = world(always(serving({})));
    await forMs(60_000);
    expect(count(did, "told watching")).toBe(1);
    expect(commits.length).toBe(8);
    const saved = commits.map(({ state }) => state.track.lastMs);
    for (const [index, atMs] of saved.slice(1).entries()) expect(atMs - (saved[index] ?? 0)).toBeLessThanOrEqual(10_000);
  });

  it("comes back a fraction of a second after the first bad look, and starts what is gone at the second", async () => {
    const { clock, commits, did, ports } = world(after(5_000, serving({}), absent({})));
    let goneAt = 0;
    const look: LoopPorts["look"] = (...args) => {
      if (goneAt === 0 && clock.nowMs >= START_MS + 5_000) goneAt = clock.nowMs;
      return ports.look(...args);
    };
    await watch(
      initialState(START_MS),
      policy,
      { ...ports, look },
      new AbortController().signal,
      ({ state }) => state.phase.name === "repairing",
    );
    expect(clock.nowMs - (START_MS + 5_000)).toBeLessThanOrEqual(policy.identityMs + policy.recheckMs);
    expect(count(did, "start 1")).toBe(1);
    expect(commits.at(-1)?.state.phase.name).toBe("repairing");
  });
});

describe("a loop that cannot write", () => {
  it("starts no repair, tells nobody, and ends with the journal's words", async () => {
    const full = new Error("database or disk is full");
    const fails: LoopPorts["commit"] = (_state, actions) => {
      if (actions.length > 0) throw full;
      return [];
    };
    const { did, forMs } = world(always(absent({})), { commit: fails });
    await expect(forMs(60_000)).rejects.toBe(full);
    expect(did).toEqual(["look full", "renew", "told watching", "look full"]);
  });

  it("because it lost its lease stops at once", async () => {
    let commits = 0;
    const loses: LoopPorts["commit"] = () => {
      if (++commits === 2) throw new LeaseLost("the watch lease was taken over");
      return [];
    };
    const { did, forMs } = world(always(absent({})), { commit: loses });
    await expect(forMs(60_000)).rejects.toThrow(LeaseLost);
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
    expect(count(did, "look full")).toBe(2);
  });

  it("or that loses its lease just after it wrote leaves the repair to its successor", async () => {
    let renewals = 0;
    const loses = () => {
      if (++renewals === 2) throw new LeaseLost("the watch lease was taken over");
    };
    const { did, commits, forMs } = world(always(absent({})), { renewLease: loses });
    await expect(forMs(60_000)).rejects.toThrow(LeaseLost);
    expect(commits.at(-1)?.state.phase.name).toBe("repairing");
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
  });
});

describe("time", () => {
  it("that a look began too late is told to the look, and nothing is repaired because of it", async () => {
    const lates: number[] = [];
    const { clock, ports, did, commits } = world(always(absent({})));
    const overslept = {
      sleep: async (ms: number) => {
        clock.nowMs += ms + 7_000;
        return false;
      },
      look: (depth: Depth, lateMs: number) => {
        lates.push(lateMs);
        return ports.look(depth, lateMs);
      },
    };
    await watch(
      initialState(START_MS),
      policy,
      { ...ports, ...overslept },
      new AbortController().signal,
      () => clock.nowMs > START_MS + 70_000,
    );
    expect(lates.every((lateMs) => lateMs === 7_000)).toBe(true);
    expect(count(did, "start 1")).toBe(0);
    expect(commits.at(-1)?.state.graceUntilMs).toBeGreaterThan(START_MS + 70_000);
  });

  it("that a look and a decision take does not count as lateness of the next look", async () => {
    const lates: number[] = [];
    const { clock, ports } = world(always(serving({})));
    const look: LoopPorts["look"] = (depth, lateMs) => {
      lates.push(lateMs);
      const seen = ports.look(depth, lateMs);
      clock.nowMs += 4_000;
      return seen;
    };
    await watch(initialState(START_MS), policy, { ...ports, look }, new AbortController().signal, () => lates.length === 5);
    expect(lates).toEqual([0, 0, 0, 0, 0]);
  });

  it("without anybody watching makes what was seen in a row worthless", async () => {
    const fresh = world(always(absent({})));
    await fresh.forMs(0, seenGone(START_MS - 90_000));
    expect(count(fresh.did, "start 1")).toBe(1);

    const stale = world(always(absent({})));
    const state = await stale.forMs(0, seenGone(START_MS - 90_001));
    expect(count(stale.did, "start 1")).toBe(0);
    expect(state.track).toMatchObject({ condition: "gone", checks: 1 });
  });

  it("that seems to have run backwards as well", async () => {
    const { did, forMs } = world(always(absent({})));
    await forMs(0, seenGone(START_MS + 90_001));
    expect(count(did, "start 1")).toBe(0);
  });
});

describe("a request", () => {
  it("to pause holds before anything is decided in the same round, and is answered with the reason", async () => {
    const { ask, answers, did, forMs } = world(always(absent({})));
    ask({ kind: "pause", payload: { forMs: 3_600_000, reason: "moving house" } });
    const state = await forMs(60_000);
    expect(answers).toEqual(["paused by ana"]);
    expect(state.pause).toEqual({ sinceMs: START_MS, untilMs: START_MS + 3_600_000, by: "ana", reason: "moving house" });
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
    expect(did).toContain("commit answer 0");
  });

  it("to pause without a time pauses until it is resumed", async () => {
    const { ask, answers, did, forMs } = world(always(absent({})));
    ask({ kind: "pause", payload: {} });
    ask({ kind: "resume", payload: {} });
    await forMs(60_000);
    expect(answers).toEqual(["paused by ana", "resumed by ana"]);
    expect(count(did, "start 1")).toBe(1);
  });

  it("is answered once", async () => {
    const { ask, did, forMs } = world(always(serving({})));
    ask({ kind: "resume", payload: {} });
    await forMs(30_000);
    expect(count(did, "commit answer 0")).toBe(1);
  });

  it("to repair what is healthy is refused, with what is seen", async () => {
    const { ask, answers, did, forMs } = world(always(serving({})));
    ask({ kind: "repair", payload: {} });
    await forMs(0);
    expect(answers).toEqual(["refused: nothing to repair: the gateway is serving"]);
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
  });

  it("to repair is judged by a fresh look, also when nobody had watched for long", async () => {
    for (const state of [initialState(START_MS), seenGone(START_MS - 3_600_000)]) {
      const { ask, answers, did, forMs } = world(always(absent({})));
      ask({ kind: "repair", payload: {} });
      await forMs(0, state);
      expect(answers).toEqual(["process-gone: repair 1 begins"]);
      expect(did).toEqual([
        ...["look deep", "commit", "renew", "told watching"],
        ...["commit open-incident start-repair answer 0", "renew", "start 1", "told repairing", "commit"],
      ]);
    }
  });

  it("that is withdrawn, or settled otherwise, while it is judged, is not carried out, and the state stays as it was", async () => {
    const { ports, ask, commits, did, answers } = world(always(absent({})));
    const commit: LoopPorts["commit"] = (state, actions, answer) => {
      if (answer === undefined) return ports.commit(state, actions);
      answers[answer.request] = "withdrawn";
      return undefined;
    };
    ask({ kind: "repair", payload: {} });
    const state = await watch(initialState(START_MS), policy, { ...ports, commit }, new AbortController().signal, () => answers.length > 0);
    expect(commits.flatMap(({ actions }) => actions)).toEqual([]);
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
    expect(state).toMatchObject({ phase: { name: "watching" }, incident: null, repairs: [] });
  });

  it("to repair does not wait for the time that a frozen gateway is given, but for three looks that agree", async () => {
    const frozen = hung({ process: alive({ run: "stopped" }) });
    const { ask, answers, clock, did, ports } = world(after(1_500, serving({}), frozen));
    const sleep: LoopPorts["sleep"] = async (ms, signal) => {
      const woken = await ports.sleep(ms, signal);
      if (clock.nowMs === START_MS + 2_000) ask({ kind: "repair", payload: {} });
      return woken;
    };
    await watch(initialState(START_MS), policy, { ...ports, sleep }, new AbortController().signal, () => answers.length > 0);
    expect(clock.nowMs).toBe(START_MS + 2_000 + 2 * policy.recheckMs);
    expect(did.filter((each) => each.startsWith("look"))).toEqual(["look full", "look identity", "look deep", "look deep", "look deep"]);
    expect(answers).toEqual(["process-frozen: repair 1 begins"]);
    expect(count(did, "start 1")).toBe(1);
  });
});

describe("a request to repair", () => {
  it("with a dry run says what would be done, and does and writes nothing", async () => {
    const { ask, answers, did, commits, forMs } = world(always(absent({ service: service("parked") })));
    ask({ kind: "repair", payload: { dryRun: true } });
    const state = await forMs(0);
    expect(answers).toEqual(["would repair process-gone"]);
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
    expect(commits.flatMap(({ actions }) => actions)).toEqual([]);
    expect(state.incident).toBeNull();
  });

  it("takes the tier that was asked for, and the dry run of it says the same", async () => {
    for (const dryRun of [true, false]) {
      const broken = { ...absent({ service: service("parked") }), findings: FINDS["config-empty"] };
      for (const [tier, cause] of [
        [1, "process-gone"],
        [2, "config-broken"],
      ] as const) {
        const { ask, answers, forMs } = world(always(broken));
        ask({ kind: "repair", payload: { tier, dryRun } });
        await forMs(0);
        expect(answers).toEqual([dryRun ? `would repair ${cause}` : `${cause}: repair 1 begins`]);
      }
    }
  });
});

describe("a request about what would be repaired unasked in this very round", () => {
  const broken = { ...absent({ service: service("parked") }), findings: FINDS["config-empty"] };
  const lasting: WatchState = (() => {
    const state = seenGone(START_MS - 60_000);
    return { ...state, track: { ...state.track, condition: "parked", checks: 9, lastMs: START_MS - 1_000, lastFullMs: START_MS - 1_000 } };
  })();

  it("is answered as it was made: a restart stays one", async () => {
    const { ask, answers, did, forMs } = world(always(broken));
    ask({ kind: "repair", payload: { tier: 1 } });
    await forMs(0, lasting);
    expect(answers).toEqual(["process-gone: repair 1 begins"]);
    expect(did.filter((each) => each.startsWith("start"))).toHaveLength(1);
  });

  it("is answered as it was made: a dry run does nothing", async () => {
    const { ask, answers, did, forMs } = world(always(broken));
    ask({ kind: "repair", payload: { dryRun: true } });
    await forMs(0, lasting);
    expect(answers).toEqual(["would repair config-broken"]);
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
  });

  it("and without a request it is repaired", async () => {
    const { did, forMs } = world(always(broken));
    await forMs(0, lasting);
    expect(did.filter((each) => each.startsWith("start"))).toHaveLength(1);
  });
});

describe("what is remembered of a gateway that serves", () => {
  const told = {
    cause: "database-lost",
    subject: "/h/state.sqlite",
    sinceMs: START_MS - 86_400_000,
    lastMs: START_MS,
    told: true,
  } as const;

  it("is taken after health has held, at each deep look, and not while an incident is open", async () => {
    const { did, forMs } = world(always(serving({})));
    await forMs(400_000);
    // A minute after it began to serve, then every five.
    expect(count(did, "look deep")).toBe(2);
    expect(count(did, "remember")).toBe(2);
    const ill = world(always(absent({})));
    await ill.forMs(130_000);
    expect(count(ill.did, "remember")).toBe(0);
  });

  it("forgets a lost database only after a person was told of it", async () => {
    for (const warned of [[], [told]]) {
      const accepted: boolean[] = [];
      const lost = findings({ databases: { ok: true, value: [{ path: "/h/state.sqlite", state: "replaced", why: "another" }] } });
      const { forMs } = world(always({ ...serving({}), findings: lost }), { remember: (_, acceptLoss) => void accepted.push(acceptLoss) });
      await forMs(61_000, { ...initialState(START_MS), warned });
      expect([...new Set(accepted)]).toEqual([warned.length > 0]);
    }
  });
});

describe("a repair that was started", () => {
  const repairing: WatchState = {
    ...initialState(START_MS),
    phase: { name: "repairing", sinceMs: START_MS, cause: "process-gone" },
    incident: { id: 4, cause: "process-gone", openedMs: START_MS, attempts: 1, mends: [], told: [] },
    lastIncident: 4,
    repairs: [START_MS],
  };

  it("is left alone while its runner lives", async () => {
    const { did, forMs } = world(always(absent({})));
    const state = await forMs(5_000, repairing);
    expect(state.phase.name).toBe("repairing");
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
  });

  it("is taken up again when its runner died without a word", async () => {
    const { did, forMs } = world(always(absent({})), {
      repairOutcome: (incident) => ({ state: "orphaned", id: incident * 10, note: "", halfDone: false }),
    });
    await forMs(0, repairing);
    expect(did).toEqual(["look full", "commit", "renew", "told repairing", "start 40", "commit"]);
  });

  it.each([
    ["while it is paused", { pause: { sinceMs: START_MS, untilMs: null, by: "ana", reason: null } }, absent({})],
    ["when its decision is more than a minute old", { phase: { ...repairing.phase, sinceMs: START_MS - 60_001 } }, absent({})],
    ["when the gateway serves", {}, serving({})],
  ])("is only wound up %s, when it was in the middle of a step that changes files", async (_, change, seen) => {
    const { did, ports, forMs } = world(always(seen), {
      repairOutcome: (incident) => ({ state: "orphaned", id: incident * 10, note: "", halfDone: true }),
      startRepair: (id, how) => void did.push(`start ${id} ${how}`),
    });
    expect(ports.repairOutcome(4)).toMatchObject({ halfDone: true });
    await forMs(0, { ...repairing, ...change });
    expect(did.filter((each) => each.startsWith("start"))).toEqual(["start 40 wind-up"]);
  });

  it.each([
    ["while it is paused", { pause: { sinceMs: START_MS, untilMs: null, by: "ana", reason: null } }, absent({})],
    ["when its decision is more than a minute old", { phase: { ...repairing.phase, sinceMs: START_MS - 60_001 } }, absent({})],
    ["when the gateway serves again", {}, serving({})],
  ])("is given up when its runner died without a word %s", async (_when, change, seen) => {
    const { commits, did, forMs } = world(always(seen), {
      repairOutcome: (incident) => ({ state: "orphaned", id: incident * 10, note: "", halfDone: false }),
    });
    await forMs(0, { ...repairing, ...change } as WatchState);
    expect(count(did, "start 40")).toBe(0);
    expect(commits.flatMap(({ actions }) => actions)).toMatchObject([{ kind: "abandon-repair", incident: 4 }]);
    expect(commits.at(-1)?.state.phase).toMatchObject({ name: "verifying", outcome: "lost" });
  });

  it("is verified once it has settled, and its incident is closed when health held", async () => {
    const { commits, forMs } = world(always(serving({})), {
      repairOutcome: () => ({ state: "done", id: 1, note: "systemd started it", halfDone: false }),
    });
    const state = await forMs(60_000, repairing);
    expect(commits[0]?.state.phase).toMatchObject({ name: "verifying", outcome: "done" });
    expect(commits.flatMap(({ actions }) => actions)).toEqual([{ kind: "close-incident", incident: 4, outcome: "recovered" }]);
    expect(state).toMatchObject({ phase: { name: "watching" }, incident: null });
  });

  it("is not asked about in any other phase", async () => {
    const asked: number[] = [];
    const repairOutcome: LoopPorts["repairOutcome"] = (incident) => {
      asked.push(incident);
      return { state: "done", id: 1, note: "", halfDone: false };
    };
    const { forMs } = world(always(serving({})), { repairOutcome });
    await forMs(60_000, repairing);
    expect(asked).toEqual([4]);
  });
});

describe("a loop that is told to end", () => {
  it("that is woken looks at everything at once", async () => {
    const { clock, did, ports } = world(() => serving({}));
    let woken = 0;
    const sleep: LoopPorts["sleep"] = async (ms, signal) => {
      await ports.sleep(ms, signal);
      return ++woken === 3;
    };
    await watch(initialState(START_MS), policy, { ...ports, sleep }, new AbortController().signal, () => clock.nowMs > START_MS + 3_000);
    expect(did.filter((each) => each.startsWith("look")).slice(0, 4)).toEqual(["look full", "look identity", "look full", "look identity"]);
  });

  it("while it sleeps looks no more, and writes what it knew", async () => {
    const { abort, did, ports, commits } = world(always(serving({})));
    let naps = 0;
    const sleep: LoopPorts["sleep"] = async (ms, signal) => {
      if (++naps === 3) abort.abort();
      return ports.sleep(ms, signal);
    };
    const state = await watch(initialState(START_MS), policy, { ...ports, sleep }, abort.signal);
    expect(did.filter((each) => each.startsWith("look"))).toHaveLength(2);
    expect(commits.at(-1)).toEqual({ state, actions: [] });
  });

  it("while it looks decides nothing from that look", async () => {
    const { abort, did, ports } = world(always(absent({})));
    let looks = 0;
    const look: LoopPorts["look"] = async (...args) => {
      if (++looks === 2) abort.abort();
      return ports.look(...args);
    };
    await watch(initialState(START_MS), policy, { ...ports, look }, abort.signal);
    expect(did).toEqual(["look full", "commit", "renew", "told watching", "look full", "commit"]);
  });

  it("before it began does nothing but write", async () => {
    const { abort, did, forMs } = world(always(absent({})));
    abort.abort();
    await forMs(60_000);
    expect(did).toEqual(["commit"]);
  });
});

describe("a watcher that cannot see the process", () => {
  it("repairs nothing, says after a minute that it is blind, and says it once", async () => {
    const unreadable: Reading<ProcessReading> = { ok: false, why: "EACCES" };
    const { commits, did, forMs } = world(always(absent({ process: unreadable })));
    await forMs(600_000, { ...initialState(START_MS), everServed: true });
    const tells = commits.flatMap(({ actions }) => actions).filter(({ kind }) => kind === "tell");
    expect(tells).toEqual([expect.objectContaining({ cause: "blind", evidence: [expect.stringContaining("EACCES")] })]);
    expect(did.filter((each) => each.startsWith("start"))).toEqual([]);
  });
});
