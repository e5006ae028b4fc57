import type { ServiceControl } from "../../src/service-installers/installer.ts";
import { messageOf } from "../../src/shared/errors.ts";
import { CAUSES } from "../core/causes.ts";
import type { Cause } from "../core/model.ts";
import type { RepairOutcome } from "../core/state.ts";
import { type EndProcessPorts, endProcess } from "./end-process.ts";
import { type PlannedStep, planFor, type StepOutcome } from "./plan.ts";
import { startService } from "./start-service.ts";

/** The journal as the runner needs it. */
export interface RunnerJournal {
  /** False once the repair was given up: a runner that was frozen meanwhile must not act on it. */
  isOpen(repair: number): boolean;
  beginStep(repair: number, seq: number, name: string): boolean;
  endStep(repair: number, seq: number, outcome: StepOutcome["outcome"], durationMs: number, detail: string): void;
  endRepair(id: number, outcome: RepairOutcome, note: string): void;
}

export interface RunnerPorts extends EndProcessPorts {
  readonly journal: RunnerJournal;
  readonly service: Pick<ServiceControl, "manager" | "name" | "status" | "start">;
  readonly onStep: (name: string, outcome: StepOutcome, durationMs: number) => void;
}

export interface RepairOrder {
  readonly id: number;
  readonly cause: string;
  readonly identity: { readonly pid: number; readonly startTime: number } | null;
}

/**
 * Runs one repair to its end: each step's intent is durable before it is taken, its outcome before the next. A run that was killed is
 * continued by calling this again: steps that were done are skipped, a step that had only begun is taken again, behind the same fence.
 */
export async function runRepair(order: RepairOrder, ports: RunnerPorts): Promise<RepairOutcome> {
  const finish = (outcome: RepairOutcome, note: string): RepairOutcome => {
    ports.journal.endRepair(order.id, outcome, note);
    return outcome;
  };
  if (!isCause(order.cause)) return finish("failed", `unknown cause ${order.cause}`);
  const steps = planFor(order.cause, order.identity);
  if (steps.length === 0) return finish("failed", `there is no plan for ${order.cause}`);

  let note = "";
  for (const [seq, step] of steps.entries()) {
    if (!ports.journal.isOpen(order.id)) return "lost";
    if (!ports.journal.beginStep(order.id, seq, step.name)) continue;
    const startedMs = ports.monotonicMs();
    const result = await takeStep(step, ports);
    const durationMs = ports.monotonicMs() - startedMs;
    ports.journal.endStep(order.id, seq, result.outcome, durationMs, result.detail);
    ports.onStep(step.name, result, durationMs);
    note = result.detail;
    if (result.outcome !== "done") return finish(result.outcome, `${step.name}: ${result.detail}`);
  }
  return finish("done", note);
}

async function takeStep(step: PlannedStep, ports: RunnerPorts): Promise<StepOutcome> {
  try {
    switch (step.name) {
      case "end-process":
        return await endProcess(step, ports);
      case "start-service":
        return await within(step.deadlineMs, startService(ports.service), ports);
    }
  } catch (error) {
    // Could not look is not "safe": the step is not taken.
    return { outcome: "aborted", detail: messageOf(error) };
  }
}

async function within(deadlineMs: number, work: Promise<StepOutcome>, ports: Pick<RunnerPorts, "sleep">): Promise<StepOutcome> {
  const settled = new AbortController();
  const late = ports
    .sleep(deadlineMs, settled.signal)
    .then((): StepOutcome => ({ outcome: "failed", detail: `no answer within ${deadlineMs / 1000} s` }));
  try {
    return await Promise.race([work, late]);
  } finally {
    // Else the runner's process would stay until the deadline, long after its work is done.
    settled.abort();
  }
}

function isCause(text: string): text is Cause {
  return Object.hasOwn(CAUSES, text);
}
