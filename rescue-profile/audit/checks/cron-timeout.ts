import { formatDuration } from "../../../src/shared/duration.ts";
import type { CronJob } from "../facts.ts";
import type { Check } from "../finding.ts";
import { eachJob, jobCure, jobEvidence, nameOf } from "../judging/cron.ts";

const FEWEST_RUNS = 5;
const MARGIN = 1.2;
const RECENT = 10;
const TIMEOUTS = 3;

/** As the host names the end of a run: in its receipts, and in its task records. */
const OK: ReadonlySet<string> = new Set(["ok", "succeeded"]);
const TIMED_OUT: ReadonlySet<string> = new Set(["timeout", "timed_out"]);

export const cronTimeout: Check = {
  id: "cron-timeout",
  group: "cron",
  question: "Do the jobs have the time that they take?",
  look: (facts) =>
    eachJob(facts, (job) => {
      const [first, ...rest] = job.enabled || job.autoDisabled !== null ? shortages(job) : [];
      if (first === undefined) return undefined;
      return {
        subject: job.id,
        severity: "warning",
        title: `The job ${nameOf(job)} has too little time`,
        evidence: [jobEvidence(first), ...rest.map(jobEvidence)],
        cure: jobCure("Give it twice what it takes, or make it do less", [job], facts.profile, (id) => [
          `cron runs ${id} --limit 10`,
          `cron edit ${id} --timeout-seconds ${enoughSeconds(job) ?? "SECONDS"}`,
        ]),
      };
    }),
};

function shortages(job: CronJob): readonly string[] {
  const medianMs = medianOf(job);
  // 0: the scheduler sets no limit.
  const limitMs = job.timeoutMs !== null && job.timeoutMs > 0 ? job.timeoutMs : null;
  const limited = limitMs === null ? "" : ` of ${formatDuration(limitMs)}`;
  const recent = job.runs.slice(0, RECENT);
  // A receipt only says "error": what failed when its time was up was ended by that.
  const isTimedOut = ({ status, tookMs }: CronJob["runs"][number]) =>
    TIMED_OUT.has(status) || (status === "error" && limitMs !== null && tookMs >= limitMs);
  const ended = recent.filter(isTimedOut).length;
  return [
    ...(medianMs !== undefined && limitMs !== null && limitMs < medianMs * MARGIN
      ? [`its timeout is ${formatDuration(limitMs)}, and half of its runs take ${formatDuration(medianMs)} or more`]
      : []),
    ...(ended >= TIMEOUTS ? [`${ended} of its last ${recent.length} runs were ended by the timeout${limited}`] : []),
  ];
}

function medianOf({ runs }: CronJob): number | undefined {
  const took = runs.filter(({ status }) => OK.has(status)).map(({ tookMs }) => tookMs);
  return took.length < FEWEST_RUNS ? undefined : took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)];
}

/** Whole seconds, twice what it takes and twice what it has; undefined: neither is known. */
function enoughSeconds(job: CronJob): number | undefined {
  const mostMs = Math.max(medianOf(job) ?? 0, job.timeoutMs ?? 0);
  return mostMs > 0 ? Math.max(1, Math.ceil((mostMs * 2) / 1_000)) : undefined;
}
