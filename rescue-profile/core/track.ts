import type { Assessment, ProcessIdentity } from "./model.ts";
import type { Policy } from "./policy.ts";
import type { Track } from "./state.ts";

/** CPU use is measured over at least this long, so that one idle slice is not taken for a hang. */
const CPU_WINDOW_MS = 1_000;
/** A starved machine cannot look now and then; only so many looks in a row mean that we are blind. */
const MAX_BLIND_LOOKS = 3;

/** Adds one trusted look to what was seen before. Pure. */
export function follow(track: Track, seen: Assessment, policy: Pick<Policy, "cpuFlatRatio">): Track {
  const identity = seen.identity ?? (seen.condition === "gone" ? null : track.identity);
  const sameProcess = sameIdentity(track.identity, identity);
  const served = (sameProcess && track.served) || (seen.verdict === "up" && identity !== null);

  // Without its listener before it has ever served, it is still on its way.
  const condition = seen.condition === "deaf" && !served ? "starting" : seen.condition;
  // A cheap look proves life, not health: it neither starts nor ends a condition.
  if (seen.condition === "blind" && track.condition !== "blind" && track.blindLooks + 1 < MAX_BLIND_LOOKS) {
    return { ...track, lastMs: seen.atMs, lastFullMs: seen.atMs, blindLooks: track.blindLooks + 1 };
  }
  if (seen.condition === "alive" && sameProcess) {
    return { ...track, lastMs: seen.atMs, served };
  }
  const changed = condition !== track.condition || !sameProcess;
  const base: Track = {
    ...track,
    condition,
    sinceMs: changed ? seen.atMs : track.sinceMs,
    checks: changed ? 1 : track.checks + 1,
    lastMs: seen.atMs,
    lastFullMs: seen.condition === "alive" ? track.lastFullMs : seen.atMs,
    identity,
    served,
    movedMs: changed ? seen.atMs : track.movedMs,
    cpu: changed ? null : track.cpu,
    progress: changed ? null : track.progress,
    killHarm: seen.killHarm ?? (seen.killHarmRuledOut === true ? "none" : null),
    blindLooks: 0,
  };
  return withProgress(base, seen, policy);
}

/** Forgets what was seen in a row, but not which process it was: what happened in between is not known. */
export function forget(track: Track, atMs: number): Track {
  return {
    ...track,
    condition: "blind",
    sinceMs: atMs,
    checks: 0,
    lastMs: atMs,
    movedMs: atMs,
    cpu: null,
    progress: null,
    killHarm: null,
    blindLooks: 0,
  };
}

function withProgress(track: Track, seen: Assessment, policy: Pick<Policy, "cpuFlatRatio">): Track {
  const progress = seen.progress ?? null;
  const tokenMoved = track.progress !== null && progress !== null && progress !== track.progress;
  const cpu = measureCpu(track, seen, policy);
  return { ...track, progress, cpu: cpu.window, movedMs: tokenMoved || cpu.moved ? seen.atMs : track.movedMs };
}

function measureCpu(track: Track, seen: Assessment, policy: Pick<Policy, "cpuFlatRatio">): { window: Track["cpu"]; moved: boolean } {
  if (seen.cpuMs === undefined) return { window: null, moved: false };
  const now = { atMs: seen.atMs, cpuMs: seen.cpuMs };
  if (track.cpu === null) return { window: now, moved: false };
  const elapsed = now.atMs - track.cpu.atMs;
  if (elapsed < CPU_WINDOW_MS) return { window: track.cpu, moved: false };
  return { window: now, moved: now.cpuMs - track.cpu.cpuMs >= elapsed * policy.cpuFlatRatio };
}

export function sameIdentity(a: ProcessIdentity | null, b: ProcessIdentity | null): boolean {
  return a === b || (a !== null && b !== null && a.pid === b.pid && a.startTime === b.startTime);
}
