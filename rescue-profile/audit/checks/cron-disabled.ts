import type { Check } from "../finding.ts";
import { distance, eachJob, jobCure, jobEvidence, nameOf } from "../judging/cron.ts";

export const cronDisabled: Check = {
  id: "cron-disabled",
  group: "cron",
  question: "Are all jobs running that nobody switched off?",
  look: (facts) =>
    eachJob(facts, (job) => {
      if (job.autoDisabled === null) return undefined;
      const { reason, atMs } = job.autoDisabled;
      const last = job.lastError === null ? [] : [jobEvidence(`its last error: ${job.lastError}`)];
      return {
        subject: job.id,
        severity: "warning",
        title: `The host switched off the job ${nameOf(job)}`,
        evidence: [jobEvidence(`it was switched off ${distance(atMs, facts.nowMs)}: ${reason}`), ...last],
        cure: jobCure("Mend what made it fail, then switch it on again", [job], facts.profile, (id) => [
          `cron show ${id}`,
          `cron enable ${id}`,
        ]),
      };
    }),
};
