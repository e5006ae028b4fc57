import type { DatabaseSync } from "node:sqlite";
import { openJournalReader } from "../../rescue-profile/journal/open.ts";
import { watchdogDir } from "../../src/shared/rescue-home.ts";
import type { Call } from "./command.ts";

/** Reads the journal of the watched profile; undefined when nothing was ever watched. */
export function withJournal<T>(call: Call, read: (db: DatabaseSync) => T): T | undefined {
  const db = openJournalReader(watchdogDir(call.profile, call.home, call.env));
  if (db === undefined) return undefined;
  try {
    return read(db);
  } finally {
    db.close();
  }
}
