import { RescueError } from "../../src/shared/errors.ts";
import type { Json } from "./facts.ts";
import type { Finding } from "./finding.ts";
import type { Accepted } from "./report.ts";

/** What a person knows of and has decided to live with for a while. */
export interface BaselineEntry {
  readonly id: string;
  /** Undefined: all findings of this check. */
  readonly subject?: string;
  readonly reason: string;
  /** `YYYY-MM-DD`, the last day (UTC) on which it counts. */
  readonly expires: string;
}

export type Baseline = readonly BaselineEntry[];

const DAY_MS = 86_400_000;
const MOST_DAYS = 366;
const KEYS: ReadonlySet<string> = new Set(["id", "subject", "reason", "expires"]);

/**
 * Reads `{"accepted": [{"id", "subject", "reason", "expires"}]}`. Strict, because a misspelled `subject` would accept all of a check: an unknown key, an id of no
 * check, a missing reason, and an expiry that is no day or further than 366 days ahead throw `config-invalid`. An entry that has expired is kept.
 */
export function parseBaseline(
  text: string,
  { file, ids, nowMs }: { readonly file: string; readonly ids: ReadonlySet<string>; readonly nowMs: number },
): Baseline {
  const root = asJson(parse(text, file));
  const accepted = root?.["accepted"];
  if (root === undefined || !Array.isArray(accepted) || Object.keys(root).length !== 1) {
    throw invalid(file, `must be {"accepted": [...]} and nothing else`, 'write {"accepted": []} for none');
  }
  return accepted.map((value: unknown, index) => parseEntry(value, { ids, nowMs, where: `${file}, entry ${index + 1}` }));
}

function parseEntry(
  value: unknown,
  about: { readonly ids: ReadonlySet<string>; readonly nowMs: number; readonly where: string },
): BaselineEntry {
  const { ids, nowMs, where } = about;
  const entry = asJson(value);
  if (entry === undefined) throw invalid(where, "is no object", 'write {"id": …, "reason": …, "expires": "YYYY-MM-DD"}');
  const stranger = Object.keys(entry).find((key) => !KEYS.has(key));
  if (stranger !== undefined) throw invalid(where, `has the unknown key ${JSON.stringify(stranger)}`, `use only ${[...KEYS].join(", ")}`);
  const { id, subject, reason, expires } = entry;
  if (typeof id !== "string" || id === "") throw invalid(where, "has no id", "name the check whose finding it accepts");
  if (!ids.has(id)) throw invalid(where, `names ${JSON.stringify(id)}, and no check has this id`, `correct it, or remove the entry`);
  if (subject !== undefined && typeof subject !== "string")
    throw invalid(where, "has a subject that is no text", "leave it out to accept all findings of the check");
  if (typeof reason !== "string" || reason.trim() === "") throw invalid(where, "has no reason", "say why this is accepted");
  const dayMs = typeof expires === "string" ? dayOf(expires) : undefined;
  if (typeof expires !== "string" || dayMs === undefined)
    throw invalid(where, "has no expiry that is a day", 'write it as "expires": "YYYY-MM-DD"');
  if (dayMs > nowMs + MOST_DAYS * DAY_MS)
    throw invalid(
      where,
      `is to hold until ${expires}, more than ${MOST_DAYS} days ahead`,
      "choose a day within a year, and look again then",
    );
  return { id, ...(subject === undefined ? {} : { subject }), reason: reason.trim(), expires };
}

/** Takes away what is accepted. A finding whose acceptance has expired stays, with that as evidence. Pure. */
export function applyBaseline<F extends Finding>(
  findings: readonly F[],
  baseline: Baseline,
  nowMs: number,
): { readonly findings: readonly F[]; readonly accepted: readonly Accepted[] } {
  const left: F[] = [];
  const accepted: Accepted[] = [];
  for (const finding of findings) {
    const entries = baseline.filter(({ id, subject }) => id === finding.id && (subject === undefined || subject === finding.subject));
    const holds = entries.find(({ expires }) => !hasExpired(expires, nowMs));
    const [expired] = [...entries].sort((a, b) => (a.expires < b.expires ? 1 : -1));
    if (holds !== undefined) accepted.push({ id: finding.id, subject: finding.subject, reason: holds.reason, expires: holds.expires });
    else if (expired === undefined) left.push(finding);
    else {
      const fact = `was accepted until ${expired.expires}: ${expired.reason}`;
      left.push({ ...finding, evidence: [...finding.evidence, { fact, from: "the baseline" }] });
    }
  }
  return { findings: left, accepted };
}

function hasExpired(expires: string, nowMs: number): boolean {
  const dayMs = dayOf(expires);
  return dayMs === undefined || nowMs >= dayMs + DAY_MS;
}

/** When this day begins (UTC); undefined: there is no such day. */
function dayOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text ? undefined : ms;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid(file, `is not valid JSON (${error.message})`, `correct ${file}; it is plain JSON, without comments`);
  }
}

function asJson(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function invalid(where: string, what: string, fix: string): RescueError {
  return new RescueError("config-invalid", `the baseline ${where} ${what}`, { fix });
}
