import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessIdentity } from "../../rescue-profile/core/model.ts";
import { readIdentity } from "../../rescue-profile/observe/process.ts";
import type { EndProcessPorts } from "../../rescue-profile/repair/end-process.ts";
import type { FencePorts } from "../../rescue-profile/repair/fence.ts";
import { systemErrorCode } from "../../src/shared/errors.ts";

const CHILD = join(import.meta.dirname, "../fixtures/repair-child.mjs");
const STATE_DIR = "/home/ana/.openclaw";

/** What the fence finds when all is as it was judged: the gateway of the lock, which the service runs and which owns the port. */
export function unchanged(identity: ProcessIdentity): FencePorts {
  return {
    identityOf: (pid) => (pid === identity.pid ? { ...identity, uid: 1000 } : undefined),
    lockHolder: () => ({ ...identity, stateDir: STATE_DIR }),
    serviceMainPid: async () => identity.pid,
    listenerPid: async () => identity.pid,
    serves: async () => false,
    ownLineage: () => new Set([1, process.pid]),
    uid: 1000,
    stateDir: STATE_DIR,
  };
}

export interface Victim extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
  readonly ended: Promise<unknown>;
}

/** A real process that is ready to be ended. */
export async function victim(mode: "ends" | "slow" | "deaf"): Promise<Victim> {
  const child = spawn(process.execPath, [CHILD, mode], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  const identity = readIdentity(pid);
  if (identity === undefined) throw new Error(`the child ${pid} ended at once`);
  return {
    child,
    identity: { pid, startTime: identity.startTime },
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Real signals to a real process; `sent` holds them. */
export function realPorts(identity: ProcessIdentity): EndProcessPorts & { readonly sent: string[] } {
  const sent: string[] = [];
  return {
    ...unchanged(identity),
    uid: process.getuid?.() ?? -1,
    identityOf: readIdentity,
    signal: (pid, signal) => {
      sent.push(signal);
      process.kill(pid, signal);
    },
    sleep: async (ms) => {
      await delay(ms);
    },
    monotonicMs: () => performance.now(),
    sent,
  };
}

export function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw error;
  }
}
