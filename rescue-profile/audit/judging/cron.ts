import { formatDuration } from "../../../src/shared/duration.ts";
import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { CronJob, Facts } from "../facts.ts";
import type { Answer, Cure, Evidence, Problem } from "../finding.ts";
import { judged } from "./answer.ts";
import { ID_WITHHELD, idInCommand, isSafeId } from "./ids.ts";

/** A gateway that is late by less is only busy, and two clocks may differ by so much. */
export const LATE_MS = 600_000;
export const SKEW_MS = 60_000;

/** A check of each job by itself. */
export async function eachJob(facts: Facts, judge: (job: CronJob) => Problem | undefined): Promise<Answer> {
  return judged(await facts.cronJobs(), (jobs) => jobs.map(judge).filter((problem) => problem !== undefined));
}

export function jobEvidence(fact: string): Evidence {
  return { fact, from: "state/openclaw.sqlite cron_jobs" };
}

export function nameOf({ id, name }: CronJob): string {
  return name.trim() === "" ? id : name;
}

/** `cron edit ID --every …` for these jobs, where `options` is what stands around the id. */
export function jobCure(text: string, jobs: readonly CronJob[], profile: string, commands: (id: string) => readonly string[]): Cure {
  const withheld = jobs.every(({ id }) => isSafeId(id)) ? "" : `; where ID stands in a command, ${ID_WITHHELD}`;
  const all = [...new Set(jobs.flatMap(({ id }) => commands(idInCommand(id))))];
  return { text: `${text}${withheld}`, commands: all.map((command) => hostCommand(profile, command)) };
}

/** `5 min 0 s ago`, or `in 5 min 0 s`. */
export function distance(atMs: number, nowMs: number): string {
  return atMs <= nowMs ? `${formatDuration(nowMs - atMs)} ago` : `in ${formatDuration(atMs - nowMs)}`;
}

/** Its interval; null for a schedule that has none that is known without a calendar. */
export function intervalOf({ schedule }: CronJob): number | null {
  return schedule.kind === "every" && schedule.everyMs !== null && schedule.everyMs > 0 ? schedule.everyMs : null;
}

/** Has not run once in twice the time it needed to; a weekly job, by its expression, has had a chance after eight days. */
export function hasNeverRun(job: CronJob, nowMs: number): boolean {
  const { enabled, schedule, createdMs, nextRunMs, lastRunMs, runningSinceMs, runs } = job;
  if (!enabled || lastRunMs !== null || runs.length > 0 || runningSinceMs !== null) return false;
  const intervalMs = intervalOf(job);
  const patienceMs = intervalMs !== null ? 2 * intervalMs : schedule.kind === "cron" ? 8 * 86_400_000 : Number.POSITIVE_INFINITY;
  return nowMs - createdMs > patienceMs && (nextRunMs === null || nextRunMs < nowMs - SKEW_MS);
}
