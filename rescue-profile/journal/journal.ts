import type { DatabaseSync } from "node:sqlite";
import type { Action } from "../core/event.ts";
import type { ProcessIdentity } from "../core/model.ts";
import type { Proposal } from "../core/proposal.ts";
import { initialState, type RepairOutcome, shiftState, type WatchState } from "../core/state.ts";
import { Outbox } from "./outbox.ts";
import { forgetPatterns, type Pattern, readPatterns } from "./patterns.ts";
import { Proposals } from "./proposals.ts";
import { isHolding } from "./read.ts";
import { inTransaction } from "./transaction.ts";

/** Where and when a process reads its clocks. Injected, so that tests own the time. */
export interface JournalClock {
  readonly boot: string;
  monotonicMs(): number;
  wallMs(): number;
}

/** Whoever leaves a request for the watcher waits for so long. */
export const REQUEST_MS = 60_000;
const SETTLED = "refused: it is not to be carried out any more";

/** What is said to whoever left a request. */
interface Answer {
  readonly request: number;
  readonly text: string;
}

export interface Lease {
  readonly name: "watch" | "repair" | "diagnosis";
  readonly fence: number;
}

export type LeaseResult =
  | { readonly held: true; readonly lease: Lease }
  | { readonly held: false; readonly by: { readonly pid: number; readonly what: string } };

export interface RepairRow {
  readonly id: number;
  readonly incident: number;
  readonly attempt: number;
  readonly tier: number;
  readonly cause: string;
  readonly subject: string | null;
  readonly identity: ProcessIdentity | null;
  readonly runs: number;
  readonly runner: ProcessIdentity | null;
  readonly outcome: RepairOutcome | null;
  readonly note: string | null;
}

export interface RequestRow {
  readonly id: number;
  readonly kind: "repair" | "pause" | "resume";
  readonly payload: RequestPayload;
  readonly by: string;
}

/** `forMs`, `reason`: of a pause. `tier`, `dryRun`, `proposal`: of a repair. */
export interface RequestPayload {
  readonly forMs?: number;
  readonly reason?: string;
  readonly tier?: 1 | 2;
  readonly dryRun?: boolean;
  readonly proposal?: Proposal;
}

/** The database itself refused: locked by another process, disk full, input or output error. SQLite's primary result codes. */
export function isJournalTrouble(error: unknown): boolean {
  const TROUBLE = new Set([5, 6, 8, 10, 13, 14]);
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" && TROUBLE.has(error.errcode & 0xff);
}

/** The lease was taken over by another process: stop acting at once. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/**
 * The durable half of the watchdog. A decision's new state, its incident and the intent of its repair are one transaction, committed
 * to disk before anything is done, so that a kill -9 at any moment leaves a journal that the next run continues from.
 */
export class Journal {
  readonly #db: DatabaseSync;
  readonly #clock: JournalClock;
  readonly #self: ProcessIdentity;

  /** Who has heard of what happened. */
  readonly outbox: Outbox;
  /** What diagnoses proposed. */
  readonly proposals: Proposals;

  constructor(db: DatabaseSync, clock: JournalClock, self: ProcessIdentity) {
    this.#db = db;
    this.outbox = new Outbox(db);
    this.proposals = new Proposals(db);
    this.#clock = clock;
    this.#self = self;
  }

  /** What has helped against what, over all incidents that are over. */
  patterns(): readonly Pattern[] {
    return readPatterns(this.#db);
  }

  forgetPatterns(cause: string): void {
    forgetPatterns(this.#db, cause);
  }

  close(): void {
    this.#db.close();
  }

  /**
   * Takes or takes over a lease: free, expired, of an earlier boot, or of a process that `isAlive` denies. Each taking raises the fence,
   * so that a holder that was asleep meanwhile finds its number outdated at its next write.
   */
  acquire(name: Lease["name"], what: string, ttlMs: number, isAlive: (pid: number, startTime: number) => boolean): LeaseResult {
    return inTransaction(this.#db, () => {
      const row = this.#db.prepare("SELECT * FROM leases WHERE name = ?").get(name);
      const now = this.#clock.monotonicMs();
      const fence = Number(row?.["fence"] ?? 0) + 1;
      if (row !== undefined) {
        const pid = Number(row["holder_pid"]);
        const mine = pid === this.#self.pid && Number(row["holder_start"]) === this.#self.startTime;
        const live = row["boot"] === this.#clock.boot && Number(row["expires_mono"]) > now;
        if (live && !mine && isAlive(pid, Number(row["holder_start"]))) return { held: false, by: { pid, what: String(row["what"]) } };
      }
      this.#db
        .prepare(
          "INSERT OR REPLACE INTO leases (name, holder_pid, holder_start, what, fence, boot, expires_mono) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .run(name, this.#self.pid, this.#self.startTime, what, fence, this.#clock.boot, Math.round(now + ttlMs));
      return { held: true, lease: { name, fence } };
    });
  }

  /** Throws {@link LeaseLost} when somebody took it over. */
  renew(lease: Lease, ttlMs: number): void {
    const changed = this.#db
      .prepare("UPDATE leases SET expires_mono = ? WHERE name = ? AND fence = ? AND holder_pid = ?")
      .run(Math.round(this.#clock.monotonicMs() + ttlMs), lease.name, lease.fence, this.#self.pid);
    if (changed.changes === 0) throw new LeaseLost(`the ${lease.name} lease was taken over`);
  }

  release(lease: Lease): void {
    this.#db
      .prepare("UPDATE leases SET expires_mono = 0 WHERE name = ? AND fence = ? AND holder_pid = ?")
      .run(lease.name, lease.fence, this.#self.pid);
  }

  /** The state of the last run, its times carried over a reboot; a new state when there was none. */
  loadState(target: string): WatchState {
    const row = this.#db.prepare("SELECT * FROM watch WHERE target = ?").get(target);
    const now = this.#clock.monotonicMs();
    if (row === undefined) return { ...initialState(now), lastIncident: this.#lastIncident() };
    const state = JSON.parse(String(row["state"])) as Partial<WatchState>;
    const known = isComplete(state)
      ? state
      : { ...initialState(Number(row["saved_mono"])), ...limitsOf(state), lastIncident: this.#lastIncident() };
    if (row["boot"] === this.#clock.boot) return known;
    // A wall clock that went backwards must not make old repairs younger than now.
    const elapsed = Math.max(0, this.#clock.wallMs() - Number(row["saved_wall"]));
    return shiftState(known, now - elapsed - Number(row["saved_mono"]));
  }

  /**
   * Commits a decision, and with it the answer to whoever asked for it. Returns the ids of the repairs whose intent was written, to be started by the caller after this
   * returns; undefined, and nothing is carried out, when nobody waits for the answer any more or the proposal is not to be carried out any more.
   * Throws {@link LeaseLost} and writes nothing when the lease is not ours any more.
   */
  commit(target: string, lease: Lease, state: WatchState, actions: readonly Action[]): readonly number[];
  commit(target: string, lease: Lease, state: WatchState, actions: readonly Action[], answer?: Answer): readonly number[] | undefined;
  commit(target: string, lease: Lease, state: WatchState, actions: readonly Action[], answer?: Answer): readonly number[] | undefined {
    return inTransaction(this.#db, () => {
      this.assertHeld(lease);
      if (answer !== undefined) {
        const isSettled = actions.some(
          (action) => action.kind === "start-repair" && action.proposal !== undefined && !this.proposals.isAsked(action.proposal),
        );
        if (!this.answerRequest(answer.request, isSettled ? SETTLED : answer.text) || isSettled) return undefined;
      }
      this.#saveState(target, lease.fence, state);
      return actions.flatMap((action) => this.#record(action));
    });
  }

  /** After the old journal, and with it the count of repairs, was lost: what may have been spent in this hour counts as spent. */
  beginWithLittleBudget(target: string, spent: number): void {
    const now = Math.round(this.#clock.monotonicMs());
    const repairs = Array.from({ length: spent }, () => now);
    // Another process may have opened an incident in the new journal meanwhile.
    const state: WatchState = { ...initialState(now), repairs, lastIncident: this.#lastIncident() };
    this.#saveState(target, 0, state);
  }

  repair(id: number): RepairRow | undefined {
    const row = this.#db.prepare("SELECT * FROM repairs WHERE id = ?").get(id);
    return row === undefined ? undefined : toRepair(row);
  }

  /** The newest repair of an incident: the one that a state in phase `repairing` speaks of. */
  latestRepair(incident: number): RepairRow | undefined {
    const row = this.#db.prepare("SELECT * FROM repairs WHERE incident = ? ORDER BY id DESC LIMIT 1").get(incident);
    return row === undefined ? undefined : toRepair(row);
  }

  /** The runner says that it is the one; counts how often a runner was started for this repair. */
  claimRepair(id: number): void {
    this.#db
      .prepare("UPDATE repairs SET runs = runs + 1, runner_pid = ?, runner_start = ? WHERE id = ?")
      .run(this.#self.pid, this.#self.startTime, id);
  }

  endRepair(id: number, outcome: RepairOutcome, note: string): void {
    this.#db
      .prepare("UPDATE repairs SET ended_wall = ?, outcome = ?, note = ? WHERE id = ? AND outcome IS NULL")
      .run(this.#clock.wallMs(), outcome, note, id);
  }

  isOpen(repair: number): boolean {
    return this.#db.prepare("SELECT 1 AS open FROM repairs WHERE id = ? AND outcome IS NULL").get(repair) !== undefined;
  }

  /** Did an earlier run begin this step, whether or not it ended it? */
  hasBegun(repair: number, seq: number): boolean {
    return this.#db.prepare("SELECT 1 AS begun FROM steps WHERE repair = ? AND seq = ?").get(repair, seq) !== undefined;
  }

  /** Has this repair a step that began and did not end? */
  isInStep(repair: number): boolean {
    return this.#db.prepare("SELECT 1 AS open FROM steps WHERE repair = ? AND outcome IS NULL").get(repair) !== undefined;
  }

  isHolding(): boolean {
    return isHolding(this.#db);
  }

  /** Intent before outcome. False when this step has an outcome already, from a run that was killed later. */
  beginStep(repair: number, seq: number, name: string): boolean {
    return inTransaction(this.#db, () => {
      const row = this.#db.prepare("SELECT outcome FROM steps WHERE repair = ? AND seq = ?").get(repair, seq);
      if (row?.["outcome"] === "done") return false;
      this.#db
        .prepare("INSERT OR REPLACE INTO steps (repair, seq, name, intent_wall) VALUES (?, ?, ?, ?)")
        .run(repair, seq, name, this.#clock.wallMs());
      return true;
    });
  }

  endStep(repair: number, seq: number, outcome: "done" | "failed" | "aborted", durationMs: number, detail: string): void {
    this.#db
      .prepare("UPDATE steps SET ended_wall = ?, duration_ms = ?, outcome = ?, detail = ? WHERE repair = ? AND seq = ?")
      .run(this.#clock.wallMs(), Math.round(durationMs), outcome, detail, repair, seq);
  }

  /** What has nothing to do with an incident and needs no lease: whoever is to be told hears of it. */
  tell(action: Extract<Action, { kind: "tell" }>): void {
    this.#record(action);
  }

  /** Leaves a request for whoever watches. Returns its number. */
  addRequest(kind: RequestRow["kind"], payload: RequestRow["payload"], by: string): number {
    const result = this.#db
      .prepare("INSERT INTO requests (kind, payload, made_by, made_wall) VALUES (?, ?, ?, ?)")
      .run(kind, JSON.stringify(payload), by, this.#clock.wallMs());
    return Number(result.lastInsertRowid);
  }

  /** What somebody waits for. What nobody withdrew, because he died or saw another time, is answered for him and not honoured any more. */
  openRequests(): readonly RequestRow[] {
    const rows = this.#db.prepare("SELECT * FROM requests WHERE answered_wall IS NULL ORDER BY id").all();
    const isLate = (row: Record<string, unknown>) => Math.abs(this.#clock.wallMs() - Number(row["made_wall"])) > REQUEST_MS;
    for (const row of rows) if (isLate(row)) this.answerRequest(Number(row["id"]), "refused: it waited for too long");
    return rows
      .filter((row) => !isLate(row))
      .map((row) => ({
        id: Number(row["id"]),
        kind: row["kind"] as RequestRow["kind"],
        payload: JSON.parse(String(row["payload"])) as RequestRow["payload"],
        by: String(row["made_by"]),
      }));
  }

  /** False when it is answered or withdrawn already. */
  answerRequest(id: number, answer: string): boolean {
    const { changes } = this.#db
      .prepare("UPDATE requests SET answer = ?, answered_wall = ? WHERE id = ? AND answered_wall IS NULL")
      .run(answer, this.#clock.wallMs(), id);
    return changes > 0;
  }

  /** Nobody waits for it any more: it must not be honoured later. Returns the answer when one came in the meantime. */
  withdrawRequest(id: number): string | undefined {
    const withdrawn = this.#db
      .prepare("UPDATE requests SET answer = 'withdrawn', answered_wall = ? WHERE id = ? AND answered_wall IS NULL")
      .run(this.#clock.wallMs(), id);
    return withdrawn.changes > 0 ? undefined : this.requestAnswer(id);
  }

  requestAnswer(id: number): string | undefined {
    const row = this.#db.prepare("SELECT answer FROM requests WHERE id = ? AND answered_wall IS NOT NULL").get(id);
    return row === undefined ? undefined : String(row["answer"]);
  }

  #record(action: Action): number[] {
    const wall = this.#clock.wallMs();
    switch (action.kind) {
      case "open-incident": {
        const firstSeen = wall - Math.max(0, Math.round(this.#clock.monotonicMs() - action.firstSeenMs));
        this.#db
          .prepare("INSERT INTO incidents (id, cause, first_seen_wall, opened_wall, evidence) VALUES (?, ?, ?, ?, ?)")
          .run(action.incident, action.cause, firstSeen, wall, JSON.stringify(action.evidence));
        return [];
      }
      case "start-repair": {
        // What was proposed is what is done, and not why it is down.
        if (action.tier !== 3) this.#db.prepare("UPDATE incidents SET cause = ? WHERE id = ?").run(action.cause, action.incident);
        const { identity } = action;
        const result = this.#db
          .prepare(
            "INSERT INTO repairs (incident, attempt, tier, cause, subject, evidence, pid, pid_start, requested_by, started_wall) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          )
          .run(
            action.incident,
            action.attempt,
            action.tier,
            action.cause,
            action.subject,
            JSON.stringify(action.evidence),
            identity?.pid ?? null,
            identity?.startTime ?? null,
            action.by,
            wall,
          );
        const repair = Number(result.lastInsertRowid);
        if (action.proposal !== undefined) this.proposals.begun(action.proposal, repair, action.attempt);
        return [repair];
      }
      case "abandon-repair":
        this.#db
          .prepare("UPDATE repairs SET ended_wall = ?, outcome = 'lost', note = ? WHERE incident = ? AND outcome IS NULL")
          .run(wall, action.why, action.incident);
        return [];
      case "close-incident":
        this.#db.prepare("UPDATE incidents SET closed_wall = ?, outcome = ? WHERE id = ?").run(wall, action.outcome, action.incident);
        return [];
      case "tell":
        this.#db
          .prepare("INSERT INTO tells (incident, cause, severity, text, evidence, at_wall) VALUES (?, ?, ?, ?, ?, ?)")
          .run(action.incident, action.cause, action.severity, action.text, JSON.stringify(action.evidence), wall);
        return [];
    }
  }

  #saveState(target: string, fence: number, state: WatchState): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO watch (target, state, fence, boot, saved_mono, saved_wall) VALUES (?, ?, ?, ?, ?, ?)")
      .run(target, JSON.stringify(state), fence, this.#clock.boot, Math.round(this.#clock.monotonicMs()), Math.round(this.#clock.wallMs()));
  }

  /** Throws {@link LeaseLost} when somebody took it over: whoever was asleep meanwhile must not act any more. */
  assertHeld(lease: Lease): void {
    const row = this.#db.prepare("SELECT fence, holder_pid FROM leases WHERE name = ?").get(lease.name);
    if (Number(row?.["fence"]) !== lease.fence || Number(row?.["holder_pid"]) !== this.#self.pid) {
      throw new LeaseLost(`the ${lease.name} lease was taken over`);
    }
  }

  #lastIncident(): number {
    return Number(this.#db.prepare("SELECT max(id) AS id FROM incidents").get()?.["id"] ?? 0);
  }
}

function toRepair(row: Record<string, unknown>): RepairRow {
  const identity = (pid: unknown, start: unknown) => (pid === null ? null : { pid: Number(pid), startTime: Number(start) });
  return {
    id: Number(row["id"]),
    incident: Number(row["incident"]),
    attempt: Number(row["attempt"]),
    tier: Number(row["tier"]),
    cause: String(row["cause"]),
    subject: row["subject"] === null ? null : String(row["subject"]),
    identity: identity(row["pid"], row["pid_start"]),
    runs: Number(row["runs"]),
    runner: identity(row["runner_pid"], row["runner_start"]),
    outcome: row["outcome"] as RepairOutcome | null,
    note: row["note"] === null ? null : String(row["note"]),
  };
}

/** An older watchdog's state: what it had spent, and a person's pause, still hold. */
function limitsOf({ repairs, kills, pause, everServed }: Partial<WatchState>): Partial<WatchState> {
  return {
    ...(Array.isArray(repairs) ? { repairs } : {}),
    ...(Array.isArray(kills) ? { kills } : {}),
    ...(pause === undefined ? {} : { pause }),
    ...(everServed === undefined ? {} : { everServed }),
  };
}

/** Every part of today's state is there; a state of another shape is not guessed at. */
function isComplete(state: Partial<WatchState>): state is WatchState {
  const wanted = initialState(0);
  const has = (part: object | null | undefined, shape: object) =>
    typeof part === "object" && part !== null && Object.keys(shape).every((key) => Object.hasOwn(part, key));
  return has(state, wanted) && has(state.track, wanted.track) && has(state.phase, wanted.phase);
}
