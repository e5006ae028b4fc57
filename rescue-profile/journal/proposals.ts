import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { KeptProposal, ProposalRecord, ProposalState } from "../core/proposal.ts";

/** What was proposed, and what became of it. Everything is durable when it returns; each change is news of its incident. */
export class Proposals {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  add(record: ProposalRecord): KeptProposal {
    const { incident, cause, atMs, untilMs, state, answer, actions, ...rest } = record;
    const secret = randomBytes(16).toString("base64url");
    const { lastInsertRowid } = this.#db
      .prepare(
        "INSERT INTO proposals (incident, cause, at_wall, until_wall, state, answer, actions, secret, rest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      )
      .run(incident, cause, Math.round(atMs), Math.round(untilMs), state, answer, actions, secret, JSON.stringify(rest));
    return { ...record, id: Number(lastInsertRowid) };
  }

  /** False when it is not in the state `from` any more: somebody else was faster, and nothing is changed. */
  settle(id: number, from: ProposalState, to: ProposalState, answer: string | null): boolean {
    const { changes } = this.#db.prepare("UPDATE proposals SET state = ?, answer = ? WHERE id = ? AND state = ?").run(to, answer, id, from);
    return changes > 0;
  }

  /** What waited for a person until its time was over is rejected. */
  expire(nowMs: number): void {
    this.#db
      .prepare("UPDATE proposals SET state = 'rejected', answer = 'nobody answered in time' WHERE state = 'waiting' AND until_wall < ?")
      .run(nowMs);
  }

  /** Oldest first. */
  of(incident: number): readonly KeptProposal[] {
    return proposalsOf(this.#db, incident);
  }

  get(id: number): KeptProposal | undefined {
    const row = this.#db.prepare("SELECT * FROM proposals WHERE id = ?").get(id);
    return row === undefined ? undefined : toProposal(row);
  }

  /** Of the one that waits; it makes the names of its buttons. */
  secretOf(incident: number): string | undefined {
    const row = this.#db
      .prepare("SELECT secret FROM proposals WHERE incident = ? AND state = 'waiting' ORDER BY id DESC LIMIT 1")
      .get(incident);
    return row === undefined ? undefined : String(row["secret"]);
  }

  bySecret(secret: string): KeptProposal | undefined {
    const row = this.#db.prepare("SELECT * FROM proposals WHERE secret = ?").get(secret);
    return row === undefined ? undefined : toProposal(row);
  }

  newest(): KeptProposal | undefined {
    const row = this.#db.prepare("SELECT * FROM proposals ORDER BY id DESC LIMIT 1").get();
    return row === undefined ? undefined : toProposal(row);
  }
}

/** Oldest first. */
export function proposalsOf(db: DatabaseSync, incident: number): readonly KeptProposal[] {
  return db.prepare("SELECT * FROM proposals WHERE incident = ? ORDER BY id").all(incident).map(toProposal);
}

type Rest = Omit<ProposalRecord, "incident" | "cause" | "atMs" | "untilMs" | "state" | "answer" | "actions">;

function toProposal(row: Record<string, unknown>): KeptProposal {
  return {
    ...(JSON.parse(String(row["rest"])) as Rest),
    id: Number(row["id"]),
    incident: Number(row["incident"]),
    cause: String(row["cause"]),
    atMs: Number(row["at_wall"]),
    untilMs: Number(row["until_wall"]),
    state: String(row["state"]) as ProposalState,
    answer: row["answer"] === null ? null : String(row["answer"]),
    actions: String(row["actions"]),
  };
}
