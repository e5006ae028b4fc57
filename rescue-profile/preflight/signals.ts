import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { readProcFile } from "../../src/shared/proc-files.ts";

export const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"] as const satisfies readonly NodeJS.Signals[];

export interface SignalEar {
  /** The first signal before `passTo`; the command must not be started any more then. */
  readonly first: Promise<NodeJS.Signals>;
  /** The same, if it has come already. */
  heard(): NodeJS.Signals | undefined;
  /** From now on each signal goes there. */
  passTo(receiver: { kill(signal: NodeJS.Signals): boolean }): void;
  /** Hears no more; signals do again what others make of them. */
  release(): void;
}

export function hearSignals(): SignalEar {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let heard: NodeJS.Signals | undefined;
  let receiver: Parameters<SignalEar["passTo"]>[0] | undefined;
  const hear = (signal: NodeJS.Signals) => {
    if (receiver !== undefined) {
      if (!cameByKey(signal)) receiver.kill(signal);
      return;
    }
    heard ??= signal;
    resolve(signal);
  };
  for (const signal of PASSED_ON) process.on(signal, hear);
  return {
    first: promise,
    heard: () => heard,
    passTo(child) {
      receiver = child;
    },
    release() {
      for (const signal of PASSED_ON) process.off(signal, hear);
    },
  };
}

/** Ctrl-C and Ctrl-\ go to every process in the terminal's foreground: passed on, the command would have them twice, which many take for "at once". */
function cameByKey(signal: NodeJS.Signals): boolean {
  if (process.platform !== "linux" || (signal !== "SIGINT" && signal !== "SIGQUIT")) return false;
  const stat = readProcFile(process.pid, "stat") ?? "";
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group !== undefined && group === foreground;
}

/** Longer than a signal to oneself takes; only a process that cannot die of it (pid 1) comes back. */
const DEATH_MS = 500;

/** Ends this process by the signal, as if nobody here had ever listened for it. Where that is impossible, resolves to the shell's exit code for it. */
export async function endBy(signal: NodeJS.Signals): Promise<number> {
  if (signal !== "SIGKILL" && signal !== "SIGSTOP") {
    process.removeAllListeners(signal);
    // Node ignores SIGPIPE and handles others; a listener that goes leaves the default action behind.
    const last = () => undefined;
    process.on(signal, last);
    process.off(signal, last);
  }
  process.kill(process.pid, signal);
  await delay(DEATH_MS);
  return 128 + constants.signals[signal];
}
