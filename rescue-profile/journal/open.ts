import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, RescueError } from "../../src/shared/errors.ts";
import { SCHEMA, SCHEMA_VERSION } from "./schema.ts";

export interface OpenedJournal {
  readonly db: DatabaseSync;
  readonly file: string;
  /** Set when an unusable journal was moved aside: where it is now and why. Its budget is lost, so the new one begins with little. */
  readonly setAside?: { readonly file: string; readonly why: string };
}

const APPLICATION_ID = 0x72657363; // "resc"
const BUSY_MS = 5_000;

/**
 * Opens or creates `<dir>/journal.sqlite` (dir 0700, file 0600; WAL, every commit synced to disk).
 * A corrupt or newer journal is renamed to `journal.sqlite.set-aside-<why>-<time>` with its side files, never deleted, and a fresh one begun.
 * Throws `journal` when the directory cannot be used, and `busy` when a newer watchdog is at work in the newer journal.
 */
export function openJournal(dir: string, options: { isAlive: (pid: number, startTime: number) => boolean; wallMs: number }): OpenedJournal {
  const file = join(dir, "journal.sqlite");
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new RescueError("journal", `the journal directory ${dir} cannot be made: ${messageOf(error)}`, { cause: error });
  }
  const problem = unusable(file);
  if (problem === undefined) return { db: connect(file), file };
  if (problem.why === "newer") assertNobodyWorks(problem.db, file, options.isAlive);
  problem.db?.close();
  const aside = setAside(file, problem.why, options.wallMs);
  return { db: connect(file), file, setAside: { file: aside, why: problem.detail } };
}

/** Opens an existing journal for reading only. Undefined when there is none. Throws `journal` when it is corrupt or newer. */
export function openJournalReader(dir: string): DatabaseSync | undefined {
  const file = join(dir, "journal.sqlite");
  if (!existsSync(file)) return undefined;
  const problem = unusable(file);
  if (problem === undefined) return new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
  problem.db?.close();
  throw new RescueError("journal", `the journal ${file} cannot be read: ${problem.detail}`, {
    fix: "the next watch or tick sets it aside and begins a new one",
  });
}

interface Problem {
  readonly why: "corrupt" | "newer" | "foreign";
  readonly detail: string;
  readonly db?: DatabaseSync;
}

function unusable(file: string): Problem | undefined {
  if (!existsSync(file)) return undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: BUSY_MS });
    const version = pragma(db, "user_version");
    const application = pragma(db, "application_id");
    if (version === 0 && application === 0 && isEmpty(db)) {
      db.close();
      return undefined;
    }
    if (application !== APPLICATION_ID) return { why: "foreign", detail: "it is not a rescue-watchdog journal", db };
    if (version > SCHEMA_VERSION) return { why: "newer", detail: `it was written by a newer version (schema ${version})`, db };
    const check = db.prepare("PRAGMA quick_check(1)").get();
    if (check?.["quick_check"] !== "ok") return { why: "corrupt", detail: `it is damaged: ${String(check?.["quick_check"])}`, db };
    db.close();
    return undefined;
  } catch (error) {
    if (isBusy(error)) {
      db?.close();
      throw new RescueError("busy", `the journal ${file} is locked by another process`, { cause: error });
    }
    return { why: "corrupt", detail: messageOf(error), ...(db === undefined ? {} : { db }) };
  }
}

function connect(file: string): DatabaseSync {
  try {
    const db = new DatabaseSync(file, { timeout: BUSY_MS });
    chmodSync(file, 0o600);
    db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON");
    db.exec("BEGIN IMMEDIATE");
    if (pragma(db, "user_version") === 0) {
      db.exec(SCHEMA);
      db.exec(`PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${SCHEMA_VERSION}`);
    }
    db.exec("COMMIT");
    return db;
  } catch (error) {
    throw new RescueError("journal", `the journal ${file} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

function setAside(file: string, why: string, wallMs: number): string {
  const stamp = new Date(wallMs).toISOString().replaceAll(/[:.]/g, "-");
  let aside = `${file}.set-aside-${why}-${stamp}`;
  for (let n = 2; existsSync(aside); n++) aside = `${file}.set-aside-${why}-${stamp}-${n}`;
  try {
    renameSync(file, aside);
    for (const side of ["-wal", "-shm"]) if (existsSync(file + side)) renameSync(file + side, aside + side);
  } catch (error) {
    throw new RescueError("journal", `the unusable journal ${file} cannot be moved aside: ${messageOf(error)}`, { cause: error });
  }
  return aside;
}

function assertNobodyWorks(db: DatabaseSync | undefined, file: string, isAlive: (pid: number, startTime: number) => boolean): void {
  const rows = db?.prepare("SELECT holder_pid AS pid, holder_start AS start FROM leases").all() ?? [];
  for (const row of rows) {
    if (isAlive(Number(row["pid"]), Number(row["start"]))) {
      throw new RescueError("busy", `a newer rescue-watchdog (pid ${row["pid"]}) is at work in ${file}`, {
        fix: "use the version of rescue-watchdog that is running",
      });
    }
  }
}

function pragma(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare("SELECT count(*) AS n FROM sqlite_master").get()?.["n"] === 0;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (error.errcode === 5 || error.errcode === 6);
}
