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

type PlannedEnd = Extract<PlannedStep, { name: "end-process" }>;

const POLL_MS = 50;
/** Who hears SIGTERM uses CPU for it, the host 80 ms within 55 (measured, 2026.9.6); who has used none for so long is blocked, and will not hear it later either. */
const DEAF_MS = 500;

/** Ends the fenced process, asking first where it can answer. The fence is passed anew before each signal. */
export async function endProcess(step: PlannedEnd, ports: EndProcessPorts): Promise<StepOutcome> {
  const { identity } = step;
  let deaf = false;
  for (const { signal, deadlineMs } of [
    { signal: "SIGTERM", deadlineMs: step.termMs },
    { signal: "SIGKILL", deadlineMs: step.killMs },
  ] as const) {
    if (deadlineMs === 0) continue;
    // Nor has it answered anybody since: that question alone would take another second.
    const verdict = await fence(identity, deaf ? { ...ports, serves: async () => false } : ports);
    if (verdict.pass === "stop") return { outcome: "aborted", detail: `the fence stopped it: ${verdict.why}` };
    if (verdict.pass === "gone" || !delivered(identity.pid, signal, ports)) {
      return { outcome: "done", detail: `pid ${identity.pid} had ended already` };
    }
    const end = await ended(identity, deadlineMs, signal === "SIGTERM" ? DEAF_MS : deadlineMs, ports);
    if (end === "ended") return { outcome: "done", detail: `pid ${identity.pid} ended on ${signal}` };
    deaf = end === "deaf";
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

async function ended(
  { pid, startTime }: PlannedEnd["identity"],
  deadlineMs: number,
  deafMs: number,
  ports: EndProcessPorts,
): Promise<"ended" | "deaf" | "late"> {
  const sinceMs = ports.monotonicMs();
  const cpuMs = ports.identityOf(pid)?.cpuMs;
  for (;;) {
    const now = ports.identityOf(pid);
    if (now?.startTime !== startTime) return "ended";
    const passedMs = ports.monotonicMs() - sinceMs;
    if (passedMs >= deadlineMs) return "late";
    if (passedMs >= deafMs && cpuMs !== undefined && now.cpuMs === cpuMs) return "deaf";
    await ports.sleep(POLL_MS);
  }
}
