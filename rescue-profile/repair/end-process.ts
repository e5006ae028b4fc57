import type { FencePorts } from "./fence.ts";
import { fence } from "./fence.ts";
import type { PlannedStep } from "./plan.ts";
import type { StepOutcome } from "./runner.ts";

export interface EndProcessPorts extends FencePorts {
  readonly signal: (pid: number, signal: "SIGTERM" | "SIGKILL") => void;
  readonly sleep: (ms: number) => Promise<void>;
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
    if (verdict.pass === "gone") return { outcome: "done", detail: `pid ${identity.pid} had ended already` };
    if (verdict.pass === "stop") return { outcome: "aborted", detail: `the fence stopped it: ${verdict.why}` };
    ports.signal(identity.pid, signal);
    if (await ended(identity, deadlineMs, ports)) return { outcome: "done", detail: `pid ${identity.pid} ended on ${signal}` };
  }
  return { outcome: "failed", detail: `pid ${identity.pid} is still there after SIGKILL: it waits in the kernel` };
}

async function ended(identity: { pid: number; startTime: number }, deadlineMs: number, ports: EndProcessPorts): Promise<boolean> {
  const until = ports.monotonicMs() + deadlineMs;
  for (;;) {
    if (ports.identityOf(identity.pid)?.startTime !== identity.startTime) return true;
    if (ports.monotonicMs() >= until) return false;
    await ports.sleep(POLL_MS);
  }
}
