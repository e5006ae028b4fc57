import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cronDisabled } from "../../../rescue-profile/audit/checks/cron-disabled.ts";
import { causeOf, cronFailing } from "../../../rescue-profile/audit/checks/cron-failing.ts";
import { cronKind } from "../../../rescue-profile/audit/checks/cron-kind.ts";
import { cronNeverRan } from "../../../rescue-profile/audit/checks/cron-never-ran.ts";
import { cronNextRun } from "../../../rescue-profile/audit/checks/cron-next-run.ts";
import { cronOverdue } from "../../../rescue-profile/audit/checks/cron-overdue.ts";
import { cronTimeout } from "../../../rescue-profile/audit/checks/cron-timeout.ts";
import type { CronJob } from "../../../rescue-profile/audit/facts.ts";
import type { Check } from "../../../rescue-profile/audit/finding.ts";
import { factsOf, NOW_MS, problemsOf } from "../facts.ts";

type Values = Parameters<typeof factsOf>[0];
type Case = readonly [name: string, values: Values, found: readonly string[]];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const JOB: CronJob = {
  id: "j1",
  name: "Morning brief",
  enabled: true,
  hosts: false,
  payload: "agentTurn",
  sessionTarget: "isolated",
  model: null,
  fallbacks: [],
  schedule: { kind: "every", everyMs: HOUR, atMs: null, expr: null },
  timeoutMs: null,
  createdMs: NOW_MS - 30 * DAY,
  nextRunMs: NOW_MS + 10 * MINUTE,
  lastRunMs: NOW_MS - 50 * MINUTE,
  runningSinceMs: null,
  consecutiveErrors: 0,
  lastError: null,
  errorReason: null,
  autoDisabled: null,
  runs: [{ status: "ok", tookMs: 4_000 }],
};
const every = (everyMs: number): CronJob["schedule"] => ({ kind: "every", everyMs, atMs: null, expr: null });
const at = (atMs: number): CronJob["schedule"] => ({ kind: "at", everyMs: null, atMs, expr: null });
const expr = (text: string): CronJob["schedule"] => ({ kind: "cron", everyMs: null, atMs: null, expr: text });
const OFF = { reason: "consecutive-failures", atMs: NOW_MS - HOUR };

const job = (...each: Partial<CronJob>[]): Values => ({
  cronJobs: each.map((values) => ({ ...JOB, ...values })),
  listening: ["127.0.0.1"],
});

const kinds: readonly Case[] = [
  ["an agent's turn in main", job({ sessionTarget: "main" }), ["j1 warning"]],
  ["a command in main", job({ payload: "command", sessionTarget: "main" }), ["j1 warning"]],
  ["an event in a session of its own", job({ payload: "systemEvent" }), ["j1 warning"]],
  ["an event in a named session", job({ payload: "systemEvent", sessionTarget: "session:daily" }), ["j1 warning"]],
  ["a script in the current session", job({ payload: "script", sessionTarget: "current" }), ["j1 warning"]],
  ["a target that there is not", job({ sessionTarget: "" }), ["j1 warning"]],
  ["an agent's turn by itself", job({}), []],
  ["an agent's turn in a named session", job({ sessionTarget: "session:daily" }), []],
  ["an event in main", job({ payload: "systemEvent", sessionTarget: "main" }), []],
  ["scripts", job({ payload: "script" }, { payload: "script", sessionTarget: "main" }), []],
  ["a command by itself", job({ payload: "command" }, { payload: "command", sessionTarget: "current" }), []],
  ["a heartbeat", job({ payload: "heartbeat", sessionTarget: "main" }), []],
  ["a wrong one that is off", job({ sessionTarget: "main", enabled: false }), []],
  ["one of the host's", job({ sessionTarget: "main", hosts: true }), []],
];

const failing = (consecutiveErrors: number, lastError: string | null, values: Partial<CronJob> = {}) => ({
  consecutiveErrors,
  lastError,
  ...values,
});

const failures: readonly Case[] = [
  ["three in a row", job(failing(3, "HTTP 500 at 12:00:01")), ["HTTP N at N warning"]],
  ["ten in a row", job(failing(10, "no route")), ["no route critical"]],
  ["an unknown model", job(failing(4, "Unknown model: openai/gpt-9.")), ["unknown model openai/gpt-9 warning"]],
  ["the host's class", job(failing(4, "404", { errorReason: "model_not_found", model: "fast" })), ["unknown model fast warning"]],
  ["no error", job(failing(5, null)), ["no error was recorded warning"]],
  ["one that was switched off", job(failing(10, "no route", { enabled: false, autoDisabled: OFF })), ["no route critical"]],
  [
    "two causes of three jobs",
    job(
      failing(3, "rate 429", { errorReason: "rate_limit" }),
      failing(4, "rate 430", { errorReason: "rate_limit" }),
      failing(3, "rate 429", { errorReason: "auth" }),
    ),
    ["rate_limit: rate N warning", "auth: rate N warning"],
  ],
  ["two in a row", job(failing(2, "no route")), []],
  ["none", job(failing(0, null)), []],
  ["an old error", job(failing(0, "no route")), []],
  ["one that somebody switched off", job(failing(7, "no route", { enabled: false })), []],
];

const fresh = { lastRunMs: null, runs: [] };

const neverRan: readonly Case[] = [
  ["one whose time has gone", job({ ...fresh, nextRunMs: NOW_MS - 3 * HOUR }), ["j1 warning"]],
  ["one without a next run", job({ ...fresh, nextRunMs: null }), ["j1 warning"]],
  [
    "a job of an expression after nine days",
    job({ ...fresh, schedule: expr("0 7 * * *"), createdMs: NOW_MS - 9 * DAY, nextRunMs: null }),
    ["j1 warning"],
  ],
  [
    "one after two of its intervals",
    job({ ...fresh, schedule: every(DAY), createdMs: NOW_MS - 3 * DAY, nextRunMs: NOW_MS - DAY }),
    ["j1 warning"],
  ],
  ["one that waits for its time", job(fresh), []],
  ["a new one", job({ ...fresh, schedule: every(DAY), createdMs: NOW_MS - DAY, nextRunMs: null }), []],
  ["a job of an expression after a week", job({ ...fresh, schedule: expr("0 7 * * 1"), createdMs: NOW_MS - 7 * DAY, nextRunMs: null }), []],
  ["one that ran", job({ nextRunMs: null }), []],
  ["one that runs for the first time", job({ ...fresh, nextRunMs: null, runningSinceMs: NOW_MS - MINUTE }), []],
  ["a job for one time", job({ ...fresh, schedule: at(NOW_MS - DAY), nextRunMs: null }), []],
  ["one that is off", job({ ...fresh, nextRunMs: null, enabled: false }), []],
];

const overdue: readonly Case[] = [
  ["two hours of an hourly one", job({ nextRunMs: NOW_MS - 2 * HOUR }), ["j1 warning"]],
  ["eleven minutes of one each minute", job({ schedule: every(MINUTE), nextRunMs: NOW_MS - 11 * MINUTE }), ["j1 warning"]],
  ["eleven minutes of an expression", job({ schedule: expr("0 7 * * *"), nextRunMs: NOW_MS - 11 * MINUTE }), ["j1 warning"]],
  ["a job for one time", job({ ...fresh, schedule: at(NOW_MS - HOUR), nextRunMs: NOW_MS - HOUR }), ["j1 warning"]],
  ["nine minutes of one each minute", job({ schedule: every(MINUTE), nextRunMs: NOW_MS - 9 * MINUTE }), []],
  ["half an hour of an hourly one", job({ nextRunMs: NOW_MS - HOUR / 2 }), []],
  ["one that runs now", job({ nextRunMs: NOW_MS - 2 * HOUR, runningSinceMs: NOW_MS - MINUTE }), []],
  ["one without a next run", job({ nextRunMs: null }), []],
  ["one that is off", job({ nextRunMs: NOW_MS - DAY, enabled: false }), []],
  ["one that never ran, which is told already", job({ ...fresh, nextRunMs: NOW_MS - 2 * HOUR }), []],
  ["all of them while the gateway is down", { ...job({ nextRunMs: NOW_MS - DAY }), listening: [] }, []],
];

const nextRuns: readonly Case[] = [
  ["an hourly one in two hours", job({ nextRunMs: NOW_MS + 2 * HOUR }), ["j1 warning"]],
  ["one each minute in a year", job({ schedule: every(MINUTE), nextRunMs: NOW_MS + 365 * DAY }), ["j1 warning"]],
  ["an expression in ten years", job({ schedule: expr("0 7 * * *"), nextRunMs: NOW_MS + 3_650 * DAY }), ["j1 warning"]],
  ["a last run in the future", job({ lastRunMs: NOW_MS + DAY }), ["j1 warning"]],
  ["more than its interval and any pause after errors", job({ nextRunMs: NOW_MS + 3 * HOUR, consecutiveErrors: 2 }), ["j1 warning"]],
  ["an hourly one in an hour", job({ nextRunMs: NOW_MS + HOUR + 30_000 }), []],
  ["a pause after errors", job({ schedule: every(MINUTE), nextRunMs: NOW_MS + 50 * MINUTE, consecutiveErrors: 6 }), []],
  ["a date in three years", job({ schedule: at(NOW_MS + 1_000 * DAY), nextRunMs: NOW_MS + 1_000 * DAY }), []],
  ["a yearly expression", job({ schedule: expr("0 0 1 1 *"), nextRunMs: NOW_MS + 365 * DAY }), []],
  ["a leap day", job({ schedule: expr("0 9 29 2 *"), nextRunMs: NOW_MS + 1_200 * DAY }), []],
  ["one that is off", job({ nextRunMs: NOW_MS + 900 * DAY, enabled: false }), []],
  ["a clock that differs by half a minute", job({ lastRunMs: NOW_MS + 30_000 }), []],
];

const disabled: readonly Case[] = [
  ["after failures", job({ enabled: false, autoDisabled: OFF }), ["j1 warning"]],
  ["after errors in its schedule", job({ enabled: false, autoDisabled: { ...OFF, reason: "schedule-errors" } }), ["j1 warning"]],
  ["one of two", job({}, { id: "j2", enabled: false, autoDisabled: OFF }), ["j2 warning"]],
  ["both", job({ autoDisabled: OFF }, { id: "j2", autoDisabled: OFF }), ["j1 warning", "j2 warning"]],
  ["by a person", job({ enabled: false }), []],
  ["by a person, after failures", job({ enabled: false, consecutiveErrors: 9 }), []],
  ["not at all", job({}), []],
  ["no jobs", job(), []],
];

const runs = (status: string, ...tookMs: number[]): CronJob["runs"] => tookMs.map((each) => ({ status, tookMs: each }));

const timeouts: readonly Case[] = [
  ["less than the median", job({ timeoutMs: 30_000, runs: runs("ok", 40_000, 40_000, 40_000, 1_000, 1_000) }), ["j1 warning"]],
  [
    "hardly more than the median",
    job({ timeoutMs: 47_000, runs: runs("succeeded", 40_000, 41_000, 40_000, 39_000, 40_000) }),
    ["j1 warning"],
  ],
  [
    "three that ran out",
    job({ timeoutMs: 60_000, runs: [...runs("error", 60_000, 60_001, 60_500), ...runs("ok", 1_000)] }),
    ["j1 warning"],
  ],
  ["three that the host says ran out", job({ runs: runs("timed_out", 5, 5, 5) }), ["j1 warning"]],
  ["one that was switched off", job({ enabled: false, autoDisabled: OFF, runs: runs("timeout", 5, 5, 5, 5) }), ["j1 warning"]],
  ["a quarter more than the median", job({ timeoutMs: 50_000, runs: runs("ok", 40_000, 40_000, 40_000, 40_000, 40_000) }), []],
  ["too few runs", job({ timeoutMs: 30_000, runs: runs("ok", 40_000, 40_000, 40_000, 40_000) }), []],
  ["no limit", job({ timeoutMs: 0, runs: runs("ok", 40_000, 40_000, 40_000, 40_000, 40_000) }), []],
  ["the host's limit", job({ runs: runs("ok", 40_000, 40_000, 40_000, 40_000, 40_000) }), []],
  ["two that ran out", job({ timeoutMs: 60_000, runs: runs("error", 60_000, 60_000, 100) }), []],
  [
    "three that ran out long ago",
    job({ timeoutMs: 60_000, runs: [...runs("ok", ...Array(10).fill(9)), ...runs("error", 60_000, 60_000, 60_000)] }),
    [],
  ],
];

const CHECKS = [cronKind, cronFailing, cronNeverRan, cronOverdue, cronNextRun, cronDisabled, cronTimeout];

async function found(check: Check, values: Values): Promise<readonly string[]> {
  const problems = await problemsOf(check, values);
  for (const problem of problems) expect(problem).not.toHaveProperty("fix");
  return problems.map(({ subject, severity }) => `${subject} ${severity}`);
}

describe.each([
  [cronKind, kinds],
  [cronFailing, failures],
  [cronNeverRan, neverRan],
  [cronOverdue, overdue],
  [cronNextRun, nextRuns],
  [cronDisabled, disabled],
  [cronTimeout, timeouts],
] as const)("$id", (check, cases) => {
  it.each(cases)("judges %s", async (_, values, expected) => expect(await found(check, values)).toEqual(expected));

  it("says that it could not look", async () => {
    expect(await check.look(factsOf({}))).toEqual({ ok: false, why: "cronJobs was not given" });
  });
});

describe("cron-failing", () => {
  it("names all eight jobs that fail for one reason", async () => {
    const errors = (index: number) => failing(4 + index, "Unknown model: openai/gpt-9", { id: `j${index}`, name: `Job ${index}` });
    const [problem, ...others] = await problemsOf(cronFailing, job(...Array.from({ length: 8 }, (_, index) => errors(index))));
    expect(others).toEqual([]);
    expect(problem?.title).toBe("8 jobs fail for one reason: unknown model openai/gpt-9");
    expect(problem?.severity).toBe("critical");
    expect(problem?.evidence).toHaveLength(8);
    expect(problem?.evidence[0].fact).toBe("Job 7: 11 times in a row, last 50 min 0 s ago: Unknown model: openai/gpt-9");
    expect(problem?.cure.text).toContain("see model-unknown");
    expect(problem?.cure.commands.slice(0, 2)).toEqual(["openclaw models list", "openclaw cron edit j7 --model MODEL"]);
  });

  it.each([
    ['cannot read "a.txt" after 12 tries', 'cannot read "b.txt" after 3 tries'],
    ["request req_011CTabcdef failed.", "request req_99Xzz123 failed"],
    ["run 3f1c2a9e-0b7d-4c55-9a51-6f0e2d7c8b10 lost", "run 00000000-0b7d-4c55-9a51-6f0e2d7c8b11 lost"],
    ["Unknown model: a/b", 'FailoverError: Unknown model: "a/b". Choose another.'],
  ])("takes %j and %j for one cause", (a, b) => {
    expect(causeOf({ ...JOB, lastError: a })).toBe(causeOf({ ...JOB, lastError: b }));
  });

  it.each([
    ["Unknown model: a/b", "Unknown model: a/c"],
    ["it can't read what isn't there", "it can't write what isn't there"],
  ])("tells %j from %j", (a, b) => {
    expect(causeOf({ ...JOB, lastError: a })).not.toBe(causeOf({ ...JOB, lastError: b }));
  });
});

describe("cron-overdue", () => {
  it("needs to know whether the gateway is up only when something is overdue", async () => {
    const late = { cronJobs: [{ ...JOB, nextRunMs: NOW_MS - DAY }] };
    expect(await cronOverdue.look(factsOf(late))).toEqual({ ok: false, why: "listening was not given" });
    expect(await cronOverdue.look(factsOf({ cronJobs: [JOB] }))).toEqual({ ok: true, value: [] });
  });
});

describe("a cure", () => {
  it("sets the interval again, as the host takes it", async () => {
    const [problem] = await problemsOf(cronNextRun, job({ schedule: every(90 * MINUTE), nextRunMs: NOW_MS + DAY }));
    expect(problem?.cure.commands).toEqual(["openclaw cron edit j1 --every 90m", "openclaw cron disable j1", "openclaw cron enable j1"]);
  });

  it("gives a job twice the time that it takes", async () => {
    const [problem] = await problemsOf(cronTimeout, job({ timeoutMs: 30_000, runs: runs("ok", 40_000, 40_000, 40_000, 40_000, 40_000) }));
    expect(problem?.cure.commands.at(-1)).toBe("openclaw cron edit j1 --timeout-seconds 80");
  });

  it("says why an id is not printed", async () => {
    const [problem] = await problemsOf(cronDisabled, job({ id: "a b", autoDisabled: OFF }));
    expect(problem?.cure.commands).toEqual(["openclaw cron show ID", "openclaw cron enable ID"]);
    expect(problem?.cure.text).toContain("its id is not printed into a command");
  });
});

describe("the checks of jobs", () => {
  it("take any words, and put none into a command that a shell would read", async () => {
    const text = fc.string({ unit: "binary" });
    const when = fc.option(fc.integer({ min: -1e15, max: 1e15 }));
    const words = fc.record({
      id: text,
      name: text,
      payload: text,
      sessionTarget: text,
      model: fc.option(text),
      lastError: fc.option(text),
    });
    const times = fc.record({ nextRunMs: when, lastRunMs: when, timeoutMs: when, consecutiveErrors: fc.nat(20) });
    const schedule = fc.record({ kind: fc.constantFrom("every", "at", "cron"), everyMs: when, atMs: when, expr: fc.option(text) });
    await fc.assert(
      fc.asyncProperty(words, times, schedule, fc.boolean(), async (named, timed, schedule, off) => {
        const values = job({ ...named, ...timed, schedule, autoDisabled: off ? OFF : null, runs: runs("ok", 9, 9, 9, 9, 9) });
        for (const check of CHECKS) {
          const problems = await problemsOf(check, values);
          for (const { title, cure } of problems) {
            expect(title).not.toBe("");
            for (const command of cure.commands) expect(command).toMatch(/^openclaw [\w .:-]+$/);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
