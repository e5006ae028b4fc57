import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { forProfile } from "../../rescue-profile/core/causes.ts";
import { decide } from "../../rescue-profile/core/decide.ts";
import type { Assessment } from "../../rescue-profile/core/model.ts";
import { initialState, shiftState, type WatchState } from "../../rescue-profile/core/state.ts";

const policy = toPolicy(parsePolicy({}));
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function paused(untilMs: number | null = null, reason: string | null = "moving the disk"): WatchState {
  return decide(initialState(0), { kind: "paused", atMs: 0, untilMs, by: "ana", reason }, policy).state;
}

const serves = (atMs: number): Assessment => ({ atMs, verdict: "up", condition: "serving", evidence: ["/healthz answers 200"] });
const isGone = (atMs: number): Assessment => ({ atMs, verdict: "down", condition: "gone", evidence: ["pid 7 is gone"] });

function looked(state: WatchState, ...looks: readonly Assessment[]) {
  let current = state;
  const tells = looks.flatMap((assessment) => {
    const decided = decide(current, { kind: "sampled", assessment }, policy);
    current = decided.state;
    return decided.actions.filter((action) => action.kind === "tell");
  });
  return { state: current, tells };
}

describe("a pause", () => {
  it("that has lasted a day is told with who paused, since when, why, and the way out", () => {
    const { tells } = looked(paused(), serves(DAY - 1), serves(DAY));
    expect(tells).toEqual([
      {
        kind: "tell",
        severity: "warning",
        incident: null,
        cause: "pause-forgotten",
        text: expect.stringContaining("rescue-watchdog resume"),
        evidence: ["paused by ana, 24 h ago; reason: moving the disk", "it has no end"],
      },
    ]);
  });

  it("is told once a day, however often is looked", () => {
    const looks = Array.from({ length: 80 * 60 }, (_, minute) => serves(minute * 60_000));
    const { tells } = looked(paused(), ...looks);
    expect(tells.map(({ evidence }) => evidence[0]?.split(";")[0])).toEqual([
      "paused by ana, 24 h ago",
      "paused by ana, 48 h ago",
      "paused by ana, 72 h ago",
    ]);
  });

  it("is told once after days in which nobody looked, and then a day later", () => {
    expect(looked(paused(), serves(5 * DAY), serves(5 * DAY + HOUR), serves(6 * DAY - 1)).tells.length).toBe(1);
    expect(looked(paused(), serves(5 * DAY), serves(6 * DAY)).tells.length).toBe(2);
  });

  it("that runs out within its day is never told", () => {
    expect(looked(paused(DAY), serves(DAY - 1), serves(DAY), serves(3 * DAY)).tells).toEqual([]);
  });

  it("that has an end is told with it", () => {
    const { tells } = looked(paused(DAY + 12 * HOUR, null), serves(DAY));
    expect(tells[0]?.evidence).toEqual(["paused by ana, 24 h ago; no reason was given", "it ends by itself in 12 h"]);
    expect(looked(paused(DAY + 60_000), serves(DAY)).tells[0]?.evidence[1]).toBe("it ends by itself in 1 min");
  });

  it("that was lifted, or begun anew, counts from there", () => {
    const lifted = decide(paused(), { kind: "resumed", atMs: HOUR, by: "ana" }, policy).state;
    expect(looked(lifted, serves(2 * DAY)).tells).toEqual([]);
    const again = decide(paused(), { kind: "paused", atMs: 12 * HOUR, untilMs: null, by: "bo", reason: null }, policy).state;
    expect(looked(again, serves(DAY)).tells).toEqual([]);
    expect(looked(again, serves(DAY + 12 * HOUR)).tells.length).toBe(1);
  });

  it("that keeps a dead gateway down says so, and nothing is repaired", () => {
    const { tells, state } = looked(paused(), isGone(DAY - 2_000), isGone(DAY - 1_000), isGone(DAY));
    expect(tells.map(({ evidence }) => evidence[2])).toEqual(["the gateway does not serve now (gone: pid 7 is gone)"]);
    expect(state.repairs).toEqual([]);
  });

  it("is told in every condition and phase, also by a look that is thrown away or could not see", () => {
    const blind: Assessment = { atMs: DAY, verdict: "unknown", condition: "blind", evidence: ["late"], distrust: "late" };
    expect(looked(paused(), blind).tells[0]?.evidence[2]).toBe("whether the gateway serves cannot be seen now (blind: late)");
    const incident = { id: 3, cause: "process-frozen", openedMs: 0, attempts: 1, mends: [], told: [] } as const;
    const repairing: WatchState = { ...paused(), incident, phase: { name: "repairing", sinceMs: DAY - 1_000, cause: "process-frozen" } };
    const alive: Assessment = { atMs: DAY, verdict: "unknown", condition: "alive", evidence: [], identity: { pid: 7, startTime: 70 } };
    const { tells, state } = looked(repairing, alive);
    expect(tells[0]).toMatchObject({
      incident: null,
      evidence: [expect.any(String), "it has no end", expect.stringMatching(/^incident 3 /)],
    });
    expect(state.phase.name).toBe("repairing");
  });

  it("goes on counting over a reboot, whether it was told already or not", () => {
    const shiftMs = -3 * DAY;
    expect(looked(shiftState(paused(), shiftMs), serves(shiftMs + DAY - 1), serves(shiftMs + DAY)).tells.length).toBe(1);
    const told = shiftState(looked(paused(), serves(DAY)).state, shiftMs);
    expect(looked(told, serves(shiftMs + 2 * DAY - 1)).tells).toEqual([]);
    expect(looked(told, serves(shiftMs + 2 * DAY)).tells[0]?.evidence[0]).toContain("48 h ago");
  });

  it("of another profile is lifted by a command that names the profile", () => {
    const [tell] = looked(paused(), serves(DAY)).tells;
    expect(forProfile(tell?.text ?? "", "work")).toContain("rescue-watchdog resume --profile work");
  });
});
