import { systemErrorCode } from "../../src/shared/errors.ts";
import type { FencePorts } from "./fence.ts";
import { fence } from "./fence.ts";
import type { PlannedStep, StepOutcome } from "./plan.ts";

export interface EndProcessPorts extends FencePorts {
  readonly signal: (pid: number, signal: "SIGTERM" | "SIGKILL") => void;
  /** Resolves after `ms`, or at once when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly monotonicMs: () => number;
}

const POLL_MS = 50;

/** Ends the fenced process, asking first where it can answer. The fence is passed anew before each signal. */
export async function endProcess(step: Extract<PlannedStep, { name: "end-process" }>, ports: EndProcessPorts): Promise<StepOutcome> {
  const { identity } = step;
  for (const { signal, deadlineMs } of [
    { signal: "SIGTERM", deadlineMs: step.termMs },
    { signal: "SIGKILL", deadlineMs: step.killMs },
  ] as const) {
    if (deadlineMs === 0) continue;
    const verdict = await fence(identity, ports);
    if (verdict.pass === "stop") return { outcome: "aborted", detail: `the fence stopped it: ${verdict.why}` };
    if (verdict.pass === "gone" || !delivered(identity.pid, signal, ports)) {
      return { outcome: "done", detail: `pid ${identity.pid} had ended already` };
    }
    if (await ended(identity, deadlineMs, ports)) return { outcome: "done", detail: `pid ${identity.pid} ended on ${signal}` };
  }
  return { outcome: "failed", detail: `pid ${identity.pid} is still there after SIGKILL: it waits in the kernel` };
}

/** False when it ended between the fence and the signal. */
function delivered(pid: number, signal: "SIGTERM" | "SIGKILL", ports: EndProcessPorts): boolean {
  try {
    ports.signal(pid, signal);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw error;
  }
}

async function ended(identity: { pid: number; startTime: number }, deadlineMs: number, ports: EndProcessPorts): Promise<boolean> {
  const until = ports.monotonicMs() + deadlineMs;
  for (;;) {
    if (ports.identityOf(identity.pid)?.startTime !== identity.startTime) return true;
    if (ports.monotonicMs() >= until) return false;
    await ports.sleep(POLL_MS);
  }
}
