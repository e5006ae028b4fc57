import { describe, expect, it } from "vitest";
import type { Action } from "../../rescue-profile/core/event.ts";
import type { Journal } from "../../rescue-profile/journal/journal.ts";
import type { Alert, Receiver, Sent } from "../../rescue-profile/notify/alert.ts";
import { deliverAll } from "../../rescue-profile/notify/courier.ts";
import { backOffMs, type PipelinePorts } from "../../rescue-profile/notify/pipeline.ts";
import { CATALOGUE } from "../../rescue-profile/notify/words.ts";
import { fakeClock, opened, processAt, proposalFor, repairOf, scratch, stateWith, TARGET, take } from "../journal/harness.ts";

const never = new AbortController().signal;

/** A journal on a clock of its own, and a receiver that answers as it is told and keeps what it took. */
function world(more: Partial<Receiver> = {}) {
  const at = scratch();
  const clock = fakeClock();
  const journal = processAt(at.dir, clock, { pid: 11, startTime: 110 });
  const lease = take(journal);
  const answers: Sent[] = [];
  const took: { alert: Alert; remote: string | null; id: string }[] = [];
  const asked: number[] = [];
  let number = 0;
  const receiver: Receiver = {
    name: "test:one",
    edits: true,
    least: "info",
    send: async (alert, remote, id) => {
      asked.push(clock.wall);
      const answer = answers.shift() ?? { outcome: "sent", remote: remote ?? `m${++number}` };
      if (answer.outcome === "sent") took.push({ alert, remote, id });
      return answer;
    },
    ...more,
  };
  const ports: PipelinePorts = {
    outbox: journal.outbox,
    story: (thread) => journal.outbox.story(thread),
    profile: "default",
    words: CATALOGUE.en,
    quietHours: null,
    wallMs: () => clock.wall,
    log: () => undefined,
  };
  journal.outbox.enlist(receiver.name);
  return {
    clock,
    journal,
    receiver,
    ports,
    answers,
    took,
    asked,
    deliver: (changed: Partial<PipelinePorts> = {}) => deliverAll(receiver, { ...ports, ...changed }, never),
    commit: (...actions: Parameters<Journal["commit"]>[3]) =>
      journal.commit(TARGET, lease, stateWith({ lastIncident: 3, everServed: true }), actions),
    lines: () => took.map(({ alert, remote }) => `${alert.thread} ${alert.state}${remote === null ? "" : ` edits ${remote}`}`),
    [Symbol.dispose]: () => {
      journal.close();
      at[Symbol.dispose]();
    },
  };
}

const told = (incident: number | null, severity: "warning" | "critical"): Action => ({
  kind: "tell",
  severity,
  incident,
  cause: "process-gone",
  text: "look at it",
  evidence: [],
});
const closed = (incident: number) => ({ kind: "close-incident", incident, outcome: "recovered" }) as const;

describe("the pipeline", () => {
  it("tells an incident as one message that is changed, and each thing once", async () => {
    using the = world();
    const [repair = 0] = the.commit(opened(1), repairOf(1));
    await the.deliver();
    await the.deliver();
    the.clock.pass(12_000);
    the.journal.endRepair(repair, "done", "started");
    await the.deliver();
    the.clock.pass(30_000);
    the.commit(closed(1));
    await the.deliver();
    await the.deliver();
    expect(the.lines()).toEqual(["incident-1 repairing", "incident-1 repairing edits m1", "incident-1 recovered edits m1"]);
    expect(the.took.at(-1)?.alert.lines).toEqual([
      expect.anything(),
      "repair 1, a restart: done",
      expect.stringMatching(/^serves again, 43.0 s after/),
      "rescue-watchdog incident 1",
    ]);
  });

  it("tells a receiver that cannot change messages each news of its kinds", async () => {
    using the = world({ edits: false, wants: ({ kind }) => kind === "opened" || kind === "closed" });
    const [repair = 0] = the.commit(opened(1), repairOf(1));
    the.journal.endRepair(repair, "done", "started");
    the.commit(closed(1));
    await the.deliver();
    expect(the.took.map(({ alert, id }) => [alert.event, id])).toEqual([
      ["opened", "1"],
      ["closed", "4"],
    ]);
  });

  it("says what a person has to do in a message of its own, which makes a sound", async () => {
    using the = world();
    the.commit(opened(1), repairOf(1));
    await the.deliver();
    the.clock.pass(1_000);
    the.commit(told(1, "critical"));
    await the.deliver();
    the.clock.pass(1_000);
    the.commit(closed(1));
    await the.deliver();
    expect(the.lines()).toEqual(["incident-1 repairing", "incident-1 needs-you", "incident-1 recovered edits m2"]);
  });

  it("does not tell a new receiver what happened before it was there", async () => {
    using the = world();
    the.commit(opened(1));
    the.journal.outbox.enlist("test:two");
    the.commit(told(1, "critical"));
    await deliverAll({ ...the.receiver, name: "test:two" }, the.ports, never);
    expect(the.took.map(({ id }) => id)).toEqual(["2"]);
  });

  it("after an hour without a network tells three incidents in order, each once", async () => {
    using the = world();
    const until = the.clock.wall + 3_600_000;
    const receiver: Receiver = {
      ...the.receiver,
      send: async (...words) => (the.clock.wall < until ? { outcome: "later", why: "ECONNREFUSED" } : the.receiver.send(...words)),
    };
    for (let minute = 0; minute < 70; minute++) {
      if (minute % 20 === 0 && minute < 60) the.commit(opened(minute / 20 + 1));
      if (minute % 20 === 2 && minute < 60) the.commit(closed((minute - 2) / 20 + 1));
      for (let second = 0; second < 60; second += 5) {
        await deliverAll(receiver, the.ports, never);
        the.clock.pass(5_000);
      }
    }
    expect(the.lines()).toEqual(["incident-1 recovered", "incident-2 recovered", "incident-3 recovered"]);
    expect(the.asked[0]).toBeLessThan(until + 305_000);
  });

  it("waits longer after each failure, and as long as it is told to", async () => {
    expect([0, 1, 2, 20].map(backOffMs)).toEqual([2_000, 4_000, 8_000, 300_000]);
    using the = world();
    the.commit(opened(1));
    const startMs = the.clock.wall;
    the.answers.push({ outcome: "later", why: "HTTP 429", afterMs: 30_000 }, { outcome: "later", why: "HTTP 500" });
    for (let n = 0; n < 60; n++) {
      await the.deliver();
      the.clock.pass(1_000);
    }
    expect(the.asked.map((wall) => (wall - startMs) / 1000)).toEqual([0, 30, 34]);
    expect(the.journal.outbox.state(the.receiver.name)).toMatchObject({ failures: 0, lastError: null });
  });

  it("tells anew what somebody deleted, once, and goes on when one is refused", async () => {
    using the = world();
    the.commit(opened(1));
    await the.deliver();
    the.commit(repairOf(1));
    the.answers.push({ outcome: "unknown-message" });
    await the.deliver();
    the.answers.push({ outcome: "refused", why: "HTTP 400" });
    the.commit(closed(1));
    the.commit(opened(2));
    await the.deliver();
    expect(the.lines()).toEqual(["incident-1 repairing", "incident-1 repairing", "incident-2 repairing"]);
  });

  it("keeps warnings for the end of the quiet hours, and lets no outage wait", async () => {
    using the = world();
    const hour = new Date(the.clock.wall).getHours();
    const quietHours = { from: hour * 60, to: ((hour + 1) % 24) * 60 };
    the.commit(told(null, "warning"));
    the.commit(opened(1));
    await the.deliver({ quietHours });
    expect(the.lines()).toEqual(["incident-1 repairing"]);
    the.clock.pass(3_600_000);
    await the.deliver({ quietHours });
    expect(the.lines()).toEqual(["incident-1 repairing", "warning-1 warning"]);
  });

  it("tells what is grave enough for a receiver, and how that went on", async () => {
    using the = world({ least: "critical" });
    the.commit(told(null, "warning"));
    the.commit(opened(1));
    await the.deliver();
    the.commit(closed(1));
    await the.deliver();
    expect(the.lines()).toEqual(["incident-1 repairing", "incident-1 recovered edits m1"]);
  });

  it("asks with a message of its own, with every command and why others are rejected, and takes the question back when it is answered", async () => {
    using the = world();
    the.commit(opened(1), told(1, "critical"));
    await the.deliver();
    const rejected = { command: "rm -rf ~", verdict: { accepted: false, reason: "no entry allows this program" } } as const;
    const { id } = the.journal.proposals.add({ ...proposalFor(1), judged: [...proposalFor(1).judged, rejected], human: "see\nyourself" });
    await the.deliver();
    const asked = the.took.at(-1);
    expect(asked).toMatchObject({ remote: null, alert: { state: "needs-you", severity: "critical" } });
    expect(asked?.alert.question?.approve).toMatch(/^rw:[\w-]{22}\.approve$/);
    expect(asked?.alert.lines.at(-2)?.split("\n")).toEqual([
      "local proposes (local answered after 2 s):",
      "“keys that it does not know”",
      "✔ openclaw doctor --fix",
      "✘ rm -rf ~: no entry allows this program",
      "“see yourself”",
      "yours to approve until 03:05 UTC, else it is rejected; also by: rescue-watchdog proposal 1 --approve",
    ]);
    the.clock.pass(60_001);
    the.journal.proposals.expire(the.clock.wall);
    await the.deliver();
    expect(the.took.at(-1)).toMatchObject({ remote: "m2", alert: { event: "answered", state: "needs-you" } });
    expect(the.took.at(-1)?.alert).not.toHaveProperty("question");
    expect(the.took.at(-1)?.alert.lines.join("\n")).toContain("not carried out: nobody answered in time");
    expect(the.journal.proposals.get(id)?.state).toBe("rejected");
  });

  it("says it quietly when there is nothing to answer, in each language", async () => {
    for (const [language, says] of [
      ["en", "an AI was to be asked: no engine is installed"],
      ["zh-CN", "询问 AI 的结果：no engine is installed"],
      ["zh-TW", "詢問 AI 的結果：no engine is installed"],
    ] as const) {
      using the = world();
      the.commit(opened(1), told(1, "critical"));
      await the.deliver();
      const none = { engine: null, diagnosis: null, judged: [], refusal: "no engine gave an answer", actions: "", state: "none" } as const;
      the.journal.proposals.add({ ...proposalFor(1), ...none, asked: "no engine is installed" });
      await the.deliver({ words: CATALOGUE[language] });
      expect(the.took.at(-1)).toMatchObject({ remote: "m1" });
      expect(the.took.at(-1)?.alert.lines.at(-2)).toBe(says);
    }
  });

  it("never says more than five rejected commands, nor more of a model's words than fit", async () => {
    using the = world();
    the.commit(opened(1));
    const judged = Array.from({ length: 40 }, (_, n) => ({
      command: `evil ${n} ${"x".repeat(180)}`,
      verdict: { accepted: false, reason: "y".repeat(500) } as const,
    }));
    the.journal.proposals.add({
      ...proposalFor(1),
      judged,
      diagnosis: "z".repeat(9_000),
      human: "w".repeat(9_000),
      actions: "",
      state: "none",
    });
    await the.deliver();
    const lines = the.took.at(-1)?.alert.lines.at(-2)?.split("\n") ?? [];
    expect(lines.filter((line) => line.startsWith("✘"))).toHaveLength(5);
    expect(lines).toContain("and 35 more that are rejected");
    expect(lines.join("\n").length).toBeLessThan(2_700);
  });
});
