import { describe, expect, it } from "vitest";
import { Journal, LeaseLost } from "../../rescue-profile/journal/journal.ts";
import { openJournal, openJournalReader } from "../../rescue-profile/journal/open.ts";
import { readIncident, readIncidents, readWatch, summarize } from "../../rescue-profile/journal/read.ts";
import {
  everybodyLives,
  fakeClock,
  opened,
  processAt,
  repairOf,
  rows,
  scratch,
  stateWith,
  TARGET,
  take,
  toldOf,
  WALL_MS,
} from "./harness.ts";

const ONE = { pid: 11, startTime: 110 };
const TWO = { pid: 22, startTime: 220 };

describe("a commit", () => {
  it("writes the state, the incident and the intent of its repair together and returns the repair's id", () => {
    using at = scratch();
    using journal = processAt(at.dir, fakeClock(), ONE);
    const state = stateWith({ lastIncident: 1, everServed: true });
    const ids = journal.commit(TARGET, take(journal), state, [opened(1), repairOf(1), toldOf(1)]);

    expect(ids).toHaveLength(1);
    expect(journal.loadState(TARGET)).toEqual(state);
    expect(journal.latestRepair(1)).toMatchObject({ id: ids[0], identity: { pid: 7, startTime: 70 }, runs: 0, outcome: null });
    expect(rows(at.dir, "incidents")).toMatchObject([{ id: 1, first_seen_wall: WALL_MS - 1_000, opened_wall: WALL_MS }]);
    expect(rows(at.dir, "tells")).toHaveLength(1);
  });

  it("writes nothing at all when its last action cannot be written", () => {
    using at = scratch();
    using journal = processAt(at.dir, fakeClock(), ONE);
    const lease = take(journal);
    const before = stateWith({ lastIncident: 1 });
    journal.commit(TARGET, lease, before, [opened(1)]);

    const actions = [opened(2), repairOf(2), toldOf(2), opened(1)];
    expect(() => journal.commit(TARGET, lease, stateWith({ lastIncident: 2 }), actions)).toThrow(/UNIQUE/);
    expect(journal.loadState(TARGET)).toEqual(before);
    expect(rows(at.dir, "incidents")).toHaveLength(1);
    expect(rows(at.dir, "repairs")).toEqual([]);
    expect(rows(at.dir, "tells")).toEqual([]);
  });

  it("says LeaseLost and writes nothing when another process took over meanwhile", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    const lease = take(one);
    clock.pass(30_001);
    const newer = take(two);
    const state = stateWith({ everServed: true });
    two.commit(TARGET, newer, state, []);

    expect(() => one.commit(TARGET, lease, stateWith({ lastIncident: 1 }), [opened(1)])).toThrow(LeaseLost);
    expect(one.loadState(TARGET)).toEqual(state);
    expect(rows(at.dir, "incidents")).toEqual([]);
  });

  it("says that the disk is full when it is, writes nothing, and goes on when there is room again", () => {
    using at = scratch();
    const { db } = openJournal(at.dir, { isAlive: everybodyLives, wallMs: WALL_MS });
    const journal = new Journal(db, fakeClock(), ONE);
    const lease = take(journal);
    const pages = Number(db.prepare("PRAGMA page_count").get()?.["page_count"]);
    db.exec(`PRAGMA max_page_count=${pages + 2}`);
    const tooMuch = opened(1, ["x".repeat(100_000)]);
    expect(() => journal.commit(TARGET, lease, stateWith({ lastIncident: 1 }), [tooMuch])).toThrow("database or disk is full");
    expect(rows(at.dir, "watch")).toEqual([]);

    db.exec(`PRAGMA max_page_count=${pages + 1_000}`);
    journal.commit(TARGET, lease, stateWith({ lastIncident: 1 }), [tooMuch]);
    expect(rows(at.dir, "incidents")).toHaveLength(1);
    journal.close();
  });
});

describe("a repair in the journal", () => {
  it("keeps the first outcome that was written", () => {
    using at = scratch();
    using journal = processAt(at.dir, fakeClock(), ONE);
    const [id = 0] = journal.commit(TARGET, take(journal), stateWith({ lastIncident: 1 }), [opened(1), repairOf(1)]);
    journal.endRepair(id, "lost", "its runner was ended 3 times");
    journal.endRepair(id, "done", "late");
    expect(journal.repair(id)).toMatchObject({ outcome: "lost", note: "its runner was ended 3 times" });
  });

  it("counts each runner that claims it and knows the last one", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    const [id = 0] = one.commit(TARGET, take(one), stateWith({ lastIncident: 1 }), [opened(1), repairOf(1)]);
    one.claimRepair(id);
    two.claimRepair(id);
    expect(one.repair(id)).toMatchObject({ runs: 2, runner: TWO });
  });

  it("does not begin a step again that was done, but one that only began or failed", () => {
    using at = scratch();
    using journal = processAt(at.dir, fakeClock(), ONE);
    const [id = 0] = journal.commit(TARGET, take(journal), stateWith({ lastIncident: 1 }), [opened(1), repairOf(1)]);
    expect(journal.beginStep(id, 0, "end-process")).toBe(true);
    expect(journal.beginStep(id, 0, "end-process")).toBe(true);
    journal.endStep(id, 0, "failed", 3, "no");
    expect(journal.beginStep(id, 0, "end-process")).toBe(true);
    journal.endStep(id, 0, "done", 3, "yes");
    expect(journal.beginStep(id, 0, "end-process")).toBe(false);
    expect(journal.beginStep(id, 1, "start-service")).toBe(true);
  });
});

describe("a request in the journal", () => {
  it("is open until it is answered, in the order in which it was made", () => {
    using at = scratch();
    using journal = processAt(at.dir, fakeClock(), ONE);
    const pause = journal.addRequest("pause", { forMs: 60_000, reason: "moving house" }, "ana");
    const resume = journal.addRequest("resume", {}, "ana");
    expect(journal.openRequests()).toEqual([
      { id: pause, kind: "pause", payload: { forMs: 60_000, reason: "moving house" }, by: "ana" },
      { id: resume, kind: "resume", payload: {}, by: "ana" },
    ]);
    expect(journal.requestAnswer(pause)).toBeUndefined();
    journal.answerRequest(pause, "paused by ana");
    expect(journal.openRequests().map((request) => request.id)).toEqual([resume]);
    expect(journal.requestAnswer(pause)).toBe("paused by ana");
  });
});

describe("what people read", () => {
  it("is the incident with its repairs, their steps and what was told, timed from the first bad look", () => {
    using at = scratch();
    const clock = fakeClock();
    using journal = processAt(at.dir, clock, ONE);
    const lease = take(journal);
    const [id = 0] = journal.commit(TARGET, lease, stateWith({ lastIncident: 1 }), [opened(1), repairOf(1), toldOf(1)]);
    journal.beginStep(id, 0, "end-process");
    journal.endStep(id, 0, "done", 12.6, "pid 7 ended on SIGKILL");
    journal.endRepair(id, "done", "started");
    clock.pass(41_000);
    journal.commit(TARGET, lease, stateWith({ lastIncident: 1 }), [{ kind: "close-incident", incident: 1, outcome: "recovered" }]);

    const db = openJournalReader(at.dir);
    if (db === undefined) throw new Error("no journal");
    const step = { name: "end-process", intentAt: WALL_MS, durationMs: 13, outcome: "done", detail: "pid 7 ended on SIGKILL" };
    expect(readIncident(db, 1)).toMatchObject({
      cause: "process-frozen",
      durationMs: 42_000,
      outcome: "recovered",
      evidence: ["pid 7 is gone"],
      repairs: [{ attempt: 1, requestedBy: "watchdog", outcome: "done", note: "started", steps: [step] }],
      told: [{ at: WALL_MS, severity: "critical", text: "look at it" }],
    });
    expect(readIncident(db, 2)).toBeUndefined();
    expect(readIncidents(db, { limit: 5, sinceWallMs: WALL_MS + 1 })).toEqual([]);
    expect(readWatch(db, TARGET)?.watcher).toMatchObject({ ...ONE, what: "test" });
    expect(readWatch(db, "another")).toBeUndefined();
    db.close();
  });

  it("counts as recovered only what served again, and times only that", () => {
    const incident = { firstSeenAt: 0, openedAt: 0, closedAt: 1, attempts: 1, tier: 1, cause: "process-gone" };
    const stats = summarize([
      { ...incident, id: 4, outcome: null, closedAt: null, durationMs: null },
      { ...incident, id: 3, outcome: "stopped-by-operator", durationMs: 900_000 },
      { ...incident, id: 2, outcome: "recovered-by-itself", durationMs: 10_000 },
      { ...incident, id: 1, outcome: "recovered", durationMs: 40_000 },
    ]);
    expect(stats).toMatchObject({ total: 4, closed: 3, recovered: 2, meanMs: 25_000, worstMs: 40_000, byCause: { "process-gone": 4 } });
    expect(stats.byOutcome).toEqual({ open: 1, "stopped-by-operator": 1, "recovered-by-itself": 1, recovered: 1 });
    expect(summarize([])).toMatchObject({ total: 0, meanMs: null, worstMs: null });
  });
});
