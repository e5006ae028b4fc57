import { chmodSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { READ_AS, SCHEMA, SCHEMA_VERSION, UPGRADES } from "./schema.ts";

export interface OpenedJournal {
  readonly db: DatabaseSync;
  readonly file: string;
  /** Set when an unusable journal was moved aside: where it is now and why. Its budget is lost, so the new one begins with little. */
  readonly setAside?: { readonly file: string; readonly why: string };
}

const APPLICATION_ID = 0x72657363; // "resc"
const BUSY_MS = 5_000;
/** SQLite's primary result codes; the higher bits of an `errcode` only say more. */
const SQLITE = { permission: 3, busy: 5, locked: 6, memory: 7, readonly: 8, io: 10, full: 13, cannotOpen: 14 } as const;
/** Codes that speak of the machine and not of the file's content: with these a journal could not be looked at, which is not damage. */
const COULD_NOT_LOOK: ReadonlySet<number> = new Set(Object.values(SQLITE));

/**
 * Opens or creates `<dir>/journal.sqlite` (dir 0700, file 0600; WAL, every commit synced to disk).
 * A corrupt or newer journal, or what is no journal, is renamed to `journal.sqlite.set-aside-<why>-<time>` with its side files, never
 * deleted, and a fresh one begun. Throws `journal` when the directory or the file cannot be used (what cannot be read is not therefore
 * corrupt), and `busy` when a newer watchdog is at work in the newer journal.
 */
export function openJournal(dir: string, options: { isAlive: (pid: number, startTime: number) => boolean; wallMs: number }): OpenedJournal {
  const file = join(dir, "journal.sqlite");
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new RescueError("journal", `the journal directory ${dir} cannot be made: ${messageOf(error)}`, { cause: error });
  }
  return oneAtATime(dir, file, () => {
    const problem = unusable(file);
    if (problem === undefined) return { db: connect(file), file };
    try {
      if (problem.why === "newer") assertNobodyWorks(problem.db, file, options.isAlive);
    } finally {
      problem.db?.close();
    }
    const aside = setAside(file, problem.why, options.wallMs);
    return { db: connect(file), file, setAside: { file: aside, why: problem.detail } };
  });
}

/**
 * Two processes that find the same damaged journal must not both move it aside: the slower one would take away the new journal that the
 * faster one already works in, and both would watch. The kernel frees this lock when its holder dies.
 */
function oneAtATime(dir: string, file: string, open: () => OpenedJournal): OpenedJournal {
  let gate: DatabaseSync | undefined;
  try {
    try {
      gate = new DatabaseSync(join(dir, "journal.opening"), { timeout: BUSY_MS });
      gate.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      throw cannotOpen(file, error);
    }
    return open();
  } finally {
    gate?.close();
  }
}

/** Opens an existing journal for reading only; an older one reads as today's. Undefined when there is none. Throws `journal` when it is corrupt or newer. */
export function openJournalReader(dir: string): DatabaseSync | undefined {
  const file = join(dir, "journal.sqlite");
  if (kindOf(file) === "none") return undefined;
  const problem = unusable(file);
  if (problem === undefined) return connectReader(file);
  problem.db?.close();
  throw new RescueError("journal", `the journal ${file} cannot be read: ${problem.detail}`, {
    fix: "the next watch or tick sets it aside and begins a new one",
  });
}

/**
 * For a glance at what another watcher does: neither waits for a lock nor looks for damage. Undefined when there is none, or it cannot be
 * opened; a query may still fail.
 */
export function peekJournal(dir: string): DatabaseSync | undefined {
  const file = join(dir, "journal.sqlite");
  if (!existsSync(file)) return undefined;
  try {
    return new DatabaseSync(file, { readOnly: true, timeout: 0 });
  } catch (error) {
    if (primaryCode(error) === undefined) throw error;
    return undefined;
  }
}

interface Problem {
  readonly why: "corrupt" | "newer" | "foreign";
  readonly detail: string;
  readonly db?: DatabaseSync;
}

function unusable(file: string): Problem | undefined {
  const kind = kindOf(file);
  if (kind === "none") return undefined;
  if (kind === "other") return { why: "foreign", detail: "it is not a file" };
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
    const check = db.prepare("PRAGMA quick_check(1)").get();
    if (check?.["quick_check"] !== "ok") return { why: "corrupt", detail: `it is damaged: ${String(check?.["quick_check"])}`, db };
    if (version > SCHEMA_VERSION) return { why: "newer", detail: `it was written by a newer version (schema ${version})`, db };
    const garbled = db.prepare("SELECT target FROM watch WHERE NOT json_valid(state)").get();
    if (garbled !== undefined)
      return { why: "corrupt", detail: `it is damaged: the state of ${String(garbled["target"])} cannot be read`, db };
    db.close();
    return undefined;
  } catch (error) {
    const code = primaryCode(error);
    if (code !== undefined && !COULD_NOT_LOOK.has(code))
      return { why: "corrupt", detail: messageOf(error), ...(db === undefined ? {} : { db }) };
    db?.close();
    throw cannotOpen(file, error);
  }
}

/** What stands under this name. Throws `journal` when that cannot be seen. */
function kindOf(file: string): "none" | "file" | "other" {
  try {
    return statSync(file).isFile() ? "file" : "other";
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "none";
    throw cannotOpen(file, error);
  }
}

function cannotOpen(file: string, error: unknown): RescueError {
  const code = primaryCode(error);
  if (code === SQLITE.busy || code === SQLITE.locked) {
    return new RescueError("busy", `the journal ${file} is locked by another process`, { cause: error });
  }
  return new RescueError("journal", `the journal ${file} cannot be opened: ${messageOf(error)}`, { cause: error });
}

function connect(file: string): DatabaseSync {
  try {
    const db = new DatabaseSync(file, { timeout: BUSY_MS });
    chmodSync(file, 0o600);
    db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON");
    db.exec("BEGIN IMMEDIATE");
    const version = pragma(db, "user_version");
    if (version === 0) db.exec(SCHEMA);
    else for (let from = version; from < SCHEMA_VERSION; from++) db.exec(UPGRADES[from] ?? "");
    db.exec(`PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${SCHEMA_VERSION}`);
    db.exec("COMMIT");
    return db;
  } catch (error) {
    throw cannotOpen(file, error);
  }
}

/** Undefined: nobody has written anything into it yet. */
function connectReader(file: string): DatabaseSync | undefined {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
    const version = pragma(db, "user_version");
    if (version === 0) {
      db.close();
      return undefined;
    }
    // In memory: a full disk is one of the things that are read about.
    db.exec("PRAGMA temp_store=MEMORY");
    for (let from = version; from < SCHEMA_VERSION; from++) db.exec(READ_AS[from] ?? "");
    return db;
  } catch (error) {
    db?.close();
    throw cannotOpen(file, error);
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
  for (const { pid, start } of holders(db, file)) {
    if (isAlive(Number(pid), Number(start))) {
      throw new RescueError("busy", `a newer rescue-watchdog (pid ${pid}) is at work in ${file}`, {
        fix: "use the version of rescue-watchdog that is running",
      });
    }
  }
}

function holders(db: DatabaseSync | undefined, file: string): Record<string, unknown>[] {
  try {
    return db?.prepare("SELECT holder_pid AS pid, holder_start AS start FROM leases").all() ?? [];
  } catch (error) {
    throw cannotOpen(file, error);
  }
}

function pragma(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare("SELECT count(*) AS n FROM sqlite_master").get()?.["n"] === 0;
}

function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}
