import type { NewsKind, Severity } from "../core/event.ts";
import type { KeptProposal } from "../core/proposal.ts";

/** What happened in one thread, as the journal has it. Wall times as epoch milliseconds. */
export type Story =
  | {
      readonly kind: "incident";
      readonly id: number;
      readonly cause: string;
      readonly evidence: readonly string[];
      readonly firstSeenAt: number;
      readonly openedAt: number;
      readonly closedAt: number | null;
      readonly outcome: string | null;
      readonly repairs: readonly {
        readonly tier: number;
        readonly cause: string;
        readonly subject: string | null;
        readonly startedAt: number;
        readonly outcome: string | null;
        readonly note: string | null;
      }[];
      readonly told: readonly { readonly at: number; readonly severity: string; readonly text: string }[];
      /** Oldest first. */
      readonly proposals: readonly KeptProposal[];
      /** What makes the names of the buttons of the one that waits for an answer; null: none does. */
      readonly secret: string | null;
    }
  | {
      readonly kind: "warning";
      readonly cause: string;
      readonly severity: Severity;
      readonly text: string;
      readonly evidence: readonly string[];
      readonly at: number;
    };

/** One thread as a person is to read it now, from its beginning. Plain text without secrets; whoever sends it escapes what his channel needs. */
export interface Alert {
  /** The same for everything that belongs to one incident. */
  readonly thread: string;
  readonly profile: string;
  /** The newest thing that happened in it. */
  readonly event: NewsKind;
  /** Where it stands: somebody may have to act, the watchdog acts, it is over, or it is only worth knowing. */
  readonly state: "needs-you" | "repairing" | "recovered" | "over" | "warning";
  readonly severity: Severity;
  readonly title: string;
  /** One sentence each, oldest first. */
  readonly lines: readonly string[];
  readonly cause: string;
  readonly incident: number | null;
  /** When it began, as an ISO time. */
  readonly since: string;
  /** Something is proposed, and somebody is to approve or reject it: by which names a button says so. */
  readonly question?: { readonly approve: string; readonly reject: string };
}

/** What is worth a push: it is down, it needs somebody, it is over. */
export function isPush({ kind, severity }: { readonly kind: NewsKind; readonly severity: Severity }): boolean {
  return (
    kind === "opened" || kind === "told" || kind === "proposed" || kind === "closed" || (kind === "answered" && severity === "critical")
  );
}

/** What became of one attempt to send; all waiting and repeating is the pipeline's. */
export type Sent =
  /** `remote`: by what name the receiver knows the message, to change it later. */
  | { readonly outcome: "sent"; readonly remote?: string }
  /** Try again, not before so many milliseconds if the receiver said so. */
  | { readonly outcome: "later"; readonly why: string; readonly afterMs?: number }
  /** The message that was to be changed is not there any more. */
  | { readonly outcome: "unknown-message" }
  /** The receiver will not take this one, however often it is sent. */
  | { readonly outcome: "refused"; readonly why: string };

/** One place where people hear of it. */
export interface Receiver {
  /** Its name in the journal: the same after a restart, another one for another place. No secrets. */
  readonly name: string;
  /** A thread's later news change the message of its first one; without it each is a message of its own. */
  readonly edits: boolean;
  /** A thread is heard from its first news on that is as severe as this. */
  readonly least: Severity;
  /** Which news it takes; without it, all. */
  readonly wants?: typeof isPush;
  /** Resolves within `timeoutMs` of its own; never rejects for what the other side does. `remote`: the message to change; null: a new one. */
  readonly send: (alert: Alert, remote: string | null, id: string) => Promise<Sent>;
}
