import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { decide } from "../../rescue-profile/core/decide.ts";
import { nextAllowedMs } from "../../rescue-profile/core/limits.ts";
import type { Assessment } from "../../rescue-profile/core/model.ts";
import type { WatchState } from "../../rescue-profile/core/state.ts";
import { type FakeClock, fakeClock, processAt, scratch, stateWith, TARGET, take, WALL_MS } from "./harness.ts";

const policy = toPolicy(parsePolicy({}));
const MINUTE = 60_000;
const NOW = 5_000_000;

/** Saved by one process, loaded by another under `clock`. */
function carried(state: WatchState, clock: FakeClock): WatchState {
  using at = scratch();
  using before = processAt(at.dir, fakeClock(), { pid: 11, startTime: 110 });
  before.commit(TARGET, take(before), state, []);
  using after = processAt(at.dir, clock, { pid: 22, startTime: 220 });
  return after.loadState(TARGET);
}

const rebooted = (wallPassedMs: number, mono = 30_000) => fakeClock("boot-2", mono, WALL_MS + wallPassedMs);
const spent = stateWith({ repairs: [NOW - 50 * MINUTE, NOW - 20 * MINUTE, NOW - 5 * MINUTE], lastIncident: 3 });
const allowedIn = (state: WatchState, clock: FakeClock) => nextAllowedMs(state, "process-gone", clock.mono, policy) - clock.mono;

/** Two looks that show the process gone: what a full budget answers with a repair. */
function repairsOnGone(state: WatchState, clock: FakeClock): number {
  let current = state;
  let repairs = 0;
  for (const atMs of [clock.mono + 100, clock.mono + 600]) {
    const assessment: Assessment = { atMs, verdict: "down", condition: "gone", evidence: [], lastExit: { signal: "SIGKILL" } };
    const decided = decide(current, { kind: "sampled", assessment }, policy);
    current = decided.state;
    repairs += decided.actions.filter((action) => action.kind === "start-repair").length;
  }
  return repairs;
}

function reminders(state: WatchState, atMs: number): number {
  const assessment: Assessment = { atMs, verdict: "up", condition: "serving", evidence: [] };
  const { actions } = decide(state, { kind: "sampled", assessment }, policy);
  return actions.filter((action) => action.kind === "tell" && action.cause === "pause-forgotten").length;
}

describe("state carried to a later process of the same boot", () => {
  it("is unchanged, whatever somebody did to the wall clock", () => {
    for (const wall of [WALL_MS, WALL_MS - 1e10, WALL_MS + 1e10]) {
      expect(carried(spent, fakeClock("boot-1", NOW + 1_000, wall))).toEqual(spent);
    }
  });

  it("begins anew, after the last known incident, for a target that was never watched", () => {
    using at = scratch();
    const clock = fakeClock();
    using journal = processAt(at.dir, clock, { pid: 11, startTime: 110 });
    const incident = { kind: "open-incident", incident: 8, cause: "process-gone", firstSeenMs: NOW, evidence: [] } as const;
    journal.commit(TARGET, take(journal), stateWith({ lastIncident: 8 }), [incident]);
    expect(journal.loadState("another")).toMatchObject({ lastIncident: 8, repairs: [], everServed: false });
  });
});

describe("state carried over a reboot", () => {
  it("still withholds the fourth repair of the hour", () => {
    const clock = rebooted(2 * MINUTE);
    const state = carried(spent, clock);
    expect(state.repairs.map((at) => clock.mono - at)).toEqual([52 * MINUTE, 22 * MINUTE, 7 * MINUTE]);
    expect(allowedIn(state, clock)).toBeGreaterThan(0);
    expect(repairsOnGone(state, clock)).toBe(0);
  });

  it("allows it when the reboot took the oldest out of the hour", () => {
    const clock = rebooted(11 * MINUTE);
    expect(repairsOnGone(carried(spent, clock), clock)).toBe(1);
  });

  it("counts repairs as no younger and no older than they were when the wall clock went backwards", () => {
    for (const back of [1, MINUTE, 400 * 24 * 60 * MINUTE]) {
      const clock = rebooted(-back);
      const state = carried(spent, clock);
      expect(state.repairs.map((at) => clock.mono - at)).toEqual([50 * MINUTE, 20 * MINUTE, 5 * MINUTE]);
      expect(repairsOnGone(state, clock)).toBe(0);
    }
  });

  it("goes on cooling down for what was left, no longer when the wall clock went backwards", () => {
    const cooling = stateWith({ phase: { name: "cooling", untilMs: NOW + 30 * MINUTE, cause: "process-gone" } });
    const left = (clock: FakeClock) => {
      const { phase } = carried(cooling, clock);
      return phase.name === "cooling" ? phase.untilMs - clock.mono : undefined;
    };
    expect(left(rebooted(10 * MINUTE))).toBe(20 * MINUTE);
    expect(left(rebooted(-10 * MINUTE))).toBe(30 * MINUTE);
    const soon = rebooted(29 * MINUTE);
    expect(repairsOnGone(carried(cooling, soon), soon)).toBe(0);
    const late = rebooted(31 * MINUTE);
    expect(repairsOnGone(carried(cooling, late), late)).toBe(1);
  });

  it("keeps a pause for the rest of its time, and one without an end for ever", () => {
    const pause = { sinceMs: NOW, by: "ana", reason: null };
    const clock = rebooted(20 * MINUTE);
    expect(carried(stateWith({ pause: { ...pause, untilMs: NOW + 60 * MINUTE } }), clock).pause?.untilMs).toBe(clock.mono + 40 * MINUTE);
    expect(carried(stateWith({ pause: { ...pause, untilMs: null } }), clock).pause).toEqual({
      ...pause,
      sinceMs: clock.mono - 20 * MINUTE,
      untilMs: null,
    });
  });

  it("reminds of a pause after a day in all, also of one that an older watchdog saved", () => {
    const pause = { sinceMs: NOW - 20 * 60 * MINUTE, untilMs: null, by: "ana", reason: null };
    for (const known of [pause, { ...pause, sinceMs: NOW - 44 * 60 * MINUTE, toldMs: NOW - 20 * 60 * MINUTE }]) {
      expect(reminders(carried(stateWith({ pause: known }), rebooted(3 * 60 * MINUTE)), 30_000)).toBe(0);
      expect(reminders(carried(stateWith({ pause: known }), rebooted(5 * 60 * MINUTE)), 30_000)).toBe(1);
    }
  });

  it("measures the new process anew", () => {
    const memory = { hours: [7e8, 8e8], hourMs: NOW, lowest: 9e8, told: true };
    const trends = { identity: { pid: 7, startTime: 70 }, memory, answers: { tookMs: [3], lastMs: NOW, slowSinceMs: null } };
    expect(carried(stateWith({ trends }), fakeClock("boot-1", NOW + 1_000)).trends).toEqual(trends);
    expect(carried(stateWith({ trends }), rebooted(MINUTE)).trends).toBeUndefined();
  });

  it("keeps kills, the open incident, and that it ever served, but no process of the earlier boot", () => {
    const clock = rebooted(MINUTE);
    const incident = { id: 3, cause: "process-frozen", openedMs: NOW - MINUTE, attempts: 1, mends: [], told: [] } as const;
    const track = { ...stateWith({}).track, identity: { pid: 7, startTime: 70 }, served: true };
    const state = carried(stateWith({ kills: [NOW - MINUTE], incident, everServed: true, track }), clock);
    expect(state.kills).toEqual([clock.mono - 2 * MINUTE]);
    expect(state.incident).toEqual({ ...incident, openedMs: clock.mono - 2 * MINUTE });
    expect(state.everServed).toBe(true);
    expect(state.track).toMatchObject({ identity: null, served: false, cpu: null });
  });
});

describe("a journal begun anew because the old one was lost", () => {
  it("counts as spent what may have been spent, and kills nothing that was not seen to serve", () => {
    using at = scratch();
    const clock = fakeClock();
    using journal = processAt(at.dir, clock, { pid: 11, startTime: 110 });
    journal.beginWithLittleBudget(TARGET, policy.repairsPerHour - 1);
    const state = journal.loadState(TARGET);
    expect(state.everServed).toBe(false);
    expect(repairsOnGone(state, clock)).toBe(1);
    expect(repairsOnGone({ ...state, repairs: [...state.repairs, clock.mono] }, clock)).toBe(0);
  });

  it("never gives an incident's number twice, also when another process had begun to write", () => {
    using at = scratch();
    using journal = processAt(at.dir, fakeClock(), { pid: 11, startTime: 110 });
    const incident = { kind: "open-incident", incident: 1, cause: "process-gone", firstSeenMs: NOW, evidence: [] } as const;
    journal.commit(TARGET, take(journal), stateWith({ lastIncident: 1 }), [incident]);
    journal.beginWithLittleBudget(TARGET, 2);
    expect(journal.loadState(TARGET).lastIncident).toBe(1);
  });

  it("an older watchdog's state that is loaded after a reboot neither pauses for days nor counts its repairs for days", () => {
    using at = scratch();
    const NOW = 5_000_000_000; // up for 58 days
    using before = processAt(at.dir, fakeClock("boot-1", NOW), { pid: 11, startTime: 110 });
    const {
      surveyedMs: _,
      warned: _w,
      saidServing: _s,
      ...old
    } = stateWith({
      repairs: [NOW - 3_000_000, NOW - 2_000_000, NOW - 1_000_000],
      pause: { sinceMs: NOW - 1000, untilMs: NOW + 3_600_000, by: "ana", reason: null },
    });
    before.commit(TARGET, take(before), old as never, []);
    // Package updated, machine rebooted, a day later.
    using after = processAt(at.dir, fakeClock("boot-2", 60_000, WALL_MS + 86_400_000), { pid: 22, startTime: 220 });
    const state = after.loadState(TARGET);
    const now = 60_000;
    expect(state.repairs.filter((each) => now - each < 3_600_000)).toEqual([]);
    expect(state.pause === null || (state.pause.untilMs ?? 0) <= now + 3_600_000).toBe(true);
  });
});
