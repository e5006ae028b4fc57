import type { Assessment, Cause } from "./model.ts";
import type { Policy } from "./policy.ts";
import type { Track } from "./state.ts";

/** A fault is acted on only after this many looks agree, whatever the clock says. */
export const MIN_CHECKS = 3;
const FOREIGN_PORT_MS = 10_000;

/**
 * Has what was seen lasted long enough to be called by a cause? Undefined: not (yet). Pure; `decide` holds the rights to act on it.
 *
 * | condition | lasted | cause |
 * |---|---|---|
 * | gone, latched | `goneChecks` looks | process-gone, start-latched |
 * | planned-restart | `handoverMs` | process-gone |
 * | frozen | `frozenMs` and 3 looks | process-frozen |
 * | silent | something a kill makes worse was found, for `silentFlatMs` | that |
 * | silent | CPU flat for `silentFlatMs`, such harm ruled out | silent-flat |
 * | silent | `silentBusyMs`, such harm ruled out | silent-busy; not ruled out: blind |
 * | deaf (it has served) | no progress for `listenerLostMs` · progress, but `bootCeilingMs` | listener-lost · boot-slow |
 * | starting | no progress for `bootFlatMs` · progress, but `bootCeilingMs` | boot-stalled · boot-slow |
 * | draining · maintenance | `drainMs` · `bootCeilingMs` | drain-stuck · maintenance-stuck |
 * | parked · foreign-port · blind | 2 looks · 10 s · `blindMs` | start-refused · port-foreign · blind |
 */
export function diagnose(track: Track, seen: Assessment, policy: Policy): Cause | undefined {
  const lastedMs = seen.atMs - track.sinceMs;
  const flatMs = seen.atMs - track.movedMs;
  const enough = track.checks >= MIN_CHECKS;
  switch (track.condition) {
    case "serving":
    case "degraded":
    case "alive":
    case "stopped-cleanly":
      return undefined;
    case "gone":
      return track.checks >= policy.goneChecks ? "process-gone" : undefined;
    case "latched":
      return track.checks >= policy.goneChecks ? "start-latched" : undefined;
    case "planned-restart":
      return lastedMs >= policy.handoverMs ? "process-gone" : undefined;
    case "frozen":
      return enough && lastedMs >= policy.frozenMs ? "process-frozen" : undefined;
    case "silent":
      return enough ? diagnoseSilence(seen, lastedMs, flatMs, policy) : undefined;
    case "deaf":
      return flatMs >= policy.listenerLostMs && enough ? "listener-lost" : diagnoseBoot(lastedMs, flatMs, policy);
    case "starting":
      return diagnoseBoot(lastedMs, flatMs, policy);
    case "draining":
      return lastedMs >= policy.drainMs ? "drain-stuck" : undefined;
    case "maintenance":
      return lastedMs >= policy.bootCeilingMs ? "maintenance-stuck" : undefined;
    case "parked":
      return track.checks >= 2 ? "start-refused" : undefined;
    case "foreign-port":
      return enough && lastedMs >= FOREIGN_PORT_MS ? "port-foreign" : undefined;
    case "blind":
      return lastedMs >= policy.blindMs ? "blind" : undefined;
  }
}

function diagnoseSilence(seen: Assessment, lastedMs: number, flatMs: number, policy: Policy): Cause | undefined {
  if (flatMs >= policy.silentFlatMs) {
    if (seen.killHarm !== undefined) return seen.killHarm;
    if (seen.killHarmRuledOut === true) return "silent-flat";
  }
  if (lastedMs < policy.silentBusyMs) return undefined;
  if (seen.killHarm !== undefined) return seen.killHarm;
  return seen.killHarmRuledOut === true ? "silent-busy" : "blind";
}

function diagnoseBoot(lastedMs: number, flatMs: number, policy: Policy): Cause | undefined {
  if (flatMs >= policy.bootFlatMs) return "boot-stalled";
  return lastedMs >= policy.bootCeilingMs ? "boot-slow" : undefined;
}
