import { kills } from "./causes.ts";
import type { Cause } from "./model.ts";
import { HOUR_MS, type Policy } from "./policy.ts";
import type { WatchState } from "./state.ts";

/** Why nothing may be repaired now, or undefined when it may. The limits of the budget are not in here. */
export function withheld(state: WatchState, atMs: number): string | undefined {
  if (state.pause !== null && (state.pause.untilMs === null || atMs < state.pause.untilMs)) {
    return `paused by ${state.pause.by}${state.pause.reason === null ? "" : ` (${state.pause.reason})`}`;
  }
  if (state.graceUntilMs !== null && atMs < state.graceUntilMs) return "in the grace period after a late check or a clock change";
  return undefined;
}

/** When the budget allows the next repair of this kind; `atMs` itself when it does now. Pure; also shown by `status`. */
export function nextAllowedMs(state: WatchState, cause: Cause, atMs: number, policy: Policy): number {
  if (state.phase.name === "cooling" && atMs < state.phase.untilMs) return state.phase.untilMs;
  const repairs = state.repairs.filter((at) => atMs - at < HOUR_MS);
  if (repairs.length >= policy.repairsPerHour) return atMs + policy.cooldownMs;
  if (!kills(cause)) return atMs;
  const recent = state.kills.filter((at) => atMs - at < policy.uncleanWindowMs);
  const oldest = recent[recent.length - policy.uncleanKills];
  return oldest === undefined ? atMs : oldest + policy.uncleanWindowMs;
}

/** Never seen healthy: tell, don't kill. And without a proven identity there is nothing that the fence could hold on to. */
export function mayKill(state: WatchState): boolean {
  return state.everServed && state.track.identity !== null;
}

/** Drops what has run out: a pause, a grace, a cooldown, repairs older than their window. */
export function expire(state: WatchState, at: number, policy: Policy): WatchState {
  const { pause, phase, incident } = state;
  const cooled = phase.name === "cooling" && at >= phase.untilMs;
  return {
    ...state,
    pause: pause !== null && pause.untilMs !== null && at >= pause.untilMs ? null : pause,
    graceUntilMs: state.graceUntilMs !== null && at >= state.graceUntilMs ? null : state.graceUntilMs,
    phase: cooled ? { name: "watching" } : phase,
    // A new round of starts; what was mended without help, and what a person was told, is neither done nor told again.
    incident: cooled && incident !== null ? { ...incident, attempts: 0 } : incident,
    restUntilMs: state.restUntilMs !== null && at >= state.restUntilMs ? null : state.restUntilMs,
    relapses: state.relapses.filter(({ atMs }) => at - atMs < HOUR_MS),
    repairs: state.repairs.filter((repair) => at - repair < HOUR_MS),
    kills: state.kills.filter((kill) => at - kill < policy.uncleanWindowMs),
  };
}
