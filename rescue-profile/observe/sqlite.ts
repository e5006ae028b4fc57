import { closeSync, openSync, readSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";

/** Why a database could not be read. `unavailable`: it says nothing about the database itself (locked, being written, not ours to read). */
export type SqliteFault = "missing" | "empty" | "corrupt" | "not-a-database" | "unavailable";
export type SqliteReading<T> =
  | Extract<Reading<T>, { ok: true }>
  | { readonly ok: false; readonly fault: SqliteFault; readonly why: string };

/** Byte 18 of a SQLite file: 2 when it is written through a write-ahead log. https://sqlite.org/fileformat.html */
const WAL_FORMAT = 2;
const MAGIC = "SQLite format 3\0";
const SHARED = "?mode=ro&readonly_shm=1";
const IMMUTABLE = "?immutable=1";

/**
 * Reads one of the host's databases, `what` in sentences. Never writes in the user's directory, measured: a plain read-only connection
 * creates `-wal` and `-shm` when they are missing and leaves them behind, and ignoring an existing log would miss its newest rows.
 * | beside the database | opened as |
 * |---|---|
 * | log and index (running, killed, and after a clean stop of this host) | `readonly_shm`: shares the index, or reads the log into memory |
 * | no log, or an empty one without index | `immutable`: nothing else to read; given up if the file changed meanwhile |
 * | a log without its index | not at all: it could not be read without creating the index |
 */
export function readSqlite<T>(file: string, what: string, read: (database: DatabaseSync) => Reading<T>): SqliteReading<T> {
  const unavailable = (why: string): SqliteReading<T> => ({ ok: false, fault: "unavailable", why });
  try {
    const way = wayToOpen(file, what);
    if (!way.ok) return way;
    const before = fingerprint(file);
    const value = query(file, way.value, read);
    if (way.value === IMMUTABLE && fingerprint(file) !== before) return unavailable(`${what} changed while it was read`);
    return value.ok ? value : unavailable(value.why);
  } catch (error) {
    const said = sqliteFault(error);
    if (said !== undefined) return { ok: false, fault: said.fault, why: `${what} ${said.why}` };
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    return unavailable(`${code} reading ${file}`);
  }
}

/** The names of a table's columns; none when there is no such table. The host's schema is internal: read nothing without asking this. */
export function columnsOf(database: DatabaseSync, table: string): readonly unknown[] {
  const statement = database.prepare("SELECT name FROM pragma_table_info(?)");
  return statement.all(table).map((column) => column["name"]);
}

/** A missing file is undefined; a broken path (ENOTDIR), which `throwIfNoEntry` would take for one, is thrown. */
export function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function wayToOpen(file: string, what: string): SqliteReading<typeof SHARED | typeof IMMUTABLE> {
  const unavailable = (why: string) => ({ ok: false, fault: "unavailable", why: `${what} ${why}` }) as const;
  const main = sizeOf(file);
  if (main === undefined) return { ok: false, fault: "missing", why: `${what} is missing` };
  if (main === 0) return { ok: false, fault: "empty", why: `${what} is empty` };
  const header = headerOf(file);
  if (header.toString("latin1", 0, MAGIC.length) !== MAGIC) return { ok: false, fault: "not-a-database", why: `${what} is not a database` };
  // A journal with content is a transaction in progress, or one to be rolled back, which a reader must not do.
  if ((sizeOf(`${file}-journal`) ?? 0) > 0) return unavailable("is being written, or was left in the middle of it");
  const log = sizeOf(`${file}-wal`);
  const index = sizeOf(`${file}-shm`);
  if (log !== undefined && index !== undefined) return { ok: true, value: SHARED };
  if (log !== undefined && log > 0) return unavailable("has a write-ahead log without its index");
  return { ok: true, value: header[18] === WAL_FORMAT ? IMMUTABLE : SHARED };
}

function query<T>(file: string, how: string, read: (database: DatabaseSync) => Reading<T>): Reading<T> {
  const location = pathToFileURL(file);
  location.search = how;
  // One look: a lock is a result, not something to wait for.
  const database = new DatabaseSync(location, { readOnly: true, timeout: 0 });
  try {
    return read(database);
  } finally {
    database.close();
  }
}

/** Result codes: https://sqlite.org/rescode.html, without the extended part. Undefined: not an error of SQLite's. */
function sqliteFault(error: unknown): { readonly fault: SqliteFault; readonly why: string } | undefined {
  if (systemErrorCode(error) !== "ERR_SQLITE_ERROR" || !(error instanceof Error)) return undefined;
  const extended: unknown = Reflect.get(error, "errcode");
  const code = typeof extended === "number" ? extended & 0xff : 0;
  switch (code) {
    case 5:
      return { fault: "unavailable", why: "is busy: another process is writing" };
    case 6:
      return { fault: "unavailable", why: "is locked" };
    case 11:
      return { fault: "corrupt", why: "is corrupt" };
    case 14:
      return { fault: "unavailable", why: "cannot be opened" };
    case 26:
      return { fault: "not-a-database", why: "is not a database" };
    default:
      return { fault: "unavailable", why: `cannot be read (SQLite ${code}: ${error.message})` };
  }
}

function fingerprint(file: string): string {
  const { size, mtimeNs, ino } = statSync(file, { bigint: true });
  return `${ino}:${size}:${mtimeNs}`;
}

/** Read before SQLite opens the file: closing a descriptor of ours later would drop the locks SQLite took on it. */
function headerOf(file: string): Buffer {
  const descriptor = openSync(file, "r");
  try {
    const header = Buffer.alloc(20);
    readSync(descriptor, header, 0, header.length, 0);
    return header;
  } finally {
    closeSync(descriptor);
  }
}
