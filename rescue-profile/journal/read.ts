import type { DatabaseSync } from "node:sqlite";
import type { ProcessIdentity } from "../core/model.ts";
import type { KeptProposal } from "../core/proposal.ts";
import type { WatchState } from "../core/state.ts";
import { proposalsOf } from "./proposals.ts";

/** What people and chats read. Wall times as epoch milliseconds; nothing here writes. */
export interface IncidentSummary {
  readonly id: number;
  readonly cause: string;
  readonly firstSeenAt: number;
  readonly openedAt: number;
  readonly closedAt: number | null;
  readonly outcome: string | null;
  readonly attempts: number;
  readonly tier: number | null;
  /** From the first bad look until the incident was closed, or null while it is open. */
  readonly durationMs: number | null;
}

export interface IncidentDetail extends IncidentSummary {
  readonly evidence: readonly string[];
  readonly repairs: readonly {
    readonly id: number;
    readonly attempt: number;
    readonly tier: number;
    readonly cause: string;
    /** What it is about: a plugin's id, a file's path. */
    readonly subject: string | null;
    readonly evidence: readonly string[];
    readonly requestedBy: string;
    readonly startedAt: number;
    readonly endedAt: number | null;
    readonly outcome: string | null;
    readonly note: string | null;
    readonly steps: readonly {
      readonly name: string;
      readonly intentAt: number;
      readonly durationMs: number | null;
      readonly outcome: string | null;
      readonly detail: string | null;
    }[];
  }[];
  readonly told: readonly { readonly at: number; readonly severity: string; readonly cause: string; readonly text: string }[];
  /** What diagnoses proposed, oldest first. */
  readonly proposals: readonly KeptProposal[];
}

export interface WatchSnapshot {
  readonly state: WatchState;
  readonly savedAt: number;
  readonly savedMonotonicMs: number;
  readonly boot: string;
  readonly watcher: {
    readonly pid: number;
    readonly startTime: number;
    readonly what: string;
    readonly expiresMonotonicMs: number;
    readonly boot: string;
  } | null;
}

const number = (value: unknown) => Number(value);
const maybeNumber = (value: unknown) => (value === null || value === undefined ? null : Number(value));
const maybeText = (value: unknown) => (value === null || value === undefined ? null : String(value));

/** Is the service stopped by a repair, of an incident that is still open, whose start has not succeeded yet? Then nobody stopped it on purpose. */
export function isHolding(db: DatabaseSync): boolean {
  const row = db
    .prepare(
      `SELECT s.name FROM steps s JOIN repairs r ON r.id = s.repair JOIN incidents i ON i.id = r.incident
       WHERE i.outcome IS NULL
         AND ((s.name = 'hold-service' AND s.outcome IS NOT 'aborted') OR (s.name = 'start-service' AND s.outcome = 'done'))
       ORDER BY r.id DESC, s.seq DESC LIMIT 1`,
    )
    .get();
  return row?.["name"] === "hold-service";
}

export function readWatch(db: DatabaseSync, target: string): WatchSnapshot | undefined {
  const row = db.prepare("SELECT * FROM watch WHERE target = ?").get(target);
  if (row === undefined) return undefined;
  const lease = db.prepare("SELECT * FROM leases WHERE name = 'watch'").get();
  return {
    state: JSON.parse(String(row["state"])) as WatchState,
    savedAt: number(row["saved_wall"]),
    savedMonotonicMs: number(row["saved_mono"]),
    boot: String(row["boot"]),
    watcher:
      lease === undefined
        ? null
        : {
            pid: number(lease["holder_pid"]),
            startTime: number(lease["holder_start"]),
            what: String(lease["what"]),
            expiresMonotonicMs: number(lease["expires_mono"]),
            boot: String(lease["boot"]),
          },
  };
}

/** The newest repair that has not ended, and the process that claimed it. */
export function readOpenRepair(db: DatabaseSync): { readonly id: number; readonly runner: ProcessIdentity | null } | undefined {
  const row = db.prepare("SELECT id, runner_pid, runner_start FROM repairs WHERE outcome IS NULL ORDER BY id DESC LIMIT 1").get();
  if (row === undefined) return undefined;
  const pid = maybeNumber(row["runner_pid"]);
  return { id: number(row["id"]), runner: pid === null ? null : { pid, startTime: number(row["runner_start"]) } };
}

const INCIDENTS = `SELECT i.*, (SELECT count(*) FROM repairs r WHERE r.incident = i.id) AS attempts,
  (SELECT max(tier) FROM repairs r WHERE r.incident = i.id) AS tier FROM incidents i`;

/** Newest first. */
export function readIncidents(db: DatabaseSync, options: { limit: number; sinceWallMs?: number }): readonly IncidentSummary[] {
  return db
    .prepare(`${INCIDENTS} WHERE i.opened_wall >= ? ORDER BY i.id DESC LIMIT ?`)
    .all(options.sinceWallMs ?? 0, options.limit)
    .map(toSummary);
}

export function readIncident(db: DatabaseSync, id: number): IncidentDetail | undefined {
  const row = db.prepare(`${INCIDENTS} WHERE i.id = ?`).get(id);
  if (row === undefined) return undefined;
  const repairs = db.prepare("SELECT * FROM repairs WHERE incident = ? ORDER BY id").all(id);
  const steps = db.prepare("SELECT * FROM steps WHERE repair = ? ORDER BY seq");
  return {
    ...toSummary(row),
    evidence: JSON.parse(String(row["evidence"])) as string[],
    repairs: repairs.map((repair) => ({
      id: number(repair["id"]),
      attempt: number(repair["attempt"]),
      tier: number(repair["tier"]),
      cause: String(repair["cause"]),
      subject: maybeText(repair["subject"]),
      evidence: JSON.parse(maybeText(repair["evidence"]) ?? "[]") as string[],
      requestedBy: String(repair["requested_by"]),
      startedAt: number(repair["started_wall"]),
      endedAt: maybeNumber(repair["ended_wall"]),
      outcome: maybeText(repair["outcome"]),
      note: maybeText(repair["note"]),
      steps: steps.all(number(repair["id"])).map((step) => ({
        name: String(step["name"]),
        intentAt: number(step["intent_wall"]),
        durationMs: maybeNumber(step["duration_ms"]),
        outcome: maybeText(step["outcome"]),
        detail: maybeText(step["detail"]),
      })),
    })),
    told: db
      .prepare("SELECT at_wall, severity, cause, text FROM tells WHERE incident = ? ORDER BY id")
      .all(id)
      .map((tell) => ({
        at: number(tell["at_wall"]),
        severity: String(tell["severity"]),
        cause: String(tell["cause"]),
        text: String(tell["text"]),
      })),
    proposals: proposalsOf(db, id),
  };
}

function toSummary(row: Record<string, unknown>): IncidentSummary {
  const closedAt = maybeNumber(row["closed_wall"]);
  return {
    id: number(row["id"]),
    cause: String(row["cause"]),
    firstSeenAt: number(row["first_seen_wall"]),
    openedAt: number(row["opened_wall"]),
    closedAt,
    outcome: maybeText(row["outcome"]),
    attempts: number(row["attempts"]),
    tier: maybeNumber(row["tier"]),
    durationMs: closedAt === null ? null : closedAt - number(row["first_seen_wall"]),
  };
}

export interface RepairSummary {
  readonly incident: number;
  readonly tier: number;
  readonly cause: string;
  readonly subject: string | null;
  readonly requestedBy: string;
  readonly startedAt: number;
  readonly outcome: string | null;
  readonly note: string | null;
}

/** Newest first. */
export function readRepairs(db: DatabaseSync, limit: number): readonly RepairSummary[] {
  return db
    .prepare("SELECT * FROM repairs ORDER BY id DESC LIMIT ?")
    .all(limit)
    .map((row) => ({
      incident: number(row["incident"]),
      tier: number(row["tier"]),
      cause: String(row["cause"]),
      subject: maybeText(row["subject"]),
      requestedBy: String(row["requested_by"]),
      startedAt: number(row["started_wall"]),
      outcome: maybeText(row["outcome"]),
      note: maybeText(row["note"]),
    }));
}

export interface HistoryStats {
  readonly total: number;
  readonly closed: number;
  /** Served again, by our repair or by itself. */
  readonly recovered: number;
  readonly byOutcome: Readonly<Record<string, number>>;
  readonly byCause: Readonly<Record<string, number>>;
  readonly meanMs: number | null;
  readonly worstMs: number | null;
}

/** Pure. Times are from the first bad look until health had held, over incidents that recovered. */
export function summarize(incidents: readonly IncidentSummary[]): HistoryStats {
  const recovered = incidents.filter((incident) => incident.outcome?.startsWith("recovered") === true);
  const times = recovered.flatMap((incident) => (incident.durationMs === null ? [] : [incident.durationMs]));
  return {
    total: incidents.length,
    closed: incidents.filter((incident) => incident.closedAt !== null).length,
    recovered: recovered.length,
    byOutcome: tally(incidents.map((incident) => incident.outcome ?? "open")),
    byCause: tally(incidents.map((incident) => incident.cause)),
    meanMs: times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0) / times.length,
    worstMs: times.length === 0 ? null : Math.max(...times),
  };
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
