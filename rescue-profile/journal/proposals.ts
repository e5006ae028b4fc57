import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { KeptProposal, ProposalRecord, ProposalState } from "../core/proposal.ts";
import { inTransaction } from "./transaction.ts";

const OVER = "the incident is over";
/** Whoever watches has so long to begin, after a person could still approve it. */
const HANDED_MS = 120_000;
/** Clocks that differ by less are one clock. */
const FUTURE_MS = 60_000;

/** What was proposed, and what became of it. Everything is durable when it returns; each change is news of its incident. */
export class Proposals {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** One of an incident that is over meanwhile is only shown; one that waits takes the place of the one that waited before. */
  add(record: ProposalRecord): KeptProposal {
    const { incident, cause, atMs, untilMs, state, answer, actions, ...rest } = record;
    const secret = randomBytes(16).toString("base64url");
    return inTransaction(this.#db, () => {
      const isLate = (state === "waiting" || state === "asked") && this.#isOver(incident);
      const as = isLate ? ({ state: "shown", answer: OVER } as const) : { state, answer };
      if (as.state === "waiting") {
        this.#db
          .prepare("UPDATE proposals SET state = 'rejected', answer = 'there is a newer one' WHERE incident = ? AND state = 'waiting'")
          .run(incident);
      }
      const { lastInsertRowid } = this.#db
        .prepare(
          "INSERT INTO proposals (incident, cause, at_wall, until_wall, state, answer, actions, secret, rest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .run(incident, cause, Math.round(atMs), Math.round(untilMs), as.state, as.answer, actions, secret, JSON.stringify(rest));
      return { ...record, ...as, id: Number(lastInsertRowid), repair: null };
    });
  }

  /** False when it is not in the state `from` any more: somebody else was faster, and nothing is changed. What is to wait in an incident that is over is rejected. */
  settle(id: number, from: ProposalState, to: ProposalState, answer: string | null): boolean {
    return inTransaction(this.#db, () => {
      const incident = this.get(id)?.incident;
      const isLate = to === "waiting" && incident !== undefined && this.#isOver(incident);
      const [state, said] = isLate ? ["rejected", OVER] : [to, answer];
      const { changes } = this.#db
        .prepare("UPDATE proposals SET state = ?, answer = ? WHERE id = ? AND state = ?")
        .run(state, said, id, from);
      return changes > 0;
    });
  }

  #isOver(incident: number): boolean {
    return this.#db.prepare("SELECT 1 AS over FROM incidents WHERE id = ? AND outcome IS NOT NULL").get(incident) !== undefined;
  }

  /** Was it handed to whoever watches, and not carried out or settled otherwise yet? */
  isAsked(id: number): boolean {
    return this.get(id)?.state === "asked";
  }

  /** Its repair's intent is written, in the same transaction. */
  begun(id: number, repair: number, attempt: number): void {
    this.#db
      .prepare("UPDATE proposals SET state = 'done', repair = ?, answer = coalesce(answer || ': ', '') || ? WHERE id = ?")
      .run(repair, `repair ${attempt}`, id);
  }

  /**
   * What waited for a person until its time was over is rejected, and so is what was handed to whoever watches and never begun. One of the future, because the clock was put
   * back, has no time that could be over. Returns what was rejected.
   */
  expire(nowMs: number): readonly KeptProposal[] {
    const rejected = (state: ProposalState, answer: string, untilMs: number) =>
      this.#db
        .prepare("UPDATE proposals SET state = 'rejected', answer = ? WHERE state = ? AND (until_wall < ? OR at_wall > ?) RETURNING *")
        .all(answer, state, Math.round(untilMs), Math.round(nowMs + FUTURE_MS));
    return [
      ...rejected("waiting", "nobody answered in time", nowMs),
      ...rejected("asked", "nobody who watches has carried it out", nowMs - HANDED_MS),
    ].map(toProposal);
  }

  /** The one that waits for an answer, else the newest. */
  current(incident: number): KeptProposal | undefined {
    const all = this.of(incident);
    return all.findLast(({ state }) => state === "waiting") ?? all.at(-1);
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
    repair: row["repair"] === null ? null : Number(row["repair"]),
  };
}
