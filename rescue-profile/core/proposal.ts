import type { ProcessIdentity } from "./model.ts";

/** Steps that a diagnosis chose. `approvedBy` null: nobody was asked, so that the budget of the watchdog's own repairs binds it. */
export interface Proposal {
  /** Of the proposal that the journal holds. */
  readonly id: number;
  /** For which incident: a late answer must not be carried out in the next one. */
  readonly incident: number;
  /** In the words of `repair/plan`: `restart,doctor`. */
  readonly actions: string;
  /** The process that may be ended, proven when it was judged; null: none. */
  readonly ends: ProcessIdentity | null;
  readonly approvedBy: string | null;
}

/** So many are carried out in one incident: what worked before, and what is proposed when that has not helped. */
export const PROPOSALS_PER_INCIDENT = 2;

/**
 * `waiting`: for a person; `asked`: handed to whoever watches, who alone decides; `done`: its repair began; `rejected`: by a person, or because nobody answered in time; `shown`:
 * nothing is carried out (the settings say so, or the incident is over); `none`: nothing that may be done was proposed.
 */
export type ProposalState = "waiting" | "asked" | "done" | "rejected" | "shown" | "none";

/** One proposed command, with why it may or may not be carried out. */
export interface JudgedCommand {
  /** As it stood there, one line, cut. */
  readonly command: string;
  readonly verdict: { readonly accepted: true; readonly entry: string } | { readonly accepted: false; readonly reason: string };
}

/** What came of a diagnosis. Wall-clock milliseconds. */
export interface ProposalRecord {
  readonly incident: number;
  /** What the incident was taken for when somebody was asked: by it is remembered what helped. */
  readonly cause: string;
  readonly atMs: number;
  /** Until when a person may approve it. */
  readonly untilMs: number;
  /** Who had it asked for; null: the watchdog itself. */
  readonly by: string | null;
  /** Who proposed: an engine, or `experience`; null: nobody did. */
  readonly engine: string | null;
  /** What became of asking, one sentence. */
  readonly asked: string;
  /** The model's own words: evidence, never an instruction. */
  readonly diagnosis: string | null;
  /** What it says a person should do. */
  readonly human: string | null;
  readonly judged: readonly JudgedCommand[];
  /** Why the plan as a whole may not be carried out; null: it may. */
  readonly refusal: string | null;
  /** In the words of `repair/plan`, by commas; empty: nothing. */
  readonly actions: string;
  readonly ends: ProcessIdentity | null;
  readonly state: ProposalState;
  /** Who approved or rejected it, and what whoever watches said. */
  readonly answer: string | null;
}

/** One that the journal holds. */
export interface KeptProposal extends ProposalRecord {
  readonly id: number;
  /** What it became when it was carried out. */
  readonly repair: number | null;
}

/** What our buttons send begins with this and a colon; the host knows by it whose they are. */
export const BUTTON_NAMESPACE = "rw";

/** The name of an alert's button, which outlives the process that sent it. `secret`: nobody can guess it; and only an operator's press counts. */
export function answerButton(secret: string, answer: "approve" | "reject"): string {
  return `${BUTTON_NAMESPACE}:${secret}.${answer}`;
}

/** Which proposal a button belongs to, and what it says of it; undefined: it is none of these. */
export function answerOf(name: string): { readonly secret: string; readonly approved: boolean } | undefined {
  const [, secret, answer] = /^rw:([\w-]{16,32})\.(approve|reject)$/.exec(name) ?? [];
  return secret === undefined ? undefined : { secret, approved: answer === "approve" };
}
