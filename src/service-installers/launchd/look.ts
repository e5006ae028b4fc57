import { RescueError } from "../../shared/errors.ts";
import type { CommandResult } from "../../shared/run-command.ts";
import { complaintKind, complaintOf, launchctl } from "./launchctl.ts";
import { type JobLook, parseDisabled, parsePrint } from "./print.ts";

export interface LabelOptions {
  readonly label: string;
  readonly uid: number;
  /** Where `launchctl` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface JobSeen {
  /** Where it is loaded; else where it would be. */
  readonly domain: string;
  /** Null: not loaded. */
  readonly job: JobLook | null;
}

const ASK_WITHIN_MS = 5_000;

/** The domains of an account: the first exists while it is logged in at the screen, the second also without (SSH). */
export const guiDomain = (uid: number) => `gui/${uid}`;
export const userDomain = (uid: number) => `user/${uid}`;

/**
 * The label wherever it is loaded. launchd does not mind a label in both domains (one loaded over SSH, and again at the next login): then
 * the one with a process is taken.
 * @throws RescueError `service-control`
 */
export async function lookForJob(options: LabelOptions): Promise<JobSeen> {
  const [gui, user] = [guiDomain(options.uid), userDomain(options.uid)];
  const atScreen = await printIn(gui, options);
  if (typeof atScreen !== "string" && atScreen.reading.mainPid !== undefined) return { domain: gui, job: atScreen };
  const without = await printIn(user, options);
  if (typeof without !== "string" && (typeof atScreen === "string" || without.reading.mainPid !== undefined)) {
    return { domain: user, job: without };
  }
  if (typeof atScreen !== "string") return { domain: gui, job: atScreen };
  if (atScreen === "no-domain" && without === "no-domain") {
    throw new RescueError("service-control", `launchd has neither ${gui} nor ${user}`, {
      fix: "run this as the account that owns the gateway",
    });
  }
  return { domain: atScreen === "no-domain" ? user : gui, job: null };
}

/** Whether somebody ran `launchctl disable`, or the host's `gateway stop --disable`; launchd keeps no reason. */
export async function isDisabled(domain: string, { label, env }: LabelOptions): Promise<boolean> {
  const args = ["print-disabled", domain];
  const result = await launchctl(args, { env, timeoutMs: ASK_WITHIN_MS });
  if (result.exitCode !== 0) throw orderFailed(args, result);
  return parseDisabled(result.stdout, label);
}

/** launchd never disables by itself, not after any number of failures: so it was somebody's wish, and is not undone here. */
export async function refuseDisabled(domain: string, options: LabelOptions): Promise<void> {
  if (!(await isDisabled(domain, options))) return;
  throw new RescueError("service-control", `${options.label} is disabled in launchd, so somebody wants it not to run`, {
    fix: `launchctl enable ${domain}/${options.label}, if it may run again`,
  });
}

/** A daemon of the same label would be a second manager of the same gateway (the host refuses this too). */
export async function refuseDaemon(options: LabelOptions): Promise<void> {
  if ((await printIn("system", options)) === "no-job") return;
  throw new RescueError("service-control", `a system-wide daemon may own ${options.label}, so no agent is loaded beside it`, {
    fix: `launchctl print system/${options.label}`,
  });
}

export function orderFailed(args: readonly string[], result: CommandResult): RescueError {
  return new RescueError("service-control", `launchctl ${args.join(" ")}: ${complaintOf(result)}`, {
    fix: "log show --last 5m --predicate 'process == \"launchd\"', which says more than launchctl does",
  });
}

async function printIn(domain: string, { label, env }: LabelOptions): Promise<JobLook | "no-job" | "no-domain"> {
  const args = ["print", `${domain}/${label}`];
  const result = await launchctl(args, { env, timeoutMs: ASK_WITHIN_MS });
  if (result.exitCode === 0) return parsePrint(result.stdout);
  const kind = complaintKind(result);
  if (kind === "no-job" || kind === "no-domain") return kind;
  throw orderFailed(args, result);
}
