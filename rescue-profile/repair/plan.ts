import { CAUSES, kills, tierOf } from "../core/causes.ts";
import type { Cause, ProcessIdentity } from "../core/model.ts";

/**
 * One step of a repair, as data. Each is idempotent, looks at its precondition itself at the moment it is taken (a fence, or a look at
 * the file), has a deadline and one effect, and leaves in the incident's folder what a person needs to undo it.
 */
export type PlannedStep =
  /** Ends the fenced process: SIGTERM for at most `termMs` (0: it could not act on it), then SIGKILL for `killMs`. Undo: the next step. */
  | { readonly name: "end-process"; readonly identity: ProcessIdentity; readonly termMs: number; readonly killMs: number }
  /** Has the manager leave the service alone until `start-service`: a start beside the next step would fail and park it. Undo: the start, also when a step fails. */
  | { readonly name: "hold-service"; readonly deadlineMs: number }
  /** Moves a lock that names nobody, and that nobody holds, into the incident's folder. Undo: move it back. */
  | { readonly name: "quarantine-lock"; readonly deadlineMs: number }
  /**
   * Puts the newest kept copy that the host finds valid in the place of the configuration; the broken one is kept. Undo: copy it back.
   * `bootedFirst`: copies from which a gateway has booted come before those that only passed the host's validation, which lets pass what the
   * start refuses. `unlessDoctored`: not after a doctor with which the host finds the configuration valid.
   */
  | {
      readonly name: "restore-config";
      readonly deadlineMs: number;
      readonly unlessValid: boolean;
      readonly bootedFirst: boolean;
      readonly unlessDoctored?: true;
    }
  /** The host's doctor between a snapshot and a comparison: what it may not change is put back. Undo: the snapshot. */
  | { readonly name: "guarded-doctor"; readonly deadlineMs: number; readonly failure: "ends the repair" | "goes on" }
  /** Disables one plugin in the configuration. Undo: enable it again, which the report says. */
  | { readonly name: "disable-plugin"; readonly plugin: string; readonly deadlineMs: number }
  /** Asks the service manager to start it unless it runs. Undo: none needed. */
  | { readonly name: "start-service"; readonly deadlineMs: number };

export interface StepOutcome {
  /** `done`: also when there was nothing to do. `failed`: could not be done. `aborted`: the fence, or a look, forbade it. */
  readonly outcome: "done" | "failed" | "aborted";
  readonly detail: string;
  /** There was nothing to do. */
  readonly idle?: true;
}

const TERM_MS = 10_000;
const KILL_MS = 10_000;
const START_MS = 60_000;
/** To wait for a boot that fails, and for the manager. */
const HOLD_MS = 120_000;
const QUARANTINE_MS = 10_000;
/** Each copy that is tried is shown to the host's own validation, 2 to 5 s each. */
const RESTORE_MS = 200_000;
/** A healthy doctor takes 11 to 17 s; users saw it hang for minutes (issues 18502, 86420). */
const DOCTOR_MS = 180_000;
/** `config set` took up to 19 s on a busy machine. */
const DISABLE_MS = 90_000;

/**
 * What is done about a cause: pure, so that a runner that goes on after a kill finds the same steps at the same places. `subject` is what
 * the classification named. A process in state T cannot act on SIGTERM, so it is not asked. A blocked event loop cannot either, but a
 * process that was silent for another reason can, and a clean end spares the host's unclean-boot breaker: those are asked first.
 */
export function planFor(cause: Cause, identity: ProcessIdentity | null, subject: string | null): readonly PlannedStep[] {
  const start: PlannedStep = { name: "start-service", deadlineMs: START_MS };
  const { remedy } = CAUSES[cause];
  if (remedy === "tell" || (kills(cause) && identity === null)) return [];
  if (tierOf(cause) === 3) return carryOut(subject, identity);
  const mending = mend(cause, subject);
  if (mending === undefined) return [];
  const end: readonly PlannedStep[] =
    kills(cause) && identity !== null
      ? [{ name: "end-process", identity, termMs: cause === "process-frozen" ? 0 : TERM_MS, killMs: KILL_MS }]
      : [];
  // A blocked process cannot see what is changed; once it has ended its manager starts it at once, with what lies there then.
  return [...mending, ...end, start];
}

/** What a proposal may choose from; the order in which it is done is ours. */
export const PROPOSABLE = ["end", "quarantine-lock", "doctor", "start"] as const;
export type Proposable = (typeof PROPOSABLE)[number];

/** `subject`: some of these, by commas. Whatever it chose, the gateway is started at the end. */
function carryOut(subject: string | null, identity: ProcessIdentity | null): readonly PlannedStep[] {
  const chosen = new Set((subject ?? "").split(","));
  const steps: Readonly<Record<Proposable, readonly PlannedStep[]>> = {
    end: identity === null ? [] : [{ name: "end-process", identity, termMs: TERM_MS, killMs: KILL_MS }],
    "quarantine-lock": [{ name: "quarantine-lock", deadlineMs: QUARANTINE_MS }],
    doctor: doctor("ends the repair"),
    start: [],
  };
  return [...PROPOSABLE.flatMap((name) => (chosen.has(name) ? steps[name] : [])), { name: "start-service", deadlineMs: START_MS }];
}

const doctor = (failure: "ends the repair" | "goes on"): readonly PlannedStep[] => [
  { name: "hold-service", deadlineMs: HOLD_MS },
  { name: "guarded-doctor", deadlineMs: DOCTOR_MS, failure },
];

/** Undefined: it cannot be planned without a subject. */
function mend(cause: Cause, subject: string | null): readonly PlannedStep[] | undefined {
  const restore = (which: "invalid" | "suspect"): Extract<PlannedStep, { name: "restore-config" }> => ({
    name: "restore-config",
    deadlineMs: RESTORE_MS,
    unlessValid: which === "invalid",
    bootedFirst: which === "suspect",
  });
  switch (cause) {
    case "config-broken":
    case "config-invalid":
      return [restore("invalid")];
    case "config-suspect":
      return [restore("suspect")];
    case "config-unknown-keys":
      return [...doctor("goes on"), { ...restore("invalid"), unlessDoctored: true }];
    case "start-failed":
      return doctor("ends the repair");
    case "lock-dead":
      return [{ name: "quarantine-lock", deadlineMs: QUARANTINE_MS }];
    case "plugin-crash":
    case "plugin-stall":
      return subject === null ? undefined : [{ name: "disable-plugin", plugin: subject, deadlineMs: DISABLE_MS }];
    default:
      return [];
  }
}

/** What a step will do, for a person who asked beforehand. */
export function describeStep(step: PlannedStep): string {
  switch (step.name) {
    case "end-process":
      return `end pid ${step.identity.pid} behind the fence (${step.termMs === 0 ? "SIGKILL" : `SIGTERM, then SIGKILL after ${step.termMs / 1000} s, or sooner when it does not hear`})`;
    case "hold-service":
      return "have the service manager leave it alone until the start";
    case "quarantine-lock":
      return "move the dead lock into the incident's folder";
    case "restore-config":
      return "restore the newest configuration that served and that the host finds valid; what lies there now is kept";
    case "guarded-doctor":
      return "snapshot configuration and databases, run openclaw doctor, put back what it may not change";
    case "disable-plugin":
      return `disable plugin ${step.plugin}`;
    case "start-service":
      return "start the service unless it runs";
  }
}
