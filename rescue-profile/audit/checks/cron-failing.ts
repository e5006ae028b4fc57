import { cut } from "../../../src/shared/cut.ts";
import type { CronJob, Facts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { distance, jobCure, jobEvidence, nameOf } from "../judging/cron.ts";

const FAILURES = 3;
/** Here the host switches a job off. */
const LAST_FAILURE = 10;
const MOST_COMMANDS = 12;

const UNKNOWN_MODEL = /unknown model:\s*["'`]?([^\s"'`,;]+)/i;

export const cronFailing: Check = {
  id: "cron-failing",
  group: "cron",
  question: "Do the scheduled jobs succeed?",
  look: async (facts) =>
    judged(await facts.cronJobs(), (jobs) => {
      const failing = jobs.filter(
        ({ enabled, autoDisabled, consecutiveErrors }) => (enabled || autoDisabled !== null) && consecutiveErrors >= FAILURES,
      );
      return [...Map.groupBy(failing, causeOf)].flatMap(([cause, group]) => problemOf(cause, group, facts));
    }),
};

function problemOf(cause: string, group: readonly CronJob[], { profile, nowMs }: Facts): readonly Problem[] {
  const [first, ...rest] = group.toSorted((a, b) => b.consecutiveErrors - a.consecutiveErrors || (a.id < b.id ? -1 : 1));
  if (first === undefined) return [];
  const jobs = [first, ...rest];
  const said = (job: CronJob) => jobEvidence(`${nameOf(job)}: ${streak(job, nowMs)}`);
  return [
    {
      subject: cause,
      severity: first.consecutiveErrors >= LAST_FAILURE ? "critical" : "warning",
      title: rest.length === 0 ? `The job ${nameOf(first)} fails: ${cause}` : `${jobs.length} jobs fail for one reason: ${cause}`,
      evidence: [said(first), ...rest.map(said)],
      cure: cause.startsWith(UNKNOWN)
        ? jobCure("Give them a model that is there, see model-unknown", jobs.slice(0, MOST_COMMANDS), profile, (id) => [
            "models list",
            `cron edit ${id} --model MODEL`,
          ])
        : jobCure("Read what the last runs said, and mend the cause before the host switches the job off", [first], profile, (id) => [
            `cron runs ${id} --status error --limit 5`,
            `cron run ${id}`,
          ]),
    },
  ];
}

function streak({ consecutiveErrors, lastRunMs, lastError }: CronJob, nowMs: number): string {
  const last = lastRunMs === null ? "" : `, last ${distance(lastRunMs, nowMs)}`;
  return `${consecutiveErrors} times in a row${last}${lastError === null ? "" : `: ${lastError}`}`;
}

const UNKNOWN = "unknown model ";

/** What jobs with one cause have in common: the model, or the host's class of the error and its words without what differs from run to run. */
export function causeOf({ lastError, errorReason, model }: CronJob): string {
  const named = UNKNOWN_MODEL.exec(lastError ?? "")?.[1]?.replace(/[.:)\]]+$/, "");
  if (named) return cut(`${UNKNOWN}${named}`, 160);
  if (errorReason === "model_not_found") return cut(`${UNKNOWN}${model ?? "of its agent"}`, 160);
  const words = common(lastError ?? "");
  const parts = [errorReason ?? "", words].filter((part) => part !== "");
  return parts.length === 0 ? "no error was recorded" : cut(parts.join(": "), 160);
}

function common(error: string): string {
  return error
    .replaceAll(/"[^"]*"|`[^`]*`|(?<!\w)'[^']*'(?!\w)/g, "…")
    .replaceAll(/\b(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{8,}\b/gi, "ID")
    .replaceAll(/\d+(?:[.,:]\d+)*/g, "N")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/[.…\s]+$/, "");
}
