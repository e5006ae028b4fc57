import { formatDuration } from "../../../src/shared/duration.ts";
import type { CronJob } from "../facts.ts";
import type { Check } from "../finding.ts";
import { distance, eachJob, intervalOf, jobCure, jobEvidence, nameOf, SKEW_MS } from "../judging/cron.ts";

const FAR_MS = 400 * 86_400_000;
/** The longest that the host waits after errors: 30 s, 1, 5, 15, 60 min. */
const BACKOFF_MS = 3_600_000;
/** Once in four years, or eight. */
const LEAP_DAY = /\b29\s+(?:2|feb)\b/i;

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** A clock that jumped leaves a next run far ahead behind it, and a restart of the gateway does not cure it (measured). */
export const cronNextRun: Check = {
  id: "cron-next-run",
  group: "cron",
  question: "Do the times of the jobs fit the clock?",
  look: (facts) =>
    eachJob(facts, (job) => {
      const [first, ...rest] = job.enabled ? oddities(job, facts.nowMs) : [];
      if (first === undefined) return undefined;
      return {
        subject: job.id,
        severity: "warning",
        title: `The times of the job ${nameOf(job)} do not fit the clock`,
        evidence: [jobEvidence(first), ...rest.map(jobEvidence)],
        cure: jobCure(
          "Check the clock first; then set its schedule again, or disable and enable it, so that the next run is computed anew",
          [job],
          facts.profile,
          (id) => [...edits(job, id), `cron disable ${id}`, `cron enable ${id}`],
        ),
      };
    }),
};

function oddities(job: CronJob, nowMs: number): readonly string[] {
  const { schedule, nextRunMs, lastRunMs, consecutiveErrors } = job;
  const aheadMs = nextRunMs === null ? 0 : nextRunMs - nowMs;
  const intervalMs = intervalOf(job);
  const allowedMs = (intervalMs ?? 0) + SKEW_MS + (consecutiveErrors > 0 ? BACKOFF_MS : 0);
  const late = intervalMs !== null && aheadMs > allowedMs;
  const far = schedule.kind !== "at" && aheadMs > FAR_MS && !LEAP_DAY.test(schedule.expr ?? "");
  const every = intervalMs === null ? "" : `, though it runs every ${formatDuration(intervalMs)}`;
  return [
    ...(nextRunMs !== null && (late || far) ? [`its next run is ${distance(nextRunMs, nowMs)}${every}`] : []),
    ...(lastRunMs !== null && lastRunMs > nowMs + SKEW_MS ? [`its last run lies in the future, ${distance(lastRunMs, nowMs)}`] : []),
  ];
}

function edits(job: CronJob, id: string): readonly string[] {
  const intervalMs = intervalOf(job);
  return intervalMs === null ? [] : [`cron edit ${id} --every ${exactly(intervalMs)}`];
}

/** In the largest unit that the host takes and that leaves nothing over. */
function exactly(ms: number): string {
  const [unit, lengthMs] = UNITS.find(([, length]) => ms % length === 0) ?? ["ms", 1];
  return `${Math.round(ms / lengthMs)}${unit}`;
}
