import type { Check } from "../finding.ts";
import { distance, eachJob, hasNeverRun, jobCure, jobEvidence, nameOf } from "../judging/cron.ts";

export const cronNeverRan: Check = {
  id: "cron-never-ran",
  group: "cron",
  question: "Has every recurring job run at least once?",
  look: (facts) =>
    eachJob(facts, (job) => {
      if (!hasNeverRun(job, facts.nowMs)) return undefined;
      const next = job.nextRunMs === null ? "it has no next run" : `its next run was due ${distance(job.nextRunMs, facts.nowMs)}`;
      return {
        subject: job.id,
        severity: "warning",
        title: `The job ${nameOf(job)} has never run`,
        evidence: [jobEvidence(`it was created ${distance(job.createdMs, facts.nowMs)}, and ${next}`)],
        cure: jobCure("Run it once by hand; if that works, disabling and enabling it gives it a next run", [job], facts.profile, (id) => [
          `cron run ${id}`,
          `cron disable ${id}`,
          `cron enable ${id}`,
        ]),
      };
    }),
};
