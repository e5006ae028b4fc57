import type { Tier } from "./causes.ts";
import type { Classification } from "./findings.ts";
import type { Assessment, Cause, ProcessIdentity } from "./model.ts";
import type { NextLook } from "./pace.ts";
import type { Proposal } from "./proposal.ts";
import type { RepairOutcome, WatchState } from "./state.ts";

export type WatchEvent =
  | { readonly kind: "sampled"; readonly assessment: Assessment }
  /** The runner of this incident's repair ended. */
  | {
      readonly kind: "repair-settled";
      readonly atMs: number;
      readonly incident: number;
      readonly outcome: RepairOutcome;
      readonly note: string;
    }
  /** `seen` is the deep look by which it is to be judged; `tier` a person's choice, without which the cause chooses. */
  | {
      readonly kind: "repair-requested";
      readonly atMs: number;
      readonly by: string;
      readonly tier?: 1 | 2;
      readonly seen?: Assessment;
      /** What a diagnosis proposed, judged by the allowlist; then nothing else is chosen. */
      readonly proposal?: Proposal;
    }
  | { readonly kind: "paused"; readonly atMs: number; readonly untilMs: number | null; readonly by: string; readonly reason: string | null }
  | { readonly kind: "resumed"; readonly atMs: number; readonly by: string };

export type Severity = "info" | "warning" | "critical";

/** What people hear of, as the journal's `news` has it. */
export type NewsKind = "opened" | "repair-started" | "repair-ended" | "told" | "proposed" | "answered" | "closed";

/** Effects as data, in the order in which they are to be applied, after the new state is durable. */
export type Action =
  | {
      readonly kind: "open-incident";
      readonly incident: number;
      readonly cause: Cause;
      /** When the fault was first seen, which is earlier than when it was called by a cause. */
      readonly firstSeenMs: number;
      readonly evidence: readonly string[];
    }
  | {
      readonly kind: "start-repair";
      readonly incident: number;
      readonly attempt: number;
      readonly tier: Tier;
      readonly cause: Cause;
      /** What it is about: a plugin's id, a file's path. */
      readonly subject: string | null;
      /** Why just this cause: what was seen now, which may be more than what opened the incident. */
      readonly evidence: readonly string[];
      readonly confidence: Classification["confidence"];
      /** The process that the fence must find unchanged before a signal. Null: nothing may be signalled. */
      readonly identity: ProcessIdentity | null;
      readonly by: string;
      /** Which proposal it carries out: it is done with this repair's intent. */
      readonly proposal?: number;
    }
  /** Its runner is gone or too late: whatever is left of it must not act any more. */
  | { readonly kind: "abandon-repair"; readonly incident: number; readonly why: string }
  | { readonly kind: "close-incident"; readonly incident: number; readonly outcome: IncidentOutcome }
  | {
      readonly kind: "tell";
      readonly severity: Severity;
      readonly incident: number | null;
      readonly cause: Cause;
      readonly text: string;
      readonly evidence: readonly string[];
    };

export type IncidentOutcome = "recovered" | "recovered-by-itself" | "stopped-by-operator";

export interface Decision {
  readonly state: WatchState;
  readonly actions: readonly Action[];
  readonly next: NextLook;
  /** Why this and nothing else, for the log and for the answer to a request. */
  readonly reason: string;
}
