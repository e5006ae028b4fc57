import { describe, expect, it } from "vitest";
import { keepBackstop, mendBackstop, type Scheduler } from "../../plugin/service/backstop.ts";
import { backstopJob, CRON_DECLARATION, findBackstop, reanchored } from "../../src/onboard/backstop.ts";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";

const ARGV = ["/opt/node/bin/node", "/opt/dog/dist/plugin/cli/bin.js", "tick"];
const NOW = Date.UTC(2026, 10, 21);
const YEAR = 31_536_000_000;

/**
 * The host's scheduler as it was measured (docs/host-onboarding.md, 4): a declaration is one job; declaring it again changes neither id nor next
 * run; neither does a schedule without an anchor.
 */
class HostScheduler implements Scheduler {
  readonly jobs: {
    id: string;
    declarationKey: unknown;
    enabled: unknown;
    schedule: JsonObject;
    payload: unknown;
    state: { nextRunAtMs: number };
  }[] = [];
  readonly did: string[] = [];

  async list({ includeDisabled }: { includeDisabled: boolean }): Promise<unknown> {
    return structuredClone(this.jobs.filter(({ enabled }) => includeDisabled || enabled === true));
  }

  async add(job: object): Promise<unknown> {
    const { declarationKey, enabled, schedule, payload } = Object(job);
    const known = this.jobs.find((each) => each.declarationKey === declarationKey);
    this.did.push(known === undefined ? "add" : "add again");
    if (known === undefined) {
      this.jobs.push({ id: `job-${this.jobs.length}`, declarationKey, enabled, schedule, payload, state: { nextRunAtMs: NOW + 60_000 } });
    } else Object.assign(known, { enabled, schedule, payload });
    return { created: known === undefined };
  }

  async update(id: string, patch: object): Promise<unknown> {
    const job = this.jobs.find((each) => each.id === id);
    if (job === undefined) throw new Error(`no job ${id}`);
    this.did.push(`update ${JSON.stringify(patch)}`);
    const { anchorMs, everyMs } = asObject(asObject(patch)["schedule"]);
    if (typeof anchorMs === "number" && typeof everyMs === "number") job.state.nextRunAtMs = anchorMs + everyMs;
    return job;
  }
}

describe("the backstop's job", () => {
  it("is a command without a shell, absolute, delivered to nobody, and ended before its next turn", () => {
    expect(backstopJob(ARGV)).toMatchObject({
      declarationKey: CRON_DECLARATION,
      enabled: true,
      payload: { kind: "command", argv: ARGV },
      delivery: { mode: "none" },
    });
    const { payload, schedule } = backstopJob(ARGV);
    expect(Number(asObject(payload)["timeoutSeconds"]) * 1_000).toBeLessThan(Number(asObject(schedule)["everyMs"]));
  });

  it("is found among others by its declaration, not by its name, in whatever a gateway answers", () => {
    const ours = { id: "2", declarationKey: CRON_DECLARATION, name: "renamed" };
    expect(findBackstop([null, "x", { id: "1", name: "rescue-watchdog tick" }, ours])).toEqual(ours);
    for (const nothing of [undefined, null, {}, [], { jobs: [ours] }, "jobs"]) expect(findBackstop(nothing)).toBeUndefined();
  });

  it.each([
    ["the next minute", NOW + 60_000, false],
    ["exactly two rounds ahead", NOW + 120_000, false],
    ["a moment more", NOW + 120_001, true],
    ["a year ahead", NOW + YEAR, true],
    ["long ago", NOW - YEAR, false],
    ["not known", undefined, false],
    ["text", "soon", false],
  ])("gets a new anchor only when its next run is absurdly far away: %s", (_what, nextRunAtMs, mended) => {
    const expected = mended ? { schedule: { kind: "every", everyMs: 60_000, anchorMs: NOW } } : undefined;
    expect(reanchored({ id: "1", state: { nextRunAtMs } }, NOW)).toEqual(expected);
  });

  it("says nothing of what is no job", () => {
    for (const job of [undefined, null, "job", {}, { state: null }]) expect(reanchored(job, NOW)).toBeUndefined();
  });
});

describe("the care for the backstop in a rescue gateway", () => {
  it("declares it once, then leaves it alone", async () => {
    const scheduler = new HostScheduler();
    expect(await mendBackstop(scheduler, ARGV, NOW)).toContain("declared");
    expect(await mendBackstop(scheduler, ARGV, NOW)).toBeUndefined();
    expect(scheduler.did).toEqual(["add"]);
    expect(scheduler.jobs).toMatchObject([{ payload: { argv: ARGV } }]);
  });

  it("moves a run that a clock ahead of time had put off for a year, and only once", async () => {
    const scheduler = new HostScheduler();
    await mendBackstop(scheduler, ARGV, NOW);
    for (const job of scheduler.jobs) job.state.nextRunAtMs = NOW + YEAR;
    // The control: declaring it again does not move it.
    await scheduler.add(backstopJob(ARGV));
    expect(scheduler.jobs[0]?.state.nextRunAtMs).toBe(NOW + YEAR);
    expect(await mendBackstop(scheduler, ARGV, NOW)).toContain("new anchor");
    expect(scheduler.jobs[0]?.state.nextRunAtMs).toBe(NOW + 60_000);
    expect(await mendBackstop(scheduler, ARGV, NOW)).toBeUndefined();
  });

  it("does not declare a second one beside one that a person switched off", async () => {
    const scheduler = new HostScheduler();
    await scheduler.add({ ...backstopJob(ARGV), enabled: false });
    expect(await mendBackstop(scheduler, ARGV, NOW)).toBeUndefined();
    expect(scheduler.jobs).toMatchObject([{ enabled: false }]);
  });

  it("waits while the host has no scheduler, and says when it fails", async () => {
    expect(await mendBackstop(undefined, ARGV, NOW)).toBeUndefined();
    const said: string[] = [];
    const logger = { info: (text: string) => void said.push(text), warn: () => undefined, error: (text: string) => void said.push(text) };
    const broken: Scheduler = { list: async () => Promise.reject(new Error("no store")), add: async () => 0, update: async () => 0 };
    const end = keepBackstop(
      () => broken,
      ARGV,
      logger,
      () => NOW,
    );
    await Promise.resolve().then(() => undefined);
    await expect.poll(() => said).toEqual(["the backstop's cron job could not be looked after: no store"]);
    end();
  });

  it("survives a host that throws when it is asked for its scheduler", () => {
    const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const end = keepBackstop(
      () => {
        throw new Error("the service is stopping");
      },
      ARGV,
      logger,
    );
    end();
  });

  it("declares it anew when it runs another program than this gateway would", async () => {
    const scheduler = new HostScheduler();
    await mendBackstop(scheduler, ["/opt/node-old/bin/node", ...ARGV.slice(1)], NOW);
    await mendBackstop(scheduler, ARGV, NOW);
    expect(scheduler.jobs).toMatchObject([{ payload: { argv: ARGV } }]);
  });
});
