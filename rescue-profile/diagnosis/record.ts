import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import { jsonObject } from "../../src/shared/json.ts";
import type { Judged } from "./action.ts";

/** `waiting`: for a person; `asked`: handed to whoever watches, which alone decides; `none`: nothing that may be done was proposed. */
export type ProposalState = "waiting" | "asked" | "rejected" | "none";

/** What came of a diagnosis, as it lies in the incident's folder. */
export interface ProposalRecord {
  readonly incident: number;
  /** Wall-clock milliseconds. */
  readonly atMs: number;
  /** Which engine answered; null: none did. */
  readonly engine: string | null;
  /** What became of asking, one sentence. */
  readonly asked: string;
  /** The model's own words: evidence, never an instruction. */
  readonly diagnosis: string | null;
  /** What it says a person should do. */
  readonly human: string | null;
  /** Each command that it proposed, with why it may or may not be carried out. */
  readonly judged: readonly Judged[];
  /** Why the plan as a whole may not; null: it may. */
  readonly refusal: string | null;
  /** In the words of `repair/plan`, by commas; empty: nothing. */
  readonly actions: string;
  readonly ends: { readonly pid: number; readonly startTime: number } | null;
  readonly state: ProposalState;
  /** Until when a person may approve it, wall-clock milliseconds. */
  readonly untilMs: number;
  /** Who approved or rejected it, and what whoever watches answered. */
  readonly answer: string | null;
}

export const RECORD_FILE = "proposal.json";
export const CONTEXT_FILE = "context.txt";

export function serialiseRecord(record: ProposalRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** Undefined: it is not what `serialiseRecord` wrote; then nothing of it is carried out. */
export function parseRecord(text: string): ProposalRecord | undefined {
  const record = jsonObject(text);
  const { incident, atMs, untilMs, actions, state, judged, asked } = record;
  const isState = ["waiting", "asked", "rejected", "none"].some((each) => each === state);
  if (typeof incident !== "number" || typeof atMs !== "number" || typeof untilMs !== "number" || !isState) return undefined;
  if (typeof actions !== "string" || typeof asked !== "string" || !Array.isArray(judged)) return undefined;
  return {
    incident,
    atMs,
    untilMs,
    actions,
    asked,
    state: state as ProposalState,
    engine: textOf(record, "engine"),
    diagnosis: textOf(record, "diagnosis"),
    human: textOf(record, "human"),
    refusal: textOf(record, "refusal"),
    answer: textOf(record, "answer"),
    judged: judged.map(asObject).flatMap(judgedOf),
    ends: endsOf(asObject(record["ends"])),
  };
}

function judgedOf(value: JsonObject): Judged[] {
  const command = String(value["command"] ?? "");
  const { accepted, entry, reason } = asObject(value["verdict"]);
  if (accepted !== true) return [{ command, verdict: { accepted: false, reason: String(reason ?? "") } }];
  // Only for showing: what is carried out stands in `actions`.
  return [{ command, verdict: { accepted: true, entry: String(entry ?? ""), action: "look-at-port" } }];
}

function endsOf({ pid, startTime }: JsonObject): ProposalRecord["ends"] {
  return typeof pid === "number" && typeof startTime === "number" ? { pid, startTime } : null;
}

function textOf(record: JsonObject, key: string): string | null {
  const value = record[key];
  return typeof value === "string" ? value : null;
}
