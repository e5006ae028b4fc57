import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/shared/errors.ts";
import { CAUSES } from "../core/causes.ts";
import type { Cause } from "../core/model.ts";
import type { RepairOutcome } from "../core/state.ts";
import { disablePlugin } from "./disable-plugin.ts";
import { type EndProcessPorts, endProcess } from "./end-process.ts";
import { guardedDoctor } from "./guarded-doctor.ts";
import { type HoldPorts, holdService } from "./hold-service.ts";
import type { Mending, MendPorts } from "./mending.ts";
import { type PlannedStep, planFor, type StepOutcome } from "./plan.ts";
import { quarantineLock } from "./quarantine-lock.ts";
import { restoreConfig } from "./restore-config.ts";
import { type StartPorts, startService } from "./start-service.ts";

/** The journal as the runner needs it. */
export interface RunnerJournal {
  /** False once the repair was given up: a runner that was frozen meanwhile must not act on it. */
  isOpen(repair: number): boolean;
  /** Did an earlier run begin this step, whether or not it ended it? */
  hasBegun(repair: number, seq: number): boolean;
  /** Is the service stopped for a repair whose start is still to come? */
  isHolding(): boolean;
  /** Throws when another runner has taken the repair lease over. */
  assertLease(): void;
  beginStep(repair: number, seq: number, name: string): boolean;
  endStep(repair: number, seq: number, outcome: StepOutcome["outcome"], durationMs: number, detail: string): void;
  endRepair(id: number, outcome: RepairOutcome, note: string): void;
}

export interface RunnerPorts extends EndProcessPorts, Omit<StartPorts, "stillOurs" | "isOutdated" | "isHeld"> {
  readonly service: StartPorts["service"] & HoldPorts["service"];
  /** How long the gateway's process has lived; undefined when there is none. */
  readonly gatewayAgeMs: () => Promise<number | undefined>;
  readonly journal: RunnerJournal;
  readonly mend: MendPorts;
  readonly onStep: (name: string, outcome: StepOutcome, durationMs: number) => void;
}

export interface RepairOrder {
  readonly id: number;
  readonly cause: string;
  readonly identity: { readonly pid: number; readonly startTime: number } | null;
  /** What the classification named: a plugin's id, a file's path. */
  readonly subject: string | null;
  /**
   * The repair is not wanted any more: only files that a killed run left half changed are brought to one end or the other, and a service that it
   * holds is let go.
   */
  readonly windUp: boolean;
}

/**
 * Runs one repair to its end: each step's intent is durable before it is taken, its outcome before the next. A run that was killed is
 * continued by calling this again: steps that were done are skipped, a step that had only begun is taken again, behind the same fence.
 * Throws what `assertLease` throws: then the repair is another runner's, and nothing of it may be written any more.
 */
export async function runRepair(order: RepairOrder, ports: RunnerPorts): Promise<RepairOutcome> {
  const finish = (outcome: RepairOutcome, note: string): RepairOutcome => {
    ports.journal.endRepair(order.id, outcome, note);
    return outcome;
  };
  if (!isCause(order.cause)) return finish("failed", `unknown cause ${order.cause}`);
  const steps = planFor(order.cause, order.identity, order.subject);
  if (steps.length === 0) return finish("failed", `there is no plan for ${order.cause}`);

  let note = "";
  let mendedMs: number | undefined;
  let failed: Parameters<typeof finish> | undefined;
  let doctored = false;
  for (const [seq, step] of steps.entries()) {
    ports.journal.assertLease();
    if (!ports.journal.isOpen(order.id)) return "lost";
    const letsGo = step.name === "start-service" && ports.journal.isHolding();
    if (failed !== undefined && !letsGo) continue;
    if (order.windUp && !letsGo && !(mends(step) && ports.journal.hasBegun(order.id, seq))) continue;
    if (doctored && step.name === "restore-config" && step.unlessDoctored === true) continue;
    const again = ports.journal.hasBegun(order.id, seq);
    if (!ports.journal.beginStep(order.id, seq, step.name)) {
      doctored ||= step.name === "guarded-doctor";
      continue;
    }
    const startedMs = ports.monotonicMs();
    const taken = await takeStep(step, order, ports, { mendedMs, again });
    // What an earlier run may have stopped must be let go, whatever a look forbids now.
    const result = step.name === "hold-service" && again && taken.outcome === "aborted" ? { ...taken, outcome: "failed" as const } : taken;
    const durationMs = ports.monotonicMs() - startedMs;
    ports.journal.assertLease();
    if (!ports.journal.isOpen(order.id)) return "lost";
    ports.journal.endStep(order.id, seq, result.outcome, durationMs, result.detail);
    ports.onStep(step.name, result, durationMs);
    note = result.detail;
    doctored ||= step.name === "guarded-doctor" && result.outcome === "done";
    if (mends(step) && result.outcome === "done" && result.idle !== true) mendedMs = ports.monotonicMs();
    const goesOn = order.windUp || (step.name === "guarded-doctor" && step.failure === "goes on");
    if (result.outcome !== "done" && !goesOn) failed ??= [result.outcome, `${step.name}: ${result.detail}`];
  }
  if (failed !== undefined) return finish(...failed);
  return order.windUp ? finish("lost", `not gone on with${note === "" ? "" : `; ${note}`}`) : finish("done", note);
}

function mends({ name }: PlannedStep): boolean {
  return name !== "end-process" && name !== "hold-service" && name !== "start-service";
}

interface SoFar {
  readonly mendedMs: number | undefined;
  /** An earlier run had begun this step. */
  readonly again: boolean;
}

async function takeStep(step: PlannedStep, order: RepairOrder, ports: RunnerPorts, { mendedMs, again }: SoFar): Promise<StepOutcome> {
  const stillOurs = () => assertOurs(order, ports);
  try {
    switch (step.name) {
      case "end-process":
        return await endProcess(step, { ...ports, signal: both(stillOurs, ports.signal) });
      case "hold-service":
        return await within(
          step.deadlineMs,
          (inTime) => holdService({ ...mending(order, ports), service: ports.service, again, stillOurs: both(inTime, stillOurs) }),
          ports,
        );
      case "quarantine-lock":
        return await quarantineLock(mending(order, ports));
      case "restore-config":
        return await restoreConfig(step, mending(order, ports));
      case "guarded-doctor":
        return await guardedDoctor(step, mending(order, ports));
      case "disable-plugin":
        return await disablePlugin(step, mending(order, ports));
      case "start-service":
        return await within(
          step.deadlineMs,
          (inTime) => {
            const isOutdated = () => outdated(mendedMs, ports);
            const isHeld = () => ports.journal.isHolding();
            return startService({ ...ports, isHeld, isOutdated, stillOurs: both(inTime, stillOurs) });
          },
          ports,
        );
    }
  } catch (error) {
    // Could not look is not "safe": the step is not taken.
    return { outcome: "aborted", detail: messageOf(error) };
  }
}

async function outdated(mendedMs: number | undefined, { gatewayAgeMs, monotonicMs, serves }: RunnerPorts): Promise<boolean> {
  if (mendedMs === undefined || (await serves())) return false;
  const ageMs = await gatewayAgeMs();
  return ageMs !== undefined && ageMs > monotonicMs() - mendedMs;
}

/** Throws when another runner took it over, or the loop gave it up at its deadline: whoever repairs now must not meet our late effects. */
function assertOurs({ id }: RepairOrder, { journal }: RunnerPorts): void {
  journal.assertLease();
  if (!journal.isOpen(id)) throw new GivenUp(`repair ${id} was given up`);
}

class GivenUp extends Error {
  override readonly name = "GivenUp";
}

/** What `before` throws keeps `then` from happening. */
function both<A extends readonly unknown[]>(before: () => void, then: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    before();
    then(...args);
  };
}

/** The steps that mend files keep to their deadlines themselves: they must still put back what they changed. */
function mending(order: RepairOrder, ports: RunnerPorts): Mending {
  const { id, windUp } = order;
  const { maintenance, serves, sleep, monotonicMs } = ports;
  const folder = join(ports.mend.folder, `repair-${id}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { ...ports.mend, folder, stillOurs: () => assertOurs(order, ports), maintenance, serves, windUp, sleep, monotonicMs };
}

/** `inTime` throws when the deadline has passed and the step is recorded as failed: what it still does would be done behind the next one's back. */
async function within(
  deadlineMs: number,
  work: (inTime: () => void) => Promise<StepOutcome>,
  ports: Pick<RunnerPorts, "sleep">,
): Promise<StepOutcome> {
  const settled = new AbortController();
  const inTime = () => {
    if (settled.signal.aborted) throw new Error(`not done any more after ${deadlineMs / 1000} s`);
  };
  const late = ports
    .sleep(deadlineMs, settled.signal)
    .then((): StepOutcome => ({ outcome: "failed", detail: `no answer within ${deadlineMs / 1000} s` }));
  try {
    return await Promise.race([work(inTime), late]);
  } finally {
    // Else the runner's process would stay until the deadline, long after its work is done.
    settled.abort();
  }
}

function isCause(text: string): text is Cause {
  return Object.hasOwn(CAUSES, text);
}
