import type { CronJob } from "../facts.ts";
import type { Check } from "../finding.ts";
import { eachJob, jobCure, jobEvidence, nameOf } from "../judging/cron.ts";

/** The host refuses such a job when it is made and never runs one that it finds: `assertSupportedJobSpec` in its cron service (2026.9.6). */
export const cronKind: Check = {
  id: "cron-kind",
  group: "cron",
  question: "Can every job do what it is to do in the session it is meant for?",
  look: (facts) =>
    eachJob(facts, (job) => {
      const { id, enabled, hosts, payload, sessionTarget } = job;
      if (!enabled || hosts || fits(job)) return undefined;
      return {
        subject: id,
        severity: "warning",
        title: `The job ${nameOf(job)} cannot run: a ${payload} does not go into ${sessionTarget}`,
        evidence: [jobEvidence(`its payload is ${payload}, its session target ${sessionTarget}`)],
        cure: jobCure("A systemEvent belongs into main, everything else into a session of its own", [job], facts.profile, (printed) =>
          payload === "systemEvent" || payload === "heartbeat"
            ? [`cron edit ${printed} --session main`]
            : [`cron edit ${printed} --session isolated`],
        ),
      };
    }),
};

function fits({ payload, sessionTarget }: CronJob): boolean {
  if (sessionTarget === "main") return payload === "systemEvent" || payload === "script" || payload === "heartbeat";
  if (sessionTarget === "isolated") return payload === "agentTurn" || payload === "command" || payload === "script";
  return (sessionTarget === "current" || sessionTarget.startsWith("session:")) && (payload === "agentTurn" || payload === "command");
}
