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
  /** The configuration's bytes before the fault, as its script left them, and now; null: there is none. */
  readonly config: Readonly<Record<"before" | "left" | "end", string | null>>;
  /** Other files that are a person's, or that nobody may touch, and are not any more as the fault's script left them. */
  readonly changed: readonly string[];
}

/** One run of one fault against one contender; times in ms from the injection. */
export interface Run {
  readonly fault: string;
  readonly contender: string;
  /** The first that was done: a process started, the faulty one ended, the configuration written, a doctor begun, or a repair of ours. */
  readonly actedMs: number | null;
  /** It serves again, by a process that goes on living. */
  readonly servedMs: number | null;
  /** Of that process, from its start until it served: the host's own part. */
  readonly bootMs: number | null;
  /** So long a doctor of the host ran, in all. */
  readonly doctorMs: number;
  /** When the last repair of ours began; without one as `actedMs`. */
  readonly repairMs: number | null;
  /** Without a fault: so long it did not serve because of the contender. */
  readonly downtimeMs: number;
  readonly told: readonly { readonly cause: string; readonly atMs: number }[];
  readonly repairs: readonly string[];
  /** Gateways that were started after the fault was there. */
  readonly starts: number;
  readonly doctors: number;
  readonly harm: readonly string[];
  /** Null: it began with the gateway of the run before. */
  readonly coldStartMs: number | null;
}

/** A child that the gateway forks has its words until it becomes another program. */
const LIVES_MS = 400;
/** What a fault's script has had started is seen so much later, at most. */
const SEEN_WITHIN_MS = 1_500;
const STARTS = /systemctl --user (re)?start|gateway restart/;
/** Who ends again within this, or does not answer at its end, has not served. */
export const HOLDS_MS = 5_000;

/** From when on another process than before serves and goes on living; undefined: not yet, or never. */
export function servedAt(evidence: Evidence): number | undefined {
  return serves(evidence)?.atMs;
}

function serves({ sights, atMs, before, endedMs }: Evidence): { readonly atMs: number; readonly pid: number } | undefined {
  for (const sight of sights) {
    if (sight.atMs < atMs || !sight.ready || endedMs - sight.atMs < HOLDS_MS) continue;
    if (sights.findLast((later) => later.atMs <= sight.atMs + HOLDS_MS)?.ready !== true) continue;
    const pid = sight.pids.find((each) => !before.pids.includes(each) && livedFor(each, sight.atMs, sights, endedMs) >= HOLDS_MS);
    if (pid !== undefined) return { atMs: sight.atMs, pid };
  }
  return undefined;
}

function livedFor(pid: number, fromMs: number, sights: readonly Sight[], endedMs: number): number {
  return (sights.find((sight) => sight.atMs > fromMs && !sight.pids.includes(pid))?.atMs ?? endedMs) - fromMs;
}

export function tolds({ said, atMs }: Evidence): Run["told"] {
  return said
    .filter((each) => each.atMs >= atMs && (each.event === "needs-a-human" || each.event === "warning"))
    .map((each) => ({ cause: String(each.cause), atMs: each.atMs - atMs }));
}

export function judge(fault: MatrixFault, contender: string, coldStartMs: number | null, evidence: Evidence): Run {
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
  const faulty = sights.findLast((sight) => sight.atMs <= fromMs + SEEN_WITHIN_MS)?.pids ?? [];
  const isEnded = (sight: Sight) => sight.atMs > fromMs + SEEN_WITHIN_MS && !sight.pids.some((pid) => faulty.includes(pid));
  const ended = fault.lives === true ? list.find(isEnded) : undefined;
  const doctors = list.filter((sight, index) => sight.doctor && list[index - 1]?.doctor !== true);
  const repairs = evidence.said.filter((each) => each.event === "repair-started" && each.atMs >= atMs);
  const acts = [...starts.values(), written?.atMs, ended?.atMs, doctors[0]?.atMs, repairs[0]?.atMs].filter((each) => each !== undefined);
  const served = serves(evidence);
  const bornMs = served === undefined ? undefined : sights.find(({ pids }) => pids.includes(served.pid))?.atMs;
  const actedMs = acts.length === 0 ? null : Math.min(...acts) - atMs;
  const lastRepair = repairs.at(-1);
  const isQuiet = fault.answer === "nothing";
  const needless = starts.size - (fault.starts ?? 0);
  return {
    fault: fault.name,
    contender,
    actedMs,
    servedMs: isQuiet || served === undefined ? null : served.atMs - atMs,
    bootMs: isQuiet || served === undefined || bornMs === undefined ? null : served.atMs - bornMs,
    doctorMs: durationOf(list, endedMs, ({ doctor }) => doctor),
    repairMs: lastRepair === undefined ? actedMs : lastRepair.atMs - atMs,
    downtimeMs: isQuiet && needless > 0 ? durationOf(afterStarts(list, [...starts], fault), endedMs, ({ ready }) => !ready) : 0,
    told: tolds(evidence),
    repairs: repairs.map(({ cause, tier }) => `${cause}, ${tier}`),
    starts: starts.size,
    doctors: doctors.length,
    harm: harms(fault, evidence, { needless, doctors: doctors.length, repairs: repairs.length, served: served !== undefined }),
    coldStartMs,
  };
}

/** From the first start on that did not belong to the fault. */
function afterStarts(list: readonly Sight[], starts: readonly (readonly [number, number])[], fault: MatrixFault): readonly Sight[] {
  const fromMs = starts.map(([, startMs]) => startMs).sort((a, b) => a - b)[fault.starts ?? 0] ?? Number.POSITIVE_INFINITY;
  return list.filter((sight) => sight.atMs >= fromMs);
}

/** How long it was so, in all. */
function durationOf(list: readonly Sight[], endedMs: number, isSo: (sight: Sight) => boolean): number {
  return list.reduce((sum, sight, index) => sum + (isSo(sight) ? (list[index + 1]?.atMs ?? endedMs) - sight.atMs : 0), 0);
}

interface Deeds {
  /** Starts that do not belong to what happened. */
  readonly needless: number;
  readonly doctors: number;
  readonly repairs: number;
  readonly served: boolean;
}

function harms(fault: MatrixFault, { sights, config, changed }: Evidence, { needless, doctors, repairs, served }: Deeds): string[] {
  const harm = changed.map((path) => `${path} was changed`);
  const readyNow = sights.at(-1)?.ready === true;
  const asBefore = config.end === config.before;
  switch (fault.answer) {
    case "nothing":
      if (needless > 0) harm.push(`${needless} needless start${needless === 1 ? "" : "s"}`);
      if (repairs > 0) harm.push(`${repairs} false repair${repairs === 1 ? "" : "s"}`);
      if (doctors > 0) harm.push("a doctor beside a healthy gateway");
      if (fault.staysDown === true && readyNow) harm.push("started what somebody had stopped");
      if (fault.staysDown !== true && !readyNow) harm.push("down at the end");
      if (!asBefore) harm.push("the configuration was changed");
      break;
    case "recovers":
      if (fault.config === undefined && served && !asBefore) harm.push("the configuration is not what it was");
      break;
    case "told":
      if (config.end !== config.left) harm.push("the configuration was changed");
  }
  return harm;
}
