import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Action } from "../rescue-profile/core/event.ts";
import type { JudgedCommand } from "../rescue-profile/core/proposal.ts";
import { type Asking, diagnose, noDiagnosis } from "../rescue-profile/diagnosing.ts";
import { bootId, monotonicMs, wallMs } from "../rescue-profile/observe/clock.ts";
import { readIdentity } from "../rescue-profile/observe/process.ts";
import { fakeClock, opened, processAt, proposalFor, repairOf, toldOf } from "./journal/harness.ts";
import { world as reported } from "./report/world.ts";

type Repair = Extract<Action, { kind: "start-repair" }>;
const BY_ITSELF = { mode: "ask", by: null, signal: new AbortController().signal } as const;
const accepted = (entry: string): JudgedCommand => ({ command: entry, verdict: { accepted: true, entry } });

/** A gateway that is down, a model that proposes `commands`, and settings of a person. */
async function world(commands: readonly string[][], settings: object = {}) {
  const the = reported();
  const asked: string[] = [];
  const model = createServer(async (request, response) => {
    for await (const chunk of request) asked.push(String(chunk));
    const plan = { diagnosis: "down", confidence: 0.5, commands: commands.map((argv) => ({ argv, why: "it helps" })), human: "look" };
    const message = { role: "assistant", content: JSON.stringify(plan) };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: "stop" }] }));
  });
  await new Promise<void>((resolve) => model.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void model.close());
  const engines = [{ id: "local", url: `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`, model: "m" }];
  mkdirSync(the.dir, { recursive: true });
  writeFileSync(join(the.dir, "config.json5"), JSON.stringify({ limits: { maxTier: 3 }, diagnosis: { engines, ...settings } }));
  return {
    ...the,
    asked,
    diagnose: (incident: number, asking: Partial<Asking> = {}) =>
      the.watched((dog) => diagnose(dog, incident, { ...BY_ITSELF, ...asking })),
    /** An incident that a proposal of these entries ended, with these steps. */
    learn: (incident: number, subject: string, ...entries: readonly string[]) =>
      the.journaled((journal, commit) => {
        commit(opened(incident), toldOf(incident));
        const { id } = journal.proposals.add(proposalFor(incident, { actions: subject, judged: entries.map(accepted), state: "asked" }));
        const [repair = 0] = commit({ ...(repairOf(incident) as Repair), tier: 3, cause: "proposed", subject, proposal: id });
        journal.endRepair(repair, "done", "");
        commit({ kind: "close-incident", incident, outcome: "recovered" });
      }),
  };
}

const DOCTOR = [["openclaw", "doctor", "--fix"]];

describe("a diagnosis", () => {
  it("proposes what helped before, built anew, without asking anybody; for a person's wish a model is asked", async () => {
    const the = await world(DOCTOR);
    the.learn(1, "doctor", "doctor-fix");
    the.commit(opened(2), toldOf(2));
    expect(await the.diagnose(2)).toMatchObject({
      engine: "experience",
      asked: "it helped 1 of 1 times when the cause was process-gone, so nobody was asked",
      actions: "doctor",
      state: "waiting",
      by: null,
      judged: [{ command: "openclaw doctor --fix", verdict: { accepted: true, entry: "doctor-fix" } }],
    });
    expect(the.asked).toEqual([]);
    expect(await the.diagnose(2, { by: "ana" })).toMatchObject({ engine: "local", by: "ana" });
    expect(the.asked.length).toBeGreaterThan(0);
  });

  it.each([
    ["it would be other steps today", "end,start", ["unit-restart"]],
    ["an entry is gone from the allowlist", "doctor,start", ["my-own", "unit-start"]],
    ["what an entry needs is not proven now", "end,start", ["kill"]],
    ["it only looked", "doctor", ["port-lsof"]],
  ])("asks a model where what helped before is not what would be done: %s", async (_, subject, entries) => {
    const the = await world(DOCTOR, { onRejected: "skip-line" });
    the.learn(1, subject, ...entries);
    the.commit(opened(2), toldOf(2));
    expect(await the.diagnose(2)).toMatchObject({ engine: "local", actions: "doctor" });
  });

  it("asks a model where what helped before was carried out in this incident already", async () => {
    const the = await world([["openclaw", "gateway", "start"]]);
    the.learn(1, "doctor", "doctor-fix");
    the.commit(opened(2), toldOf(2), { ...(repairOf(2) as Repair), tier: 3, cause: "proposed", subject: "doctor" });
    the.journaled((journal) => journal.endRepair(2, "done", ""));
    expect(await the.diagnose(2)).toMatchObject({ engine: "local", actions: "start" });
  });

  it("of which nothing would change anything is none, and says so", async () => {
    const the = await world([["lsof", "-i", ":18789"]]);
    the.commit(opened(1), toldOf(1));
    expect(await the.diagnose(1)).toMatchObject({
      state: "none",
      actions: "",
      refusal: "it only looks, and what there is to see was seen",
    });
  });

  it("of an incident that is over is only shown", async () => {
    const the = await world(DOCTOR);
    the.commit(opened(1), { kind: "close-incident", incident: 1, outcome: "recovered-by-itself" });
    expect(await the.diagnose(1)).toMatchObject({ state: "shown", answer: "the incident is over", actions: "doctor" });
  });

  it("that is interrupted leaves nothing, and one at a time is made", async () => {
    const the = await world(DOCTOR);
    the.commit(opened(1), toldOf(1));
    await expect(the.diagnose(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "interrupted" });
    await the.watched(async (dog) => expect(dog.journal.proposals.of(1)).toEqual([]));
    const another = readIdentity(process.ppid);
    if (another === undefined) throw new Error("who has started this cannot be read");
    using other = processAt(the.dir, fakeClock(bootId() ?? "", monotonicMs(), wallMs()), another);
    expect(other.acquire("diagnosis", "another", 60_000, () => true).held).toBe(true);
    await expect(the.diagnose(1)).rejects.toMatchObject({ code: "busy", message: `an AI is being asked already, by pid ${process.ppid}` });
    await the.watched(async (dog) => expect(dog.journal.proposals.of(1)).toEqual([]));
  });

  it("that could not be made stands where people look for one, with the reason", async () => {
    const the = await world(DOCTOR);
    the.commit(opened(1), toldOf(1));
    await the.watched(async (dog) => {
      expect(noDiagnosis(dog, 1, "the allowlist may be written by others")).toMatchObject({ state: "none", engine: null, by: null });
      expect(dog.journal.outbox.story("incident-1")).toMatchObject({ proposals: [{ asked: "the allowlist may be written by others" }] });
      await expect(diagnose(dog, 7, BY_ITSELF)).rejects.toMatchObject({ code: "usage", message: "there is no incident 7" });
    });
  });
});
