import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceReading } from "../../../rescue-profile/core/model.ts";
import { messageOf, RescueError } from "../../shared/errors.ts";
import { hostCommand, profileStateDir } from "../../shared/openclaw-home.ts";
import type { DefinitionReading, ManagedService } from "../installer.ts";
import { tailOfLogs } from "../log-tail.ts";
import { serviceNames } from "../names.ts";
import { splitCommandLine } from "./argv.ts";
import { readLauncher, scriptOf, startupEntry } from "./launcher.ts";
import { lookAtTask, type TaskLook, type TaskOptions } from "./look.ts";
import { complaintOf, runProgram } from "./programs.ts";
import { readingOf } from "./state.ts";
import { endTask, isActive, refuseDisabled, runTask } from "./task.ts";
import { parseTask } from "./task-xml.ts";

export interface SchtasksOptions {
  readonly profile: string;
  /** Where Windows' programs and the Startup folder are found; nothing of it reaches the gateway. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The account's home directory. */
  readonly home: string;
  /**
   * The process that holds the gateway's own lock, if it is alive and the very one that took it (pid and start time). A task has no pid of
   * its own: what it starts is cmd.exe, and the gateway is a grandchild.
   */
  readonly mainPid: () => number | undefined;
  /** How long the Task Scheduler and Windows are given for what they do after a command has returned. Tests shorten it. */
  readonly patienceMs?: number;
}

const TASKKILL_WITHIN_MS = 10_000;
/** taskkill's own: no such process. */
const NOT_FOUND = 128;
const PATIENCE_MS = 15_000;
/** Between the end of the task and that of the gateway by force: where the host's supervisor ends it too, it needs less. */
const GRACE_MS = 2_000;
const POLL_MS = 100;
const LOG_FILES = ["gateway.log", "gateway.err.log", "gateway-restart.log"];

/**
 * Control over the gateway's scheduled task, the one `openclaw gateway install` writes, or over the entry in the Startup folder that it
 * writes instead where it may not. `status` says `not-installed` when there is neither; the other calls throw then.
 *
 * - There is no orderly stop on Windows: `/End` ends cmd.exe, the gateway itself is then ended by force, as the host's own `gateway stop`
 *   does. What it has started stays: a repair of another gateway may be among it.
 * - A disabled task is not started: see {@link refuseDisabled}.
 * - Of a Startup entry (`status` calls the manager `startup-folder`) the gateway can be stopped, but is not started: a process that we
 *   start dies with the job object that the host keeps its gateways in, ours included. A person is told.
 *
 * @throws RescueError `service-control`; `refused` from `kill` when the process is another one by now
 */
export function schtasksControl({ profile, env, home, mainPid, patienceMs = PATIENCE_MS }: SchtasksOptions): ManagedService {
  const name = serviceNames(profile).taskName;
  const task: TaskOptions = { name, env, patienceMs };
  const stateDir = profileStateDir(profile, { home, env: {} });

  /** The task, or the path of the Startup entry. */
  const find = async (): Promise<TaskLook | string | null> => (await lookAtTask(task)) ?? startupEntry(name, env, home);

  const demand = async (): Promise<TaskLook | string> => {
    const found = await find();
    if (found !== null) return found;
    throw new RescueError("service-control", `the scheduled task ${name} is not installed`, {
      fix: hostCommand(profile, "gateway install"),
    });
  };

  /** Throws for a Startup entry: see above. */
  const asTask = (found: TaskLook | string): TaskLook => {
    if (typeof found !== "string") return found;
    throw new RescueError(
      "service-control",
      `the gateway of profile ${profile} has no scheduled task, only ${found}, which runs at login`,
      {
        fix: `${hostCommand(profile, "gateway start")}; for a task: ${hostCommand(profile, "gateway install")} in an elevated terminal`,
      },
    );
  };

  const forceEnd = async (pid: number): Promise<void> => {
    const result = await runProgram("taskkill", ["/F", "/PID", String(pid)], { env, timeoutMs: TASKKILL_WITHIN_MS });
    if (result.exitCode === 0 || result.exitCode === NOT_FOUND) return;
    throw new RescueError("service-control", `taskkill /F /PID ${pid} ${complaintOf(result)}`, {
      fix: "run this as the account that owns the gateway",
    });
  };

  const gone = async (pid: number, withinMs: number): Promise<boolean> => {
    for (const deadline = performance.now() + withinMs; mainPid() === pid; await sleep(Math.min(POLL_MS, withinMs))) {
      if (performance.now() > deadline) return false;
    }
    return true;
  };

  /** Only ever the process that held the lock before the task was ended. */
  const endGateway = async (look: TaskLook | undefined): Promise<void> => {
    const pid = mainPid();
    if (look !== undefined) await endTask(look, task);
    if (pid === undefined || (await gone(pid, Math.min(GRACE_MS, patienceMs)))) return;
    await forceEnd(pid);
    if (await gone(pid, patienceMs)) return;
    throw new RescueError("service-control", `the gateway of ${name}, pid ${pid}, is still there after taskkill /F`, {
      fix: `taskkill /F /PID ${pid}`,
    });
  };

  return {
    manager: "schtasks",
    name,

    async status(): Promise<ServiceReading> {
      const found = await find();
      if (found === null) return { manager: "schtasks", state: "not-installed" };
      const pid = mainPid();
      if (typeof found !== "string") return readingOf(found, pid);
      return {
        manager: "startup-folder",
        state: pid === undefined ? "stopped" : "running",
        ...(pid === undefined ? {} : { mainPid: pid }),
      };
    },

    async start() {
      const found = await demand();
      if (mainPid() !== undefined || (typeof found !== "string" && isActive(found))) return;
      await runTask(asTask(found), task);
    },

    async stop() {
      const found = await demand();
      await endGateway(typeof found === "string" ? undefined : found);
    },

    async restart() {
      const look = asTask(await demand());
      // What would keep it from being started again is known before anything is stopped.
      refuseDisabled(look, name);
      await endGateway(look);
      if (mainPid() === undefined) await runTask(asTask(await demand()), task);
    },

    async clearLatch() {
      // The Task Scheduler counts no failures that could forbid a start; disabled is a person's wish.
      await demand();
    },

    async kill(pid) {
      await demand();
      const current = mainPid();
      if (current !== pid) {
        const now = current === undefined ? "runs no gateway" : `runs pid ${current}`;
        throw new RescueError("refused", `${name} ${now} by now, not ${pid}; nothing was killed`);
      }
      await forceEnd(pid);
    },

    async readDefinition(): Promise<DefinitionReading | null> {
      const found = await find();
      if (found === null) return null;
      // Whether Windows still runs an entry at login stands in the registry, where people switch it off.
      if (typeof found === "string") return definitionOf(join(stateDir, "gateway.cmd"), null);
      const definition = parseTask(found.xml);
      const enabled = found.enabled && definition.startsByItself;
      const script = scriptOf(definition.command);
      if (script !== null) return definitionOf(script, enabled);
      return { path: null, argv: [definition.command, ...splitCommandLine(definition.arguments)], environment: {}, enabled };
    },

    async logs(lines) {
      const found = await find();
      if (found === null) return [];
      const script = typeof found === "string" ? null : scriptOf(parseTask(found.xml).command);
      const directory = join(script === null ? stateDir : dirname(script), "logs");
      try {
        return tailOfLogs(
          LOG_FILES.map((file) => join(directory, file)),
          lines,
        ).map((line) => line.replace(/\r$/, ""));
      } catch (error) {
        throw new RescueError("service-control", `the logs in ${directory} cannot be read: ${messageOf(error)}`, { cause: error });
      }
    },
  };

  function definitionOf(script: string, enabled: boolean | null): DefinitionReading {
    const launcher = readLauncher(script);
    if (launcher !== undefined) return { path: script, ...launcher, enabled };
    throw new RescueError("service-control", `${script} is missing, so ${name} cannot start`, {
      fix: hostCommand(profile, "gateway install --force"),
    });
  }
}
