import type { CronJob } from "../facts.ts";
import type { Check } from "../finding.ts";
import { distance, eachJob, hasNeverRun, intervalOf, jobCure, jobEvidence, LATE_MS, nameOf } from "../judging/cron.ts";

/** Where nothing listens the gateway is down, and everything is overdue: that is not the jobs' fault. One that never ran is not told twice. */
export const cronOverdue: Check = {
  id: "cron-overdue",
  group: "cron",
  question: "Does the gateway run the jobs when they are due?",
  look: async (facts) => {
    const overdue = await eachJob(facts, (job) => {
      if (!isOverdue(job, facts.nowMs) || hasNeverRun(job, facts.nowMs)) return undefined;
      return {
        subject: job.id,
        severity: "warning",
        title: `The job ${nameOf(job)} is overdue`,
        evidence: [
          jobEvidence(`its next run was due ${distance(job.nextRunMs ?? 0, facts.nowMs)}`),
          jobEvidence(job.lastRunMs === null ? "it has not run yet" : `it ran last ${distance(job.lastRunMs, facts.nowMs)}`),
        ],
        cure: jobCure("See whether the scheduler is on and what it waits for, then run the job", [job], facts.profile, (id) => [
          "cron status",
          `cron show ${id}`,
          `cron run ${id}`,
        ]),
      };
    });
    if (!overdue.ok || overdue.value.length === 0) return overdue;
    const listening = await facts.listening();
    if (!listening.ok) return listening;
    return listening.value.length === 0 ? { ok: true, value: [] } : overdue;
  },
};

function isOverdue(job: CronJob, nowMs: number): boolean {
  const { enabled, nextRunMs, runningSinceMs } = job;
  return enabled && nextRunMs !== null && runningSinceMs === null && nowMs - nextRunMs > Math.max(LATE_MS, intervalOf(job) ?? 0);
}
