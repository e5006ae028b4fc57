import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parsePolicy } from "../rescue-profile/config.ts";
import type { ProposalRecord } from "../rescue-profile/core/proposal.ts";
import type { RequestPayload } from "../rescue-profile/journal/journal.ts";
import type { Watchdog } from "../rescue-profile/open-watchdog.ts";
import { answerProposal, handOver, modeOf, proposalNow, withRights } from "../rescue-profile/proposing.ts";
import { fakeClock, opened, processAt, proposalFor, scratch, stateWith, TARGET, take } from "./journal/harness.ts";

const FAR = 8.64e15;

function world(answer: string | undefined, more: Partial<ProposalRecord> = {}) {
  const at = scratch();
  const journal = processAt(at.dir, fakeClock(), { pid: 11, startTime: 110 });
  journal.commit(TARGET, take(journal), stateWith({ lastIncident: 1 }), [opened(1)]);
  const proposal = journal.proposals.add({ ...proposalFor(1), untilMs: FAR, ...more });
  const asked: RequestPayload[] = [];
  const dog = { journal, log: () => undefined };
  return {
    dog,
    proposal,
    asked,
    now: () => journal.proposals.get(proposal.id),
    ask: async (payload: RequestPayload) => {
      asked.push(payload);
      return answer;
    },
    [Symbol.dispose]: () => {
      journal.close();
      at[Symbol.dispose]();
    },
  };
}

const APPROVED = { approved: true, by: "telegram:1" };

describe("an answer to a proposal", () => {
  it("has it carried out as it was judged, once", async () => {
    using the = world("proposed: repair 4 begins");
    expect(await answerProposal(the.dog, the.proposal, APPROVED, the.ask)).toBe("proposed: repair 4 begins");
    expect(the.asked).toEqual([{ proposal: { id: 1, incident: 1, actions: "doctor", ends: null, approvedBy: "telegram:1" } }]);
    expect(the.now()).toMatchObject({ state: "asked", answer: "approved by telegram:1" });
    await expect(answerProposal(the.dog, the.proposal, APPROVED, the.ask)).rejects.toThrow(
      "it does not wait for an answer: asked, approved by telegram:1",
    );
    await expect(answerProposal(the.dog, the.proposal, { approved: false, by: "ben" }, the.ask)).rejects.toThrow("it does not wait");
    expect(the.asked).toHaveLength(1);
  });

  it("rejects it, and then nobody can have it carried out", async () => {
    using the = world("never");
    expect(await answerProposal(the.dog, the.proposal, { approved: false, by: "ana" }, the.ask)).toBe("rejected by ana");
    await expect(answerProposal(the.dog, the.proposal, APPROVED, the.ask)).rejects.toThrow("rejected, rejected by ana");
    expect(the.asked).toEqual([]);
  });

  it("that whoever watches refuses, or does not hear, leaves it waiting, with the reason", async () => {
    using refused = world("refused: paused by ana");
    await expect(answerProposal(refused.dog, refused.proposal, APPROVED, refused.ask)).rejects.toMatchObject({
      code: "refused",
      message: "paused by ana",
    });
    expect(refused.now()).toMatchObject({ state: "waiting", answer: "paused by ana" });
    using unheard = world(undefined);
    await expect(answerProposal(unheard.dog, unheard.proposal, APPROVED, unheard.ask)).rejects.toMatchObject({ code: "timeout" });
    expect(unheard.now()).toMatchObject({ state: "waiting", answer: "nobody who watches has answered" });
    using broken = world("never");
    await expect(
      answerProposal(broken.dog, broken.proposal, APPROVED, () => Promise.reject(new Error("database is locked"))),
    ).rejects.toThrow("locked");
    expect(broken.now()).toMatchObject({ state: "waiting", answer: "database is locked" });
  });

  it("comes too late when its time is over", async () => {
    using the = world("never", { untilMs: 1 });
    await expect(answerProposal(the.dog, the.proposal, APPROVED, the.ask)).rejects.toThrow("rejected, nobody answered in time");
    expect(proposalNow(the.dog, (proposals) => proposals.newest())).toMatchObject({ state: "rejected" });
    expect(the.asked).toEqual([]);
  });
});

describe("a proposal that nobody is asked about", () => {
  it("is carried out, and waits for a person when whoever watches refuses it", async () => {
    using done = world("proposed: repair 4 begins", { state: "asked" });
    await handOver(done.dog, done.proposal, null, done.ask);
    expect(done.asked).toMatchObject([{ proposal: { approvedBy: null } }]);
    using refused = world("refused: the allowed number of repairs is used up; a person may approve it", { state: "asked" });
    await expect(handOver(refused.dog, refused.proposal, null, refused.ask)).rejects.toThrow("used up");
    expect(refused.now()).toMatchObject({ state: "waiting" });
  });

  it.each([
    ["auto", {}],
    ["ask", { chat: { telegram: { tokenFile: "/t", operators: [1] } } }],
    ["auto", { chat: { telegram: { tokenFile: "/t", viewers: [1] } } }],
    ["ask", { diagnosis: { mode: "ask" } }],
    ["dry-run", { diagnosis: { mode: "dry-run" }, chat: { telegram: { tokenFile: "/t", operators: [1] } } }],
  ])("is %s with %j and without a bot of the rescue profile", (mode, settings) => {
    using at = scratch();
    mkdirSync(join(at.dir, ".openclaw"));
    const options = { profile: "default", home: at.dir, env: { HOME: at.dir }, what: "test" };
    expect(modeOf({ settings: parsePolicy(settings), options })).toBe(mode);
  });

  it.each([
    ["auto", "there is no bot", {}],
    ["auto", "the bot hears nobody", { botToken: "1:a" }],
    ["ask", "the bot hears somebody", { botToken: "1:a", allowFrom: ["4711"] }],
    ["ask", "the bot's token cannot be read", { tokenFile: "/nonexistent/token", allowFrom: ["4711"] }],
    ["ask", "the rescue's configuration cannot be read", undefined],
    ["ask", "the rescue's configuration is gone", null],
  ])("is %s where %s", (mode, _, telegram) => {
    using at = scratch();
    const rescue = join(at.dir, ".openclaw-rescue");
    mkdirSync(rescue);
    const text = telegram === undefined ? '{ "channels": { "tele' : JSON.stringify({ channels: { telegram } });
    if (telegram !== null) writeFileSync(join(rescue, "openclaw.json"), text);
    const options = { profile: "default", home: at.dir, env: { HOME: at.dir }, what: "test" };
    expect(modeOf({ settings: parsePolicy({}), options })).toBe(mode);
  });

  it("is bound by what whoever watches was given, and not by what is written down", () => {
    const given = { maxTier: 1, mode: "dry-run", onRejected: "skip-line", approvalSeconds: 5 } as const;
    const { settings } = withRights(
      { settings: parsePolicy({ limits: { maxTier: 3 }, diagnosis: { mode: "auto", engines: ["claude"] } }) } as Watchdog,
      given,
    );
    expect(settings.limits).toEqual({ ...parsePolicy({}).limits, maxTier: 1 });
    expect(settings.diagnosis).toEqual({ mode: "dry-run", onRejected: "skip-line", approvalSeconds: 5, engines: ["claude"] });
  });
});
