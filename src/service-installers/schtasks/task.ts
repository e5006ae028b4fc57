import { setTimeout as sleep } from "node:timers/promises";
import { RescueError } from "../../shared/errors.ts";
import { lookAtTask, type TaskLook, type TaskOptions } from "./look.ts";
import { complaintOf, runProgram } from "./programs.ts";
import { resultText } from "./state.ts";

const ORDER_WITHIN_MS = 20_000;
/** `/Run` and `/End` return when the Task Scheduler has taken note; the host gives it as long. */
const PATIENCE_MS = 15_000;
const POLL_MS = 250;

/** Tells schtasks something about the task. @throws RescueError `service-control` when it refuses */
export async function orderTask(
  verb: "/Run" | "/End" | "/Delete" | "/Create",
  options: TaskOptions,
  more: readonly string[] = [],
): Promise<void> {
  const args = [verb, "/TN", options.name, ...more];
  const result = await runProgram("schtasks", args, { env: options.env, timeoutMs: ORDER_WITHIN_MS });
  if (result.exitCode === 0) return;
  // It ends with 1 whatever was wrong, and says what only in the machine's language; nearly always access was denied.
  throw new RescueError("service-control", `schtasks ${verb} "${options.name}" ${complaintOf(result)}`, {
    fix: `if access is denied: the same from an elevated terminal, schtasks ${verb} /TN "${options.name}"`,
  });
}

/**
 * Starts an instance and waits until there is one, or was: a run that ends at once is a run. The caller has seen that none runs.
 * @throws RescueError `service-control`
 */
export async function runTask(before: TaskLook, options: TaskOptions): Promise<void> {
  refuseDisabled(before, options.name);
  await orderTask("/Run", options);
  await until("started", options, (now) => now !== null && (isActive(now) || now.lastRun !== before.lastRun));
}

/**
 * Ends the task's own process and waits until the Task Scheduler agrees. What that process has started lives on: `/End` does not reach it
 * (syncthing/docs pull 582, martymcenroe/AssemblyZero issue 2016).
 */
export async function endTask(before: TaskLook, options: TaskOptions): Promise<void> {
  if (!isActive(before)) return;
  await orderTask("/End", options);
  await until("ended", options, (now) => now === null || !isActive(now));
}

/** The Task Scheduler never disables a task by itself: it was a person, or an update of the host's that is under way. */
export function refuseDisabled(look: TaskLook, name: string): void {
  if (look.enabled && look.state !== "disabled") return;
  throw new RescueError("service-control", `the scheduled task ${name} is disabled, so somebody wants it not to run`, {
    fix: `schtasks /Change /TN "${name}" /ENABLE, if it may run again`,
  });
}

export function isActive({ state }: TaskLook): boolean {
  return state === "running" || state === "queued";
}

async function until(what: string, options: TaskOptions, reached: (now: TaskLook | null) => boolean): Promise<void> {
  const { name, patienceMs = PATIENCE_MS } = options;
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const now = await lookAtTask(options);
    if (reached(now)) return;
    if (performance.now() > deadline) {
      const says = now === null ? "it is gone" : `it is ${now.state}, last result ${resultText(now.lastResult)}`;
      throw new RescueError(
        "service-control",
        `the scheduled task ${name} was not ${what} within ${Math.round(patienceMs / 1000)} s: ${says}`,
        {
          fix: `taskschd.msc, "${name}"`,
        },
      );
    }
    await sleep(Math.min(POLL_MS, patienceMs));
  }
}
