import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../rescue-profile/config.ts";
import { decide } from "../rescue-profile/core/decide.ts";
import type { WatchEvent } from "../rescue-profile/core/event.ts";
import type { Assessment } from "../rescue-profile/core/model.ts";
import { initialState, type WatchState } from "../rescue-profile/core/state.ts";
import { newsLines } from "../rescue-profile/news.ts";
import { FINDS } from "./core/finds.ts";

const policy = toPolicy(parsePolicy({}));

/** The lines of each event, as the loop would have them written, and the state after the last. */
function tell(events: readonly WatchEvent[], start: WatchState = initialState(0)) {
  let state = start;
  const lines = events.map((event) => {
    const before = state;
    const decision = decide(before, event, policy);
    state = decision.state;
    return newsLines({ event, before, decision });
  });
  return { lines, last: lines.at(-1) ?? [], state };
}

const saw = (atMs: number, seen: Omit<Assessment, "atMs" | "evidence"> & Partial<Assessment>): WatchEvent => ({
  kind: "sampled",
  assessment: { atMs, evidence: [`seen ${seen.condition}`], ...seen },
});
const serving = (atMs: number) => saw(atMs, { verdict: "up", condition: "serving", identity: { pid: 7, startTime: 70 } });
const gone = (atMs: number) => saw(atMs, { verdict: "down", condition: "gone" });
const parked = (atMs: number) => saw(atMs, { verdict: "down", condition: "parked", findings: FINDS["config-empty-without-copy"] });

describe("the log says", () => {
  it("what is seen when it changes, with what was seen before, and nothing while it stays so", () => {
    const { lines } = tell([serving(0), serving(10_000), gone(11_000)]);
    expect(lines[0]).toEqual([
      { event: "condition", level: "info", details: { condition: "serving", was: "blind", evidence: ["seen serving"], pid: 7 } },
    ]);
    expect(lines[1]).toEqual([]);
    expect(lines[2]).toMatchObject([{ event: "condition", level: "warn", details: { condition: "gone", was: "serving", pid: null } }]);
  });

  it("an incident and its repair, with the time since the first bad look", () => {
    const { last } = tell([serving(0), gone(10_000), gone(10_500)]);
    expect(last).toMatchObject([
      {
        event: "incident-opened",
        level: "warn",
        incident: 1,
        cause: "process-gone",
        durationMs: 500,
        details: { title: "the gateway process is gone" },
      },
      {
        event: "repair-started",
        level: "warn",
        incident: 1,
        cause: "process-gone",
        tier: 1,
        trigger: "watchdog",
        details: { attempt: 1, pid: null },
      },
    ]);
  });

  it("how the repair ended, by whom, and that the incident is closed and how long it was open", () => {
    const settled: WatchEvent = { kind: "repair-settled", atMs: 12_000, incident: 1, outcome: "done", note: "systemd started it" };
    const good = [13_000, 20_000, 30_000, 43_000, 44_000].map(serving);
    const { lines, last } = tell([serving(0), gone(10_000), gone(10_500), settled, ...good]);
    expect(lines[3]).toMatchObject([
      { event: "repair-settled", trigger: "runner", success: true, incident: 1, details: "repair done: systemd started it" },
    ]);
    expect(lines.flat().filter(({ event }) => event === "incident-closed")).toEqual([
      {
        event: "incident-closed",
        incident: 1,
        success: true,
        cause: "process-gone",
        durationMs: 32_500,
        details: { outcome: "recovered" },
      },
    ]);
    expect(last).toEqual([]);
  });

  it("that a repair failed", () => {
    const failed: WatchEvent = { kind: "repair-settled", atMs: 12_000, incident: 1, outcome: "failed", note: "no unit" };
    const { last } = tell([serving(0), gone(10_000), gone(10_500), failed]);
    expect(last).toMatchObject([{ event: "repair-settled", success: false, details: "repair failed: no unit" }]);
  });

  it("what a human must do, as an error", () => {
    const { last } = tell([serving(0), parked(1_000), parked(2_000)]);
    expect(last).toMatchObject([
      { event: "incident-opened", cause: "config-broken" },
      {
        event: "needs-a-human",
        level: "error",
        incident: 1,
        cause: "config-broken",
        details: { evidence: ["/h/.openclaw/openclaw.json is empty", "seen parked"] },
      },
    ]);
    expect(JSON.stringify(last[1])).toContain("openclaw config validate");
  });

  it("that a look was thrown away, and why", () => {
    const late = saw(10_000, { verdict: "unknown", condition: "blind", evidence: ["7.0 s late"], distrust: "7.0 s late" });
    const { last } = tell([serving(0), late]);
    expect(last).toMatchObject([
      { event: "look-discarded", level: "warn", details: { condition: "blind", was: "serving", evidence: ["7.0 s late"] } },
    ]);
  });

  it("who asked for what, and whether it was granted", () => {
    const asked: WatchEvent = { kind: "repair-requested", atMs: 500, by: "ana" };
    const { lines } = tell([
      serving(0),
      asked,
      { kind: "paused", atMs: 600, untilMs: null, by: "ben", reason: null },
      { kind: "resumed", atMs: 700, by: "ana" },
      gone(800),
      { ...asked, atMs: 900 },
    ]);
    expect(lines[1]).toEqual([
      { event: "repair-requested", trigger: "ana", success: false, details: "refused: nothing to repair: the gateway is serving" },
    ]);
    expect(lines[2]).toEqual([{ event: "paused", trigger: "ben", success: true, details: "paused by ben" }]);
    expect(lines[3]).toEqual([{ event: "resumed", trigger: "ana", success: true, details: "resumed by ana" }]);
    expect(lines[5]).toMatchObject([
      { event: "repair-requested", trigger: "ana", success: true, incident: 1 },
      { event: "incident-opened", incident: 1 },
      { event: "repair-started", trigger: "ana" },
    ]);
  });

  it("that it was stopped on purpose while it was down", () => {
    const stopped = saw(3_000, { verdict: "unknown", condition: "stopped-cleanly" });
    const { last } = tell([serving(0), parked(1_000), parked(2_000), stopped]);
    expect(last).toMatchObject([
      { event: "condition", level: "info", incident: 1 },
      { event: "incident-closed", incident: 1, durationMs: 1_000, details: { outcome: "stopped-by-operator" } },
    ]);
  });
});
