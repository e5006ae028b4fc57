import { CAUSES } from "../core/causes.ts";
import type { Cause, ProcessIdentity } from "../core/model.ts";

/** One step of a repair, as data. Each is idempotent, has a precondition (the fence or a look), a deadline and one effect. */
export type PlannedStep =
  /** Ends the fenced process: SIGTERM for `termMs` (0: it could not act on it), then SIGKILL for `killMs`. Undo: the next step. */
  | { readonly name: "end-process"; readonly identity: ProcessIdentity; readonly termMs: number; readonly killMs: number }
  /** Asks the service manager to start it unless it runs. Undo: none needed. */
  | { readonly name: "start-service"; readonly deadlineMs: number };

export interface StepOutcome {
  readonly outcome: "done" | "failed" | "aborted";
  readonly detail: string;
}

const TERM_MS = 10_000;
const KILL_MS = 10_000;
const START_MS = 60_000;

/**
 * Tier 1. A process in state T cannot act on SIGTERM, so it is not asked. A blocked event loop cannot either, but a process that was
 * silent for another reason can, and a clean end spares the host's unclean-boot breaker: those are asked first.
 */
export function planFor(cause: Cause, identity: ProcessIdentity | null): readonly PlannedStep[] {
  const start: PlannedStep = { name: "start-service", deadlineMs: START_MS };
  if (CAUSES[cause].remedy === "tell") return [];
  if (CAUSES[cause].remedy === "start") return [start];
  if (identity === null) return [];
  return [{ name: "end-process", identity, termMs: cause === "process-frozen" ? 0 : TERM_MS, killMs: KILL_MS }, start];
}
