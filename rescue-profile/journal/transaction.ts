import type { DatabaseSync } from "node:sqlite";

/** Does the work as a whole or not at all, with nobody else's writes in between. Passes on what it throws. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const value = work();
    db.exec("COMMIT");
    return value;
  } catch (error) {
    // On a full disk SQLite has rolled back by itself; a second time would hide the first complaint.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
