import type { Policy } from "./policy.ts";
import type { WatchState } from "./state.ts";

/** `identity`: a cheap look that finds out whether the process lives. `full`: health too. `deep`: also what lies on disk and in the logs. */
export type Depth = "identity" | "full" | "deep";

/** When and how deeply to look next. */
export interface NextLook {
  readonly afterMs: number;
  readonly depth: Depth;
}

const FAST_FOR_MS = 10_000;
/** While all is well, only every so manieth survey is taken: 0.35 s of CPU each. */
const CALM_SURVEYS = 5;
/** So soon a warning that is not told at once is looked at again, at most. */
const WARNING_MS = 30_000;

/** Calm: a cheap look each second, a full one each baseline, a deep one each survey. Suspicious: full and fast at first, slower later. Pure. */
export function nextLook(state: WatchState, at: number, policy: Policy): NextLook {
  const { track, phase } = state;
  const calm = track.condition === "serving" || track.condition === "degraded" || track.condition === "alive";
  const full = (afterMs: number): NextLook => ({ afterMs, depth: "full" });
  if (track.blindLooks > 0) return full(policy.recheckMs);
  const waiting = phase.name === "human" || phase.name === "cooling";
  const restful = (phase.name === "watching" && calm && state.incident === null) || waiting;
  // One soon after it began to serve, for what its boot may have lost, and while a warning waits; then it costs more than it tells.
  const waits = calm && state.warned.some(({ told, lastMs }) => !told && lastMs >= state.surveyedMs);
  const isQuiet = calm && state.surveyedMs > track.sinceMs;
  const every = waits ? Math.min(WARNING_MS, policy.surveyMs) : isQuiet ? CALM_SURVEYS * policy.surveyMs : policy.surveyMs;
  const surveyInMs = Math.max(0, state.surveyedMs + every - at);
  if (restful && surveyInMs <= policy.identityMs) return { afterMs: Math.max(surveyInMs, policy.recheckMs), depth: "deep" };
  // A human has the word; but a process that lives may still die, and that is seen at once.
  if (
    (phase.name === "watching" && calm && state.incident === null) ||
    (waiting && !calm && track.identity !== null && track.condition !== "frozen")
  ) {
    const due = track.lastFullMs + policy.baselineMs - at;
    return due <= policy.identityMs ? full(Math.max(0, due)) : { afterMs: policy.identityMs, depth: "identity" };
  }
  if (phase.name === "verifying") return full(policy.recheckMs);
  // A doctor takes its time, and all of the machine that it can get.
  if (phase.name === "repairing") return full(at - phase.sinceMs < FAST_FOR_MS ? policy.recheckMs : policy.slowRecheckMs);
  // Nothing to hurry for: it was stopped on purpose, or refuses to start, or no repair is allowed yet.
  if (track.condition === "stopped-cleanly" || (waiting && track.condition === "parked") || phase.name === "cooling")
    return full(policy.baselineMs);
  if (waiting && calm) return full(policy.slowRecheckMs);
  return full(at - track.sinceMs < FAST_FOR_MS ? policy.recheckMs : policy.slowRecheckMs);
}
