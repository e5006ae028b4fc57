import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { decide } from "../../rescue-profile/core/decide.ts";
import type { Proposal } from "../../rescue-profile/core/proposal.ts";
import { isJudgeable } from "../../rescue-profile/core/request.ts";
import { initialState, type WatchState } from "../../rescue-profile/core/state.ts";
import { FINDS } from "./finds.ts";

const POLICY = toPolicy(parsePolicy({ limits: { maxTier: 3 } }));
const AT = 100_000;
const PROCESS = { pid: 7, startTime: 70 };

/** Down for a while, after two starts that did not help: the rest that was told. */
function resting(more: Partial<WatchState> = {}): WatchState {
  const start = initialState(0);
  return {
    ...start,
    everServed: true,
    phase: { name: "cooling", untilMs: AT + 1_000_000, cause: "process-gone" },
    restUntilMs: AT + 1_000_000,
    lastIncident: 4,
    incident: { id: 4, cause: "process-gone", openedMs: 0, attempts: 2, mends: [], told: ["process-gone"] },
    track: { ...start.track, condition: "gone", checks: 20, sinceMs: 0, lastMs: AT, identity: null },
    ...more,
  };
}

const ask = (state: WatchState, proposal: Partial<Proposal> = {}, policy = POLICY) =>
  decide(
    state,
    {
      kind: "repair-requested",
      atMs: AT,
      by: "diagnosis",
      proposal: { id: 1, incident: 4, actions: "doctor", ends: null, approvedBy: null, ...proposal },
    },
    policy,
  );
const repairOf = (decided: ReturnType<typeof ask>) => decided.actions.find((action) => action.kind === "start-repair");

describe("a proposal", () => {
  it("is carried out as the third tier, and counts as a repair", () => {
    const decided = ask(resting());
    expect(repairOf(decided)).toMatchObject({
      tier: 3,
      cause: "proposed",
      subject: "doctor",
      identity: null,
      incident: 4,
      by: "diagnosis",
    });
    expect(decided.state.repairs).toEqual([AT]);
    expect(decided.state.phase.name).toBe("repairing");
  });

  it("is carried out in its own incident, and a second one when the first has not helped", () => {
    const having = (...mends: ("proposed" | "proposed-end")[]) =>
      resting({ incident: { id: 4, cause: "process-gone", openedMs: 0, attempts: 2, mends, told: ["process-gone"] } });
    expect(repairOf(ask(having("proposed")))).toMatchObject({ tier: 3 });
    expect(ask(having("proposed", "proposed-end")).reason).toBe("refused: 2 proposals were carried out in this incident already");
    expect(ask(resting(), { incident: 3 }).reason).toBe("refused: incident 3 is over");
    expect(ask(resting({ incident: null })).reason).toBe("refused: incident 4 is over");
  });

  it("that a fence forbade does not count, and takes none of the others back", () => {
    const settled = (state: WatchState, outcome: "done" | "aborted") =>
      decide(state, { kind: "repair-settled", atMs: AT + 1, incident: 4, outcome, note: "" }, POLICY).state;
    const seenGone = (state: WatchState): WatchState => ({ ...state, track: resting().track });
    const first = seenGone(settled(ask(resting()).state, "done"));
    const aborted = seenGone(settled(ask(first).state, "aborted"));
    expect(aborted.incident?.mends).toEqual(["proposed"]);
    const second = seenGone(settled(ask(aborted).state, "done"));
    expect(ask(second).reason).toBe("refused: 2 proposals were carried out in this incident already");
  });

  it("that has not helped is told as what it is: it is down, and needs a human, once more", () => {
    const { state } = ask(resting());
    expect(state.incident?.told).toEqual([]);
    const settled = decide(state, { kind: "repair-settled", atMs: AT + 1, incident: 4, outcome: "done", note: "" }, POLICY).state;
    let now: WatchState = settled;
    const told: string[] = [];
    for (let at = AT + 2_000; at < AT + 60_000; at += 2_000) {
      const assessment = { atMs: at, verdict: "down", condition: "gone", evidence: [], findings: FINDS.nothing } as const;
      const decided = decide(now, { kind: "sampled", assessment }, POLICY);
      told.push(...decided.actions.flatMap((action) => (action.kind === "tell" ? [action.text] : [])));
      now = decided.state;
    }
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("needs a human");
  });

  it("waits while the gateway boots, since that boot may fail like those before it, and for nothing else", () => {
    const proposal = { id: 1, incident: 4, actions: "doctor", ends: null, approvedBy: "ada" };
    const seen = (condition: WatchState["track"]["condition"], more: Partial<WatchState> = {}) =>
      resting({ track: { ...resting().track, condition, lastMs: AT }, ...more });
    expect(isJudgeable(seen("starting"), proposal)).toBe(false);
    expect(isJudgeable(seen("starting"))).toBe(true);
    expect(isJudgeable(seen("starting"), { ...proposal, incident: 3 })).toBe(true);
    expect(isJudgeable(seen("starting", { pause: { sinceMs: 0, untilMs: null, by: "ada", reason: null } }), proposal)).toBe(true);
    expect(isJudgeable(seen("starting", { phase: { name: "repairing", sinceMs: AT, cause: "proposed" } }), proposal)).toBe(true);
    for (const condition of ["gone", "parked", "serving", "draining", "maintenance"] as const)
      expect(isJudgeable(seen(condition), proposal), condition).toBe(true);
  });

  it("does not come where it was not asked for, in a pause, or when the gateway serves", () => {
    expect(ask(resting(), {}, toPolicy(parsePolicy({}))).reason).toContain("carries out no proposals");
    expect(ask(resting({ pause: { sinceMs: 0, untilMs: null, by: "ada", reason: null } })).reason).toContain("paused by ada");
    expect(ask(resting({ track: { ...resting().track, condition: "serving" } })).reason).toContain("nothing to repair");
  });

  it("has the budget of the watchdog's own repairs, unless a person approved it", () => {
    const spent = resting({ repairs: [AT - 3, AT - 2, AT - 1] });
    expect(ask(spent).reason).toBe("refused: the allowed number of repairs is used up; a person may approve it");
    expect(repairOf(ask(spent, { approvedBy: "ada" }))).toMatchObject({ tier: 3, evidence: ["proposed by a diagnosis, approved by ada"] });
  });

  it("ends only the process that was judged, and only one that was seen to serve and that a kill does not harm", () => {
    const silent = (more: Partial<WatchState["track"]> = {}, state: Partial<WatchState> = {}) =>
      resting({ track: { ...resting().track, condition: "silent", identity: PROCESS, killHarm: "none", ...more }, ...state });
    const ends = { actions: "end", ends: PROCESS };
    expect(repairOf(ask(silent(), ends))).toMatchObject({ tier: 3, cause: "proposed-end", identity: PROCESS });
    expect(ask(silent(), ends).state.kills).toEqual([AT]);
    expect(ask(silent({ identity: { pid: 7, startTime: 71 } }), ends).reason).toContain("pid 7 is not the process that was judged");
    expect(ask(silent({ identity: null }), ends).reason).toContain("is not the process that was judged");
    expect(ask(silent({ killHarm: "database-locked" }), ends).reason).toContain("refused");
    expect(ask(silent({}, { everServed: false }), ends).reason).toContain("never seen to serve");
    expect(ask(silent({}, { kills: [AT - 2, AT - 1] }), ends).reason).toContain("used up");
  });
});
