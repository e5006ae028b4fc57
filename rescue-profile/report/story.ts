import type { KeptProposal } from "../core/proposal.ts";

/** One incident as the journal has it, its secrets hidden. Wall times as epoch milliseconds. */
export interface ReportedIncident {
  readonly id: number;
  readonly cause: string;
  readonly firstSeenAt: number;
  /** Null: it is open. */
  readonly closedAt: number | null;
  readonly outcome: string | null;
  readonly evidence: readonly string[];
  /** Oldest first, as are the other lists. */
  readonly repairs: readonly ReportedRepair[];
  readonly told: readonly { readonly at: number; readonly severity: string; readonly cause: string; readonly text: string }[];
  readonly proposals: readonly KeptProposal[];
}

export interface ReportedRepair {
  readonly attempt: number;
  readonly tier: number;
  readonly cause: string;
  readonly subject: string | null;
  readonly evidence: readonly string[];
  readonly requestedBy: string;
  readonly startedAt: number;
  readonly outcome: string | null;
  readonly note: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly durationMs: number | null;
    readonly outcome: string | null;
    readonly detail: string | null;
  }[];
}

/** Everything that the page says. Its texts are shown as they are: what must not be seen is hidden before. */
export interface Report {
  /** When it is written. */
  readonly atMs: number;
  /** The watched profile. */
  readonly profile: string;
  readonly incident: ReportedIncident;
  /** By name: the host, Node.js, the operating system. */
  readonly versions: Readonly<Record<string, string>>;
  /** Where things lie, by what they are. */
  readonly places: Readonly<Record<string, string>>;
  /** What lies in the incident's folder, by its path there. */
  readonly kept: readonly { readonly name: string; readonly bytes: number }[];
  /** How many of each list are not in it. */
  readonly leftOut: Readonly<Record<"evidence" | "repairs" | "proposals" | "told" | "kept", number>>;
  /** The evidence as a diagnosis gets it. `diagnosed`: as one got it; else as it was when the incident was first reported. */
  readonly context: { readonly text: string; readonly diagnosed: boolean };
}

/** Writes somebody else's text so that no character of it means anything in Markdown. */
export interface Escape {
  /** One line of prose. */
  readonly prose: (text: string) => string;
  /** One line as it is. */
  readonly code: (text: string) => string;
  /** Lines as they are, in a fence that they cannot close. */
  readonly fenced: (text: string, language?: string) => string;
}

export const utc = (ms: number) => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A command of ours as it is typed for this profile. */
export function ours(command: string, profile: string): string {
  return `rescue-watchdog ${command}${profile === "default" ? "" : ` --profile ${profile}`}`;
}

/** The proposal that a person can still answer. */
export function waitingIn({ proposals, outcome }: ReportedIncident, atMs: number): KeptProposal | undefined {
  return outcome === null ? proposals.findLast(({ state, untilMs }) => state === "waiting" && untilMs > atMs) : undefined;
}

/** Of one line each; none is said, too, and how many are missing. */
export function listed(lines: readonly string[], leftOut = 0): string {
  const missing = leftOut === 0 ? [] : [`(${leftOut} others are left out)`];
  return [...missing, ...(lines.length === 0 ? ["nothing"] : lines)].map((line) => `- ${line}`).join("\n");
}
