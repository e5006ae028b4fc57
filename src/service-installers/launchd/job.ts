import { setTimeout as sleep } from "node:timers/promises";
import { RescueError } from "../../shared/errors.ts";
import { complaintKind, launchctl } from "./launchctl.ts";
import { guiDomain, type JobSeen, type LabelOptions, lookForJob, orderFailed, refuseDaemon, refuseDisabled, userDomain } from "./look.ts";
import type { JobLook } from "./print.ts";

export interface JobOptions extends LabelOptions {
  readonly plistPath: string;
  /** Called immediately before every bootstrap; what it throws stops it. */
  readonly beforeLoad?: () => void;
  /** How long launchd is given for what it does after its command has returned. Tests shorten it. */
  readonly patienceMs?: number;
}

const ASK_WITHIN_MS = 5_000;
const ORDER_WITHIN_MS = 20_000;
const POLL_MS = 200;
/** A throttled start comes after at most ThrottleInterval (10 s); the host, too, waits 30 s for a teardown. */
const PATIENCE_MS = 30_000;

const patience = ({ patienceMs }: JobOptions) => patienceMs ?? PATIENCE_MS;

/** From any state to one with a process, or with a start that was made. A live process is left alone. */
export async function startJob(options: JobOptions): Promise<void> {
  const first = await lookForJob(options);
  const endsWithinMs = (first.job?.stopWithinMs ?? 0) + patience(options);
  const seen = first.job?.ending ? await until(options, "ended", endsWithinMs, ({ job }) => !job?.ending) : first;
  if (seen.job !== null && hasProcess(seen.job)) return;
  await refuseDisabled(seen.domain, options);
  if (seen.job === null) return loadJob(options, seen.domain);
  const { runs } = seen.job;
  if (!(await kickstart(options, seen.domain, [], ORDER_WITHIN_MS))) return loadJob(options, seen.domain);
  await until(options, "started", patience(options), ({ job }) => job !== null && (hasProcess(job) || job.runs > runs));
}

/** Ends the process and starts it anew; one that is not loaded is loaded. */
export async function restartJob(options: JobOptions): Promise<void> {
  const { domain, job: before } = await lookForJob(options);
  await refuseDisabled(domain, options);
  if (before === null) return loadJob(options, domain);
  const withinMs = before.stopWithinMs + patience(options);
  // A kickstart that fails may take the job out of launchd (issues 41934, 52208): then it is loaded again.
  if (!(await kickstart(options, domain, ["-k"], withinMs))) return loadJob(options, domain);
  await until(options, "restarted", withinMs, ({ job }) => {
    if (job === null) return false;
    return job.runs > before.runs || (hasProcess(job) && job.reading.mainPid !== before.reading.mainPid);
  });
}

/** Ends the process and takes the job out of launchd, until the next login. False when it was not loaded. */
export async function unloadJob(options: JobOptions): Promise<boolean> {
  const { domain, job } = await lookForJob(options);
  if (job === null) return false;
  const args = ["bootout", `${domain}/${options.label}`];
  const withinMs = job.stopWithinMs + patience(options);
  const result = await launchctl(args, { env: options.env, timeoutMs: withinMs });
  const kind = result.exitCode === 0 ? "done" : complaintKind(result);
  if (kind !== "done" && kind !== "no-job" && kind !== "in-progress") throw orderFailed(args, result);
  // It returns at once; the job stays as SIGTERMed until its process is gone.
  const after = await until(options, "unloaded", withinMs, (seen) => seen.job === null || seen.domain !== domain);
  if (after.job !== null) await unloadJob(options);
  return true;
}

/** SIGKILL to what runs under the label now. False when nothing does. */
export async function killJob(options: JobOptions, domain: string): Promise<boolean> {
  const args = ["kill", "SIGKILL", `${domain}/${options.label}`];
  const result = await launchctl(args, { env: options.env, timeoutMs: ASK_WITHIN_MS });
  if (result.exitCode === 0) return true;
  if (complaintKind(result) === "no-job") return false;
  throw orderFailed(args, result);
}

async function loadJob(options: JobOptions, wanted: string): Promise<void> {
  await refuseDaemon(options);
  await bootstrap(options, wanted);
  const { domain } = await lookForJob(options);
  // A fresh job's RunAtLoad may be held back for good (loaded over SSH, low power); a kickstart of a live job does nothing.
  await kickstart(options, domain, [], ORDER_WITHIN_MS);
  await until(options, "started", patience(options), ({ job }) => job !== null && (hasProcess(job) || job.runs > 0));
}

async function bootstrap(options: JobOptions, wanted: string): Promise<void> {
  const deadline = performance.now() + patience(options);
  for (let domain = wanted; ; ) {
    const args = ["bootstrap", domain, options.plistPath];
    options.beforeLoad?.();
    const result = await launchctl(args, { env: options.env, timeoutMs: ORDER_WITHIN_MS });
    if (result.exitCode === 0) return;
    const kind = complaintKind(result);
    if (kind === "no-domain" && domain === guiDomain(options.uid)) {
      domain = userDomain(options.uid);
      continue;
    }
    // "5: Input/output error" is also what a job that is still being torn down gives; seconds later it works (issue 136453).
    if (kind !== "unclear" && kind !== "in-progress") throw orderFailed(args, result);
    const { job } = await lookForJob(options);
    if (job !== null && !job.ending) return;
    if (performance.now() > deadline) throw orderFailed(args, result);
    await sleep(POLL_MS);
  }
}

/** False: the job is not there (any more). */
async function kickstart(options: JobOptions, domain: string, flags: readonly string[], timeoutMs: number): Promise<boolean> {
  const args = ["kickstart", ...flags, `${domain}/${options.label}`];
  const result = await launchctl(args, { env: options.env, timeoutMs });
  if (result.exitCode === 0) return true;
  const kind = complaintKind(result);
  if (kind === "in-progress") return true;
  if (kind === "no-job") return false;
  throw orderFailed(args, result);
}

/** Looks until it is so; throws after that time, with what launchd said last. */
async function until(options: JobOptions, what: string, withinMs: number, reached: (seen: JobSeen) => boolean): Promise<JobSeen> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await lookForJob(options);
    if (reached(seen)) return seen;
    if (performance.now() > deadline) {
      const within = `within ${Math.round(withinMs / 1000)} s`;
      throw new RescueError("service-control", `${options.label} was not ${what} ${within}: ${describe(seen)}`, {
        fix: `launchctl print ${seen.domain}/${options.label}`,
      });
    }
    await sleep(POLL_MS);
  }
}

function hasProcess({ reading, ending }: JobLook): boolean {
  return !ending && (reading.state === "running" || (reading.state === "starting" && reading.mainPid !== undefined));
}

function describe({ job }: JobSeen): string {
  if (job === null) return "it is not loaded";
  const exit = job.reading.lastExit;
  return [
    `launchd says ${job.reading.state}`,
    ...(exit === undefined ? [] : [`last exit ${exit.signal ?? exit.code}`]),
    ...(job.spawnFailed ? ["the program could not be executed"] : []),
    ...(job.heldBack === undefined ? [] : [`the start is held back (${job.heldBack})`]),
  ].join(", ");
}
