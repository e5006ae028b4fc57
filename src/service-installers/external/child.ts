import { type ChildProcess, spawn } from "node:child_process";
import type { ProcessIdentity } from "../../../rescue-profile/core/model.ts";
import { messageOf, RescueError } from "../../shared/errors.ts";
import { SERVICE_VARIABLES } from "../../shared/openclaw-home.ts";
import type { SupervisePolicy } from "./policy.ts";
import { groupMembers, identityOf, isRunning, signalGroup, signalProcess } from "./processes.ts";
import type { SuperviseEvent, ToldEvent } from "./state.ts";

/** Structured progress; the caller renders it. Must not throw. */
export type Log = (event: ToldEvent, details: Record<string, unknown>) => void;

/** Monotonic clock and one-shot timers; `after` returns its cancellation. Tests bring their own. */
export interface Clock {
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
}

/** Helpers that were seen to end by themselves need tens of milliseconds. */
const SWEEP_POLL_MS = 50;

export interface ChildRunner {
  spawn(): void;
  watchAdopted(child: ProcessIdentity): void;
  askToEnd(child: ProcessIdentity): void;
  killGroup(child: ProcessIdentity): void;
  sweep(child: ProcessIdentity): void;
  forward(child: ProcessIdentity, signal: NodeJS.Signals): void;
  /** Looks no more and lets the event loop end, whatever still runs. */
  release(): void;
}

/**
 * Variables by which the host recognises a service manager of the system. Inherited from a terminal that systemd or launchd
 * started, they would make it end with 78 where it should wait for another gateway to end.
 */
const NATIVE_SERVICE_MARKERS = [
  ...SERVICE_VARIABLES,
  "INVOCATION_ID",
  "SYSTEMD_EXEC_PID",
  "JOURNAL_STREAM",
  "LAUNCH_JOB_LABEL",
  "LAUNCH_JOB_NAME",
  "XPC_SERVICE_NAME",
] as const;

/**
 * The child's environment under the host's contract for external supervisors: the first variable makes a restart exit 0 for a
 * fresh process and refuses native service commands, the second keeps doctor's hands off services. The host documents both.
 */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const child: NodeJS.ProcessEnv = { ...env, OPENCLAW_SUPERVISOR_MODE: "external", OPENCLAW_SERVICE_REPAIR_POLICY: "external" };
  for (const name of NATIVE_SERVICE_MARKERS) delete child[name];
  return child;
}

interface RunnerInput {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly policy: SupervisePolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly dispatch: (event: SuperviseEvent) => void;
}

export function createChildRunner({ argv, env, policy, clock, log, dispatch }: RunnerInput): ChildRunner {
  const [command = "", ...args] = argv;
  let current: ChildProcess | undefined;
  let released = false;
  const later = (ms: number, look: () => void) => {
    if (!released) clock.after(ms, () => (released ? undefined : look()));
  };

  const start = (): ChildProcess | null => {
    try {
      return spawn(command, args, { detached: true, stdio: ["ignore", "inherit", "inherit"], env: childEnvironment(env) });
    } catch (error) {
      // Node throws some of spawn(2)'s errors (E2BIG, ENOMEM) and emits the others. Here they are all one.
      dispatch({ kind: "spawn-failed", why: messageOf(error) });
      return null;
    }
  };

  return {
    /**
     * In a session of its own, so that its group's number is proof of descent and a terminal's Ctrl-C reaches only us. stdin is
     * /dev/null even on a terminal: the host would ask there before it gives up on an invalid config, instead of ending with 78.
     */
    spawn() {
      const child = start();
      if (child === null) return;
      const { pid } = child;
      if (pid === undefined) {
        child.once("error", (error) => dispatch({ kind: "spawn-failed", why: messageOf(error) }));
        return;
      }
      current = child;
      child.once("exit", (code, signal) => {
        dispatch({ kind: "exited", exit: { ...(code === null ? {} : { code }), ...(signal === null ? {} : { signal }) } });
      });
      // Until Node has told us of its end, even a dead child is a zombie whose start time can be read.
      const identity = identityOf(pid);
      if (identity === null) {
        child.kill("SIGKILL");
        throw new RescueError("internal", `The process table does not show pid ${pid}, which was just started`);
      }
      dispatch({ kind: "spawned", child: identity });
    },

    watchAdopted(child) {
      const look = () => {
        if (!isRunning(child)) return dispatch({ kind: "exited", exit: {} });
        later(policy.adoptedPollMs, look);
      };
      look();
    },

    /** SIGCONT as systemd sends it: a stopped process would otherwise not hear of it before it is killed. */
    askToEnd(child) {
      if (signalProcess(child, "SIGTERM")) signalProcess(child, "SIGCONT");
    },

    killGroup(child) {
      signalGroup(child, "SIGKILL");
    },

    sweep(child) {
      const startedMs = clock.nowMs();
      const killed = new Set<number>();
      const look = () => {
        const left = groupMembers(child);
        if (left.length === 0) {
          if (killed.size > 0) log("stragglers-ended", { pids: [...killed] });
          return dispatch({ kind: "swept" });
        }
        const waitedMs = clock.nowMs() - startedMs;
        if (waitedMs >= policy.sweepGraceMs + policy.killTimeoutMs) {
          log("stragglers-left", { pids: left.map(({ pid }) => pid) });
          return dispatch({ kind: "swept" });
        }
        if (waitedMs >= policy.sweepGraceMs) {
          for (const member of left) if (signalProcess(member, "SIGKILL")) killed.add(member.pid);
        }
        later(SWEEP_POLL_MS, look);
      };
      look();
    },

    forward(child, signal) {
      if (signalProcess(child, signal)) log("signal-forwarded", { signal, pid: child.pid });
    },

    release() {
      released = true;
      current?.unref();
    },
  };
}
