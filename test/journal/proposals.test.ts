import { describe, expect, it } from "vitest";
import type { Action } from "../../rescue-profile/core/event.ts";
import { answerButton, answerOf } from "../../rescue-profile/core/proposal.ts";
import { fakeClock, opened, processAt, proposalFor, repairOf, rows, scratch, stateWith, TARGET, take, toldOf, WALL_MS } from "./harness.ts";

const ONE = { pid: 11, startTime: 110 };

function world() {
  const at = scratch();
  const clock = fakeClock();
  const journal = processAt(at.dir, clock, ONE);
  const lease = take(journal);
  let lastIncident = 0;
  return {
    at,
    clock,
    journal,
    commit: (...actions: Action[]) => journal.commit(TARGET, lease, stateWith({ lastIncident }), actions),
    news: () => rows(at.dir, "news").map(({ kind, severity }) => `${kind} ${severity}`),
    /** An incident whose repairs end one after the other; `outcome` null: it goes on. */
    incident(repairs: readonly Partial<Extract<Action, { kind: "start-repair" }>>[], outcome: "recovered" | "stopped-by-operator" | null) {
      const id = ++lastIncident;
      this.commit(opened(id));
      for (const repair of repairs) {
        if (repair.tier === 3) journal.proposals.add(proposalFor(id, { actions: repair.subject ?? "", atMs: clock.wall }));
        const [row = 0] = this.commit({ ...(repairOf(id) as Extract<Action, { kind: "start-repair" }>), ...repair });
        journal.beginStep(row, 0, "end-process");
        journal.beginStep(row, 1, "start-service");
        clock.pass(4_000);
        journal.endRepair(row, "done", "");
      }
      if (outcome !== null) this.commit({ kind: "close-incident", incident: id, outcome });
      return id;
    },
    [Symbol.dispose]: () => {
      journal.close();
      at[Symbol.dispose]();
    },
  };
}

describe("a proposal in the journal", () => {
  it("is what was added, and each change of its state is news that is loud while somebody has to act", () => {
    using the = world();
    the.commit(opened(1));
    const { id } = the.journal.proposals.add(proposalFor(1));
    expect(the.journal.proposals.of(1)).toEqual([{ ...proposalFor(1), id }]);
    expect(the.journal.proposals.settle(id, "waiting", "asked", "approved by ana")).toBe(true);
    expect(the.journal.proposals.settle(id, "asked", "waiting", "in a pause")).toBe(true);
    expect(the.news()).toEqual(["opened critical", "proposed critical", "answered warning", "answered critical"]);
  });

  it("is answered once, by whoever is first", () => {
    using the = world();
    the.commit(opened(1));
    const { id } = the.journal.proposals.add(proposalFor(1));
    using other = processAt(the.at.dir, the.clock, { pid: 22, startTime: 220 });
    expect(other.proposals.settle(id, "waiting", "rejected", "rejected by ben")).toBe(true);
    expect(the.journal.proposals.settle(id, "waiting", "asked", "approved by ana")).toBe(false);
    expect(the.journal.proposals.get(id)).toMatchObject({ state: "rejected", answer: "rejected by ben" });
  });

  it("that nobody answers in time, or whose incident is over, is rejected", () => {
    using the = world();
    the.commit(opened(1), opened(2));
    const { id: late } = the.journal.proposals.add(proposalFor(1));
    const { id: over } = the.journal.proposals.add(proposalFor(2, { untilMs: WALL_MS + 1e9 }));
    the.journal.proposals.expire(WALL_MS + 60_000);
    expect(the.journal.proposals.get(late)?.state).toBe("waiting");
    the.journal.proposals.expire(WALL_MS + 60_001);
    expect(the.journal.proposals.get(late)).toMatchObject({ state: "rejected", answer: "nobody answered in time" });
    the.commit({ kind: "close-incident", incident: 2, outcome: "recovered-by-itself" });
    expect(the.journal.proposals.get(over)).toMatchObject({ state: "rejected", answer: "the incident is over" });
  });

  it("has buttons that outlive the process, as long as it waits", () => {
    using the = world();
    the.commit(opened(1));
    const { id } = the.journal.proposals.add(proposalFor(1));
    const story = the.journal.outbox.story("incident-1");
    const secret = story?.kind === "incident" ? (story.secret ?? "") : "";
    const approve = answerButton(secret, "approve");
    expect(approve.length).toBeLessThanOrEqual(64);
    expect(answerOf(approve)).toEqual({ secret, approved: true });
    expect(answerOf(answerButton(secret, "reject"))).toEqual({ secret, approved: false });
    expect(the.journal.proposals.bySecret(secret)?.id).toBe(id);
    the.journal.proposals.settle(id, "waiting", "asked", null);
    expect(the.journal.outbox.story("incident-1")).toMatchObject({ secret: null });
    for (const forged of ["rw:x.approve", `${approve}x`, `x${approve}`, `rw:${secret}`, `rw:${secret}.do`, `rw:${secret}.approve\n`]) {
      expect(answerOf(forged), forged).toBeUndefined();
    }
  });

  it("does not become the cause of its incident when it is carried out", () => {
    using the = world();
    the.incident([{ tier: 3, cause: "proposed", subject: "doctor" }], "recovered");
    expect(rows(the.at.dir, "incidents")).toMatchObject([{ cause: "process-gone" }]);
  });
});

describe("what was learned", () => {
  const proposed = (subject: string) => ({ tier: 3, cause: "proposed", subject }) as const;

  it("is counted by cause and action; what came last before it served again has worked", () => {
    using the = world();
    the.incident([{}], "recovered");
    the.incident([{}, proposed("doctor")], "recovered");
    the.incident([{}, proposed("end"), proposed("doctor")], "recovered");
    expect(the.journal.patterns()).toEqual([
      {
        cause: "process-frozen",
        actions: "end-process,start-service",
        tier: 1,
        tried: 3,
        worked: 1,
        medianMs: 4_000,
        lastWallMs: WALL_MS + 12_000,
        entries: [],
      },
      expect.objectContaining({ cause: "process-gone", actions: "doctor", tier: 3, tried: 2, worked: 2, entries: ["doctor-fix"] }),
      expect.objectContaining({ cause: "process-gone", actions: "end", tier: 3, tried: 1, worked: 0, medianMs: null }),
    ]);
  });

  it("says nothing of what was not done, of what goes on, and of what somebody stopped", () => {
    using the = world();
    the.incident([{}], null);
    the.incident([{}], "stopped-by-operator");
    const [row = 0] = the.commit(opened(9), repairOf(9));
    the.journal.endRepair(row, "aborted", "the fence");
    the.commit({ kind: "close-incident", incident: 9, outcome: "recovered-by-itself" });
    expect(the.journal.patterns()).toEqual([]);
  });

  it("can be forgotten, one cause or all, and is learned anew", () => {
    using the = world();
    the.incident([{}], "recovered");
    the.incident([proposed("doctor")], "recovered");
    the.journal.forgetPatterns("process-gone");
    expect(the.journal.patterns().map(({ cause }) => cause)).toEqual(["process-frozen"]);
    the.journal.forgetPatterns("*");
    expect(the.journal.patterns()).toEqual([]);
    the.incident([proposed("doctor")], "recovered");
    expect(the.journal.patterns()).toMatchObject([{ cause: "process-gone", tried: 1, worked: 1 }]);
    expect(rows(the.at.dir, "incidents")).toHaveLength(3);
  });

  it("stands beside what people are told", () => {
    using the = world();
    the.commit(opened(1), toldOf(1));
    expect(the.journal.outbox.story("incident-1")).toMatchObject({ told: [{ cause: "process-gone", severity: "critical" }] });
  });
});
