import type { DatabaseSync } from "node:sqlite";
import type { NewsKind, Severity } from "../core/event.ts";
import { Proposals } from "./proposals.ts";
import { type IncidentDetail, readIncident } from "./read.ts";

/** One thing that happened. Wall times as epoch milliseconds. */
export interface NewsRow {
  readonly id: number;
  readonly thread: string;
  readonly kind: NewsKind;
  readonly severity: Severity;
  readonly incident: number | null;
  /** Of the incident, repair or tell that it speaks of. */
  readonly ref: number;
  readonly atWallMs: number;
}

/** What a receiver has not heard of the thread that it has waited for longest. */
export interface PendingThread {
  readonly thread: string;
  /** Oldest first, never empty. */
  readonly unheard: readonly NewsRow[];
  /** By what name the receiver knows the message of this thread; null: it has none yet. */
  readonly remote: string | null;
}

export type ThreadStory =
  | ({
      readonly kind: "incident";
      /** What makes the names of the buttons of a proposal that waits; null: none does. */
      readonly secret: string | null;
    } & IncidentDetail)
  | {
      readonly kind: "warning";
      readonly cause: string;
      readonly severity: Severity;
      readonly text: string;
      readonly evidence: readonly string[];
      readonly at: number;
    };

export interface ReceiverState {
  readonly failures: number;
  /** Nothing is sent before. */
  readonly notBeforeWallMs: number;
  readonly lastError: string | null;
}

/** Which receiver has heard what. Everything is durable when it returns, so that a crash repeats at most the one message that was under way. */
export class Outbox {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** A receiver that is new hears what happens from now on, not what happened before it was there. */
  enlist(receiver: string): void {
    this.#db.prepare("INSERT OR IGNORE INTO receivers (name, since) SELECT ?, coalesce(max(id), 0) FROM news").run(receiver);
  }

  /** Undefined: it has heard everything, besides the threads that are to be skipped. */
  pending(receiver: string, skip: ReadonlySet<string> = new Set()): PendingThread | undefined {
    const oldest = this.#db
      .prepare(
        `SELECT n.thread, l.upto, l.remote, r.since FROM receivers r JOIN news n ON n.id > r.since
         LEFT JOIN nflog l ON l.receiver = r.name AND l.thread = n.thread
         WHERE r.name = ? AND n.id > coalesce(l.upto, 0) AND n.thread NOT IN (SELECT value FROM json_each(?)) ORDER BY n.id LIMIT 1`,
      )
      .get(receiver, JSON.stringify([...skip]));
    if (oldest === undefined) return undefined;
    const thread = String(oldest["thread"]);
    const from = Math.max(Number(oldest["upto"] ?? 0), Number(oldest["since"]));
    const rows = this.#db.prepare("SELECT * FROM news WHERE thread = ? AND id > ? ORDER BY id").all(thread, from);
    return { thread, unheard: rows.map(toNews), remote: oldest["remote"] === null ? null : String(oldest["remote"]) };
  }

  /** It has heard this thread up to that news. */
  heard(receiver: string, thread: string, upto: number, remote: string | null, wallMs: number): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO nflog (receiver, thread, upto, remote, at_wall) VALUES (?, ?, ?, ?, ?)")
      .run(receiver, thread, upto, remote, wallMs);
    this.#db.prepare("UPDATE receivers SET failures = 0, not_before_wall = 0, last_error = NULL WHERE name = ?").run(receiver);
  }

  /** It could not be reached, or would not listen: not before that time again. */
  defer(receiver: string, notBeforeWallMs: number, why: string): void {
    this.#db
      .prepare("UPDATE receivers SET failures = failures + 1, not_before_wall = ?, last_error = ? WHERE name = ?")
      .run(notBeforeWallMs, why, receiver);
  }

  /** What happened before that time, who has heard of it, and the warnings of that time. */
  forget(beforeWallMs: number): void {
    this.#db.prepare("DELETE FROM news WHERE at_wall < ?").run(beforeWallMs);
    this.#db.prepare("DELETE FROM nflog WHERE at_wall < ?").run(beforeWallMs);
    this.#db.prepare("DELETE FROM tells WHERE incident IS NULL AND at_wall < ?").run(beforeWallMs);
  }

  /** How many threads it has still to hear of. */
  waiting(receiver: string): number {
    const row = this.#db
      .prepare(
        `SELECT count(DISTINCT n.thread) AS waiting FROM receivers r JOIN news n ON n.id > r.since
         LEFT JOIN nflog l ON l.receiver = r.name AND l.thread = n.thread WHERE r.name = ? AND n.id > coalesce(l.upto, 0)`,
      )
      .get(receiver);
    return Number(row?.["waiting"] ?? 0);
  }

  /** What happened in a thread; undefined: the journal does not know it. */
  story(thread: string): ThreadStory | undefined {
    const [, kind, id] = /^(incident|warning)-(\d+)$/.exec(thread) ?? [];
    if (kind === "incident") {
      const incident = readIncident(this.#db, Number(id));
      return incident === undefined ? undefined : { kind, secret: new Proposals(this.#db).secretOf(incident.id) ?? null, ...incident };
    }
    const tell = this.#db.prepare("SELECT * FROM tells WHERE id = ?").get(Number(id));
    if (tell === undefined) return undefined;
    return {
      kind: "warning",
      cause: String(tell["cause"]),
      severity: String(tell["severity"]) as Severity,
      text: String(tell["text"]),
      evidence: JSON.parse(String(tell["evidence"])) as string[],
      at: Number(tell["at_wall"]),
    };
  }

  state(receiver: string): ReceiverState | undefined {
    const row = this.#db.prepare("SELECT * FROM receivers WHERE name = ?").get(receiver);
    if (row === undefined) return undefined;
    const { failures, not_before_wall: notBefore, last_error: lastError } = row;
    return { failures: Number(failures), notBeforeWallMs: Number(notBefore), lastError: lastError === null ? null : String(lastError) };
  }
}

function toNews(row: Record<string, unknown>): NewsRow {
  return {
    id: Number(row["id"]),
    thread: String(row["thread"]),
    kind: String(row["kind"]) as NewsKind,
    severity: String(row["severity"]) as Severity,
    incident: row["incident"] === null ? null : Number(row["incident"]),
    ref: Number(row["ref"]),
    atWallMs: Number(row["at_wall"]),
  };
}
