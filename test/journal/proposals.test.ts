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
    lease,
    commit: (...actions: Action[]) => journal.commit(TARGET, lease, stateWith({ lastIncident }), actions),
    news: () => rows(at.dir, "news").map(({ kind, severity }) => `${kind} ${severity}`),
    /** An incident whose repairs end one after the other; `outcome` null: it goes on. */
    incident(repairs: readonly Partial<Extract<Action, { kind: "start-repair" }>>[], outcome: "recovered" | "stopped-by-operator" | null) {
      const id = ++lastIncident;
      this.commit(opened(id));
      for (const repair of repairs) {
        const asked = { actions: repair.subject ?? "", atMs: clock.wall, state: "asked" } as const;
        const proposal = repair.tier === 3 ? { proposal: journal.proposals.add(proposalFor(id, asked)).id } : {};
        const [row = 0] = this.commit({ ...(repairOf(id) as Extract<Action, { kind: "start-repair" }>), ...repair, ...proposal });
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
    expect(the.journal.proposals.of(1)).toEqual([{ ...proposalFor(1), id, repair: null }]);
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

  it("of an incident that is over does not wait, also when it ends while somebody thinks or decides", () => {
    using the = world();
    the.commit(opened(1), opened(2));
    const { id } = the.journal.proposals.add(proposalFor(2, { state: "asked" }));
    the.commit(...[1, 2].map((incident) => ({ kind: "close-incident", incident, outcome: "recovered-by-itself" }) as const));
    for (const state of ["waiting", "asked"] as const)
      expect(the.journal.proposals.add(proposalFor(1, { state }))).toMatchObject({ state: "shown", answer: "the incident is over" });
    expect(the.journal.proposals.settle(id, "asked", "waiting", "paused by ana")).toBe(true);
    expect(the.journal.proposals.get(id)).toMatchObject({ state: "rejected", answer: "the incident is over" });
    expect(the.news().filter((each) => each.endsWith("critical"))).toEqual(["opened critical", "opened critical"]);
  });

  it("takes the place of the one that waited; one that nobody can answer does not", () => {
    using the = world();
    the.commit(opened(1));
    const first = the.journal.proposals.add(proposalFor(1));
    const none = the.journal.proposals.add(proposalFor(1, { state: "none", actions: "" }));
    expect(the.journal.proposals.current(1)?.id).toBe(first.id);
    const second = the.journal.proposals.add(proposalFor(1));
    expect(the.journal.proposals.get(first.id)).toMatchObject({ state: "rejected", answer: "there is a newer one" });
    expect(the.journal.proposals.get(none.id)).toMatchObject({ state: "none" });
    expect(the.journal.proposals.current(1)?.id).toBe(second.id);
    the.journal.proposals.settle(second.id, "waiting", "rejected", null);
    expect(the.journal.proposals.current(1)?.id).toBe(second.id);
  });

  it("that was handed over and never begun is rejected some time after its own, and one of the future at once", () => {
    using the = world();
    the.commit(opened(1), opened(2));
    const { id: handed } = the.journal.proposals.add(proposalFor(1, { state: "asked" }));
    const { id: future } = the.journal.proposals.add(proposalFor(2, { atMs: WALL_MS + 86_400_000, untilMs: WALL_MS + 86_460_000 }));
    expect(the.journal.proposals.expire(WALL_MS + 180_000).map(({ id }) => id)).toEqual([future]);
    expect(the.journal.proposals.expire(WALL_MS + 180_001).map(({ id }) => id)).toEqual([handed]);
    expect(the.journal.proposals.get(handed)).toMatchObject({ state: "rejected", answer: "nobody who watches has carried it out" });
  });

  it("is carried out in one step with the answer to whoever asked, and once", () => {
    using the = world();
    the.commit(opened(1));
    const { id } = the.journal.proposals.add(proposalFor(1, { state: "asked", answer: "approved by ana" }));
    const carryOut = () => {
      const request = the.journal.addRequest("repair", {}, "ana");
      const repair = { ...(repairOf(1) as Extract<Action, { kind: "start-repair" }>), tier: 3, attempt: 2, proposal: id } as const;
      const repairs = the.journal.commit(TARGET, the.lease, stateWith({}), [repair], { request, text: "proposed: repair 2 begins" });
      return { repairs, said: the.journal.requestAnswer(request) };
    };
    expect(carryOut()).toEqual({ repairs: [1], said: "proposed: repair 2 begins" });
    expect(the.journal.proposals.get(id)).toMatchObject({ state: "done", answer: "approved by ana: repair 2", repair: 1 });
    expect(carryOut()).toEqual({ repairs: undefined, said: "refused: it is not to be carried out any more" });
    expect(rows(the.at.dir, "repairs")).toHaveLength(1);
  });

  it("is not carried out when whoever asked waits no more", () => {
    using the = world();
    the.commit(opened(1));
    const request = the.journal.addRequest("repair", {}, "ana");
    the.journal.withdrawRequest(request);
    const before = rows(the.at.dir, "watch");
    expect(the.journal.commit(TARGET, the.lease, stateWith({ lastIncident: 7 }), [repairOf(1)], { request, text: "" })).toBeUndefined();
    expect(rows(the.at.dir, "repairs")).toEqual([]);
    expect(rows(the.at.dir, "watch")).toEqual(before);
  });

  it("leaves no request that is honoured after its time, whichever way the clock went", () => {
    using the = world();
    const asked = [the.journal.addRequest("repair", {}, "ana")];
    the.clock.pass(60_000);
    expect(the.journal.openRequests().map(({ id }) => id)).toEqual(asked);
    the.clock.pass(1);
    expect(the.journal.openRequests()).toEqual([]);
    expect(the.journal.requestAnswer(asked[0] ?? 0)).toBe("refused: it waited for too long");
    the.journal.addRequest("repair", {}, "ana");
    the.clock.wall -= 3_600_000;
    expect(the.journal.openRequests()).toEqual([]);
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

  it("has worked also when a fence forbade what would have come after it", () => {
    using the = world();
    const id = the.incident([proposed("doctor")], null);
    const [row = 0] = the.commit(repairOf(id));
    the.journal.endRepair(row, "aborted", "it serves again");
    the.commit({ kind: "close-incident", incident: id, outcome: "recovered" });
    expect(the.journal.patterns()).toMatchObject([{ actions: "doctor", tried: 1, worked: 1 }]);
  });

  it("has the entries of the proposal that was carried out, and not of another one with the same steps", () => {
    using the = world();
    const id = the.incident([proposed("doctor")], null);
    const other = { command: "doctor", verdict: { accepted: true, entry: "other" } } as const;
    the.journal.proposals.add(proposalFor(id, { judged: [other], state: "rejected" }));
    the.commit({ kind: "close-incident", incident: id, outcome: "recovered" });
    expect(the.journal.patterns()).toMatchObject([{ entries: ["doctor-fix"] }]);
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
