import type { Sight } from "./eye.ts";
import type { MatrixFault } from "./faults.ts";

/** A line of our own contender's log, ms of the wall clock. */
export interface Said {
  readonly event: string;
  readonly cause: string | null;
  readonly tier: number | null;
  readonly atMs: number;
}

/** What one run has left behind. */
export interface Evidence {
  /** Just before the injection. */
  readonly before: Sight;
  readonly atMs: number;
  /** The script of the fault has ended. */
  readonly establishedMs: number;
  readonly endedMs: number;
  /** Everything that was seen in the lane, oldest first. */
  readonly sights: readonly Sight[];
  readonly said: readonly Said[];
  /** Of the configuration's bytes, at the end, beside those before the fault. */
  readonly sameConfig: boolean;
}

/** One run of one fault against one contender; times in ms from the injection. */
export interface Run {
  readonly fault: string;
  readonly contender: string;
  /** The first that was done: a process started, the faulty one ended, the configuration written, a doctor begun, or a repair of ours. */
  readonly actedMs: number | null;
  /** It serves again, by a process that goes on living. */
  readonly servedMs: number | null;
  readonly told: readonly { readonly cause: string; readonly atMs: number }[];
  readonly repairs: readonly string[];
  /** Gateways that were started after the fault was there. */
  readonly starts: number;
  readonly doctors: number;
  readonly harm: readonly string[];
  readonly coldStartMs: number;
}

/** A child that the gateway forks has its words until it becomes another program. */
const LIVES_MS = 400;
/** What a fault's script has had started is seen so much later, at most. */
const SEEN_WITHIN_MS = 1_500;
const STARTS = /systemctl --user (re)?start|gateway restart/;
/** Who ends again within this has not served. */
export const HOLDS_MS = 5_000;

/** From when on another process than before serves and goes on living; undefined: not yet, or never. */
export function servedAt({ sights, atMs, before, endedMs }: Evidence): number | undefined {
  return sights.find(
    (sight) =>
      sight.atMs >= atMs &&
      sight.ready &&
      endedMs - sight.atMs >= HOLDS_MS &&
      sight.pids.some((pid) => !before.pids.includes(pid) && livedFor(pid, sight.atMs, sights, endedMs) >= HOLDS_MS),
  )?.atMs;
}

function livedFor(pid: number, fromMs: number, sights: readonly Sight[], endedMs: number): number {
  return (sights.find((sight) => sight.atMs > fromMs && !sight.pids.includes(pid))?.atMs ?? endedMs) - fromMs;
}

export function tolds({ said, atMs }: Evidence): Run["told"] {
  return said
    .filter((each) => each.atMs >= atMs && (each.event === "needs-a-human" || each.event === "warning"))
    .map((each) => ({ cause: String(each.cause), atMs: each.atMs - atMs }));
}

export function judge(fault: MatrixFault, contender: string, coldStartMs: number, evidence: Evidence): Run {
  const { sights, atMs, before, endedMs } = evidence;
  // Without a fault everything counts from the beginning; else what the fault's own script has started is not the contender's doing.
  const fromMs = fault.answer === "nothing" ? atMs : evidence.establishedMs;
  const list = sights.filter((sight) => sight.atMs > fromMs);
  const known = new Set([...before.pids, ...(sights.findLast((sight) => sight.atMs <= fromMs)?.pids ?? [])]);
  const starts = new Map<number, number>();
  for (const sight of list) {
    for (const pid of sight.pids) {
      if (known.has(pid) || starts.has(pid)) continue;
      if (livedFor(pid, sight.atMs, sights, endedMs) >= LIVES_MS) starts.set(pid, sight.atMs);
    }
  }
  const [first] = [...starts].sort(([, a], [, b]) => a - b);
  // The one that the fault's own script has started.
  if (fault.answer !== "nothing" && first !== undefined && STARTS.test(fault.script) && first[1] - fromMs < SEEN_WITHIN_MS)
    starts.delete(first[0]);
  const written = list.find(
    (sight, index) => sight.config !== (list[index - 1] ?? sights.findLast(({ atMs: then }) => then <= fromMs))?.config,
  );
  const ended = fault.lives === true ? list.find(({ pids }) => !pids.some((pid) => before.pids.includes(pid))) : undefined;
  const doctors = list.filter((sight, index) => sight.doctor && list[index - 1]?.doctor !== true);
  const repairs = evidence.said.filter((each) => each.event === "repair-started" && each.atMs >= atMs);
  const acts = [...starts.values(), written?.atMs, ended?.atMs, doctors[0]?.atMs, repairs[0]?.atMs].filter((each) => each !== undefined);
  const served = servedAt(evidence);
  return {
    fault: fault.name,
    contender,
    actedMs: acts.length === 0 ? null : Math.min(...acts) - atMs,
    servedMs: fault.answer === "nothing" || served === undefined ? null : served - atMs,
    told: tolds(evidence),
    repairs: repairs.map(({ cause, tier }) => `${cause}, ${tier}`),
    starts: starts.size,
    doctors: doctors.length,
    harm: harms(fault, evidence, starts.size - (fault.starts ?? 0), doctors.length, repairs.length, served !== undefined),
    coldStartMs,
  };
}

function harms(
  fault: MatrixFault,
  { sights, sameConfig }: Evidence,
  starts: number,
  doctors: number,
  repairs: number,
  served: boolean,
): string[] {
  const harm: string[] = [];
  const readyNow = sights.at(-1)?.ready === true;
  if (fault.answer === "nothing") {
    if (starts > 0) harm.push(`${starts} needless start${starts === 1 ? "" : "s"}`);
    if (repairs > 0) harm.push(`${repairs} false repair${repairs === 1 ? "" : "s"}`);
    if (doctors > 0) harm.push("a doctor beside a healthy gateway");
    if (fault.staysDown === true && readyNow) harm.push("started what somebody had stopped");
    if (fault.staysDown !== true && !readyNow) harm.push("down at the end");
    if (!sameConfig) harm.push("the configuration was changed");
  }
  if (fault.answer === "recovers" && fault.config === undefined && served && !sameConfig) harm.push("the configuration is not what it was");
  return harm;
}
