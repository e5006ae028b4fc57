import type { Policy } from "./policy.ts";
import type { WatchState } from "./state.ts";

/** When and how deeply to look next. `identity` is a cheap look that finds out whether the process lives. */
export interface NextLook {
  readonly afterMs: number;
  readonly depth: "identity" | "full";
}

const FAST_FOR_MS = 10_000;

/** Calm: a cheap look each second, a full one each baseline. Suspicious: full and fast at first, slower later. Pure. */
export function nextLook(state: WatchState, at: number, policy: Policy): NextLook {
  const { track, phase } = state;
  const calm = track.condition === "serving" || track.condition === "degraded" || track.condition === "alive";
  const full = (afterMs: number) => ({ afterMs, depth: "full" }) as const;
  if (track.blindLooks > 0) return full(policy.recheckMs);
  const waiting = phase.name === "human" || phase.name === "cooling";
  // A human has the word; but a process that lives may still die, and that is seen at once.
  if (
    (phase.name === "watching" && calm && state.incident === null) ||
    (waiting && !calm && track.identity !== null && track.condition !== "frozen")
  ) {
    const due = track.lastFullMs + policy.baselineMs - at;
    return due <= policy.identityMs ? full(Math.max(0, due)) : { afterMs: policy.identityMs, depth: "identity" };
  }
  if (phase.name === "verifying" || phase.name === "repairing") return full(policy.recheckMs);
  // Nothing to hurry for: it was stopped on purpose, or refuses to start, or no repair is allowed yet.
  if (track.condition === "stopped-cleanly" || (waiting && track.condition === "parked") || phase.name === "cooling")
    return full(policy.baselineMs);
  if (waiting && calm) return full(policy.slowRecheckMs);
  return full(at - track.sinceMs < FAST_FOR_MS ? policy.recheckMs : policy.slowRecheckMs);
}
