import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { ProcessIdentity } from "../../../rescue-profile/core/model.ts";
import { messageOf, RescueError } from "../../shared/errors.ts";
import { pidScope } from "./processes.ts";

/** SQLite's own number for "somebody else holds the lock". */
const SQLITE_BUSY = 5;

export interface SuperviseRecord {
  /** The child that the last supervisor of this state directory knew, if it can be told apart here and now. */
  readonly previous: ProcessIdentity | null;
  /** @throws Error from SQLite, for example on a full disk. */
  write(child: ProcessIdentity | null): void;
  close(): void;
}

/**
 * One file that is both the lock of a supervisor and what it must not forget. SQLite's exclusive locking mode keeps the kernel's
 * lock until the process ends, however it ends, so that there is no stale lock to guess about and no moment between two owners.
 * @returns null when a living supervisor holds it.
 * @throws RescueError `not-readable` when the file cannot be opened or is no record.
 */
export function openRecord(path: string): SuperviseRecord | null {
  try {
    closeSync(openSync(path, "a", 0o600));
    const db = new DatabaseSync(path, { timeout: 0 });
    try {
      return lockRecord(db);
    } catch (error) {
      db.close();
      if (sqliteCode(error) === SQLITE_BUSY) return null;
      throw error;
    }
  } catch (error) {
    throw new RescueError("not-readable", `Cannot use ${path}: ${messageOf(error)}`, { cause: error, fix: `rm '${path}'` });
  }
}

function lockRecord(db: DatabaseSync): SuperviseRecord {
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = TRUNCATE; BEGIN EXCLUSIVE");
  db.exec("CREATE TABLE IF NOT EXISTS child (pid INTEGER NOT NULL, start_time INTEGER NOT NULL, scope TEXT NOT NULL) STRICT; COMMIT");
  const scope = pidScope();
  const row = db.prepare("SELECT pid, start_time FROM child WHERE scope = ?").get(scope);
  const { pid, start_time: startTime } = row ?? {};
  return {
    previous: typeof pid === "number" && typeof startTime === "number" ? { pid, startTime } : null,
    write(child) {
      db.exec("BEGIN");
      try {
        db.exec("DELETE FROM child");
        if (child !== null) db.prepare("INSERT INTO child VALUES (?, ?, ?)").run(child.pid, child.startTime, scope);
        db.exec("COMMIT");
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => db.close(),
  };
}

export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
}
