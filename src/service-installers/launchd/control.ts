import { join } from "node:path";
import type { ServiceReading } from "../../../rescue-profile/core/model.ts";
import { messageOf, RescueError } from "../../shared/errors.ts";
import { hostCommand } from "../../shared/openclaw-home.ts";
import { readIfThere } from "../../shared/secure-file.ts";
import type { DefinitionReading, ManagedService } from "../installer.ts";
import { tailOfLogs } from "../log-tail.ts";
import { serviceNames } from "../names.ts";
import { type JobFile, parseEnvFile, readJobFile, unwrap } from "./definition.ts";
import { type JobOptions, killJob, restartJob, startJob, unloadJob } from "./job.ts";
import { isDisabled, lookForJob } from "./look.ts";

export interface LaunchdOptions {
  readonly profile: string;
  /** Where `launchctl` is looked up; nothing of it reaches the gateway. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The account whose agent it is (`process.getuid()`). */
  readonly uid: number;
  /** Its home directory, the one without the host's `OPENCLAW_HOME`: launchd knows no other. */
  readonly home: string;
  /** See {@link JobOptions.patienceMs}. */
  readonly patienceMs?: number;
}

/** Where launchd takes an account's agents from at login. */
export function agentsDirectory(home: string): string {
  return join(home, "Library", "LaunchAgents");
}

/**
 * Control over the gateway's LaunchAgent, the one `openclaw gateway install` writes. `status` says `not-installed` when there is neither
 * a job nor its file; the other calls throw then.
 *
 * A job that is not loaded is `stopped`, and on purpose only when it is disabled too: the host's `gateway stop` and its updates gone wrong
 * (issues 133647, 104538, 155720) both leave a job unloaded, and launchd keeps no trace of which it was. `stop` is a bootout like the
 * host's, so the agent comes back with the next login. What is disabled is not started: see `refuseDisabled`.
 *
 * @throws RescueError `service-control`; `refused` from `kill` when the process is another one by now
 */
export function launchdControl({ profile, env, uid, home, patienceMs }: LaunchdOptions): ManagedService {
  const label = serviceNames(profile).launchdLabel;
  const plistPath = join(agentsDirectory(home), `${label}.plist`);
  const job: JobOptions = { label, uid, env, plistPath, ...(patienceMs === undefined ? {} : { patienceMs }) };

  const status = async (): Promise<ServiceReading> => {
    const seen = await lookForJob(job);
    if (seen.job === null && readFile(plistPath) === undefined) return { manager: "launchd", state: "not-installed" };
    const reading: ServiceReading = seen.job?.reading ?? { manager: "launchd", state: "stopped" };
    if (reading.state !== "stopped" || !(await isDisabled(seen.domain, job))) return reading;
    return { ...reading, stoppedOnPurpose: true };
  };

  const demandInstalled = async (): Promise<void> => {
    if ((await status()).state !== "not-installed") return;
    throw new RescueError("service-control", `${label} is not installed`, { fix: hostCommand(profile, "gateway install") });
  };

  const jobFile = (): JobFile | null => {
    const text = readFile(plistPath);
    return text === undefined ? null : understood(plistPath, () => readJobFile(text));
  };

  return {
    manager: "launchd",
    name: label,
    status,

    async start() {
      await demandInstalled();
      await startJob(job);
    },

    async stop() {
      await demandInstalled();
      await unloadJob(job);
    },

    async restart() {
      await demandInstalled();
      await restartJob(job);
    },

    async clearLatch() {
      // launchd counts no failures and never gives up; its pause ends with the next start. Disabled is a person's wish.
      await demandInstalled();
    },

    async kill(pid) {
      const seen = await lookForJob(job);
      const current = seen.job?.reading.mainPid;
      if (current !== pid) throw anotherProcess(label, pid, current);
      if (!(await killJob(job, seen.domain))) throw anotherProcess(label, pid, undefined);
    },

    async readDefinition(): Promise<DefinitionReading | null> {
      const file = jobFile();
      if (file === null) return null;
      const { domain } = await lookForJob(job);
      const enabled = file.startsAtLogin && !(await isDisabled(domain, job));
      const wrapper = unwrap(file.argv, label);
      if (wrapper === null) return { path: plistPath, argv: file.argv, environment: file.environment, enabled };
      const variables = readFile(wrapper.envFile);
      if (variables === undefined) {
        throw new RescueError("service-control", `${wrapper.envFile} is missing, so ${label} cannot start`, {
          fix: hostCommand(profile, "gateway install --force"),
        });
      }
      const environment = { ...file.environment, ...understood(wrapper.envFile, () => parseEnvFile(variables)) };
      return { path: plistPath, argv: wrapper.argv, environment, enabled };
    },

    async logs(lines) {
      const file = jobFile();
      return file === null ? [] : reading("the service's logs", () => tailOfLogs(file.logPaths, lines));
    },
  };
}

function anotherProcess(label: string, wanted: number, current: number | undefined): RescueError {
  const now = current === undefined ? "runs no process" : `runs pid ${current}`;
  return new RescueError("refused", `${label} ${now} by now, not ${wanted}; nothing was killed`);
}

function readFile(path: string): string | undefined {
  return reading(path, () => readIfThere(path));
}

/** The interface's own error for everything that a file may do; `not there` is not among it. */
function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new RescueError("service-control", `${what} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Parsers say `not-readable`, without the path. */
function understood<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    throw new RescueError("service-control", `${path}: ${error.message}`, {
      cause: error,
      ...(error.fix === undefined ? {} : { fix: error.fix }),
    });
  }
}
