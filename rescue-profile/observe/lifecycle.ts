import { closeSync, openSync, readSync, statSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { LifecycleReading, Reading } from "../core/model.ts";
import { seen, unseen, unseenBecause } from "./reading.ts";

const OUTCOMES = ["clean_stop", "planned_restart", "startup_failed"] as const;
const COLUMNS = ["pid", "started_at_ms", "completed_at_ms", "outcome", "reason"] as const;
/**
 * The table is internal to the host. Seen at schema 18 (2026.9.6). Others are accepted when the columns that we read are there;
 * the version is named in `why` when they are not.
 */
const KNOWN_SCHEMA = 18;
/** Byte 18 of a SQLite file: 2 when it is written through a write-ahead log. https://sqlite.org/fileformat.html */
const WAL_FORMAT = 2;

/**
 * How the newest boot of the gateway ended, or null when none was ever recorded. Host: `infra/gateway-boot-lifecycle`; rows
 * older than a day are dropped with each boot.
 *
 * Never writes in the user's directory, measured: a plain read-only connection creates `-wal` and `-shm` when they are missing
 * and leaves them behind, and ignoring an existing log would miss the newest boot and report the one before it.
 * | beside the database | opened as |
 * |---|---|
 * | log and index (running, killed, and after a clean stop of this host) | `readonly_shm`: shares the index, or reads the log into memory |
 * | no log, or an empty one without index | `immutable`: nothing else to read; given up if the file changed meanwhile |
 * | a log without its index | not at all: it could not be read without creating the index |
 */
export function readLifecycle(databasePath: string): Reading<LifecycleReading | null> {
  try {
    const how = wayToOpen(databasePath);
    if (!how.ok) return how;
    const before = fingerprint(databasePath);
    const row = query(databasePath, how.value);
    if (how.value === IMMUTABLE && fingerprint(databasePath) !== before) return unseen("the state database changed while it was read");
    return row;
  } catch (error) {
    const sqlite = sqliteReason(error);
    return sqlite === undefined ? unseenBecause(error, `reading ${databasePath}`) : unseen(`the state database ${sqlite}`);
  }
}

const SHARED = "?mode=ro&readonly_shm=1";
const IMMUTABLE = "?immutable=1";

function wayToOpen(databasePath: string): Reading<typeof SHARED | typeof IMMUTABLE> {
  const main = sizeOf(databasePath);
  if (main === undefined) return unseen("the state database is missing");
  if (main === 0) return unseen("the state database is empty");
  // A journal with content is a transaction in progress, or one to be rolled back, which a reader must not do.
  if ((sizeOf(`${databasePath}-journal`) ?? 0) > 0) return unseen("the state database is being written, or was left in the middle of it");
  const log = sizeOf(`${databasePath}-wal`);
  const index = sizeOf(`${databasePath}-shm`);
  if (log !== undefined && index !== undefined) return seen(SHARED);
  if (log !== undefined && log > 0) return unseen("the state database has a write-ahead log without its index");
  return seen(isWal(databasePath) ? IMMUTABLE : SHARED);
}

function query(databasePath: string, how: string): Reading<LifecycleReading | null> {
  const location = pathToFileURL(databasePath);
  location.search = how;
  // One look: a lock is a result, not something to wait for.
  const database = new DatabaseSync(location, { readOnly: true, timeout: 0 });
  try {
    const version = database.prepare("SELECT user_version FROM pragma_user_version").get()?.["user_version"];
    const present = database
      .prepare("SELECT name FROM pragma_table_info('gateway_boot_lifecycle')")
      .all()
      .map((column) => column["name"]);
    const missing = COLUMNS.filter((column) => !present.includes(column));
    if (missing.length > 0) {
      return unseen(`the state database (schema ${version}, known is ${KNOWN_SCHEMA}) has no gateway_boot_lifecycle.${missing[0]}`);
    }
    const row = database
      .prepare(`SELECT ${COLUMNS.join(", ")} FROM gateway_boot_lifecycle ORDER BY started_at_ms DESC, rowid DESC LIMIT 1`)
      .get();
    return row === undefined ? seen(null) : toReading(row);
  } finally {
    database.close();
  }
}

function toReading(row: Record<string, SQLOutputValue>): Reading<LifecycleReading> {
  const { pid, started_at_ms: startedWallMs, completed_at_ms: endedWallMs, outcome, reason } = row;
  if (typeof pid !== "number" || typeof startedWallMs !== "number") return unseen("the newest boot in the state database is unreadable");
  return seen({
    pid,
    startedWallMs,
    outcome: outcome === null ? null : (OUTCOMES.find((known) => known === outcome) ?? "other"),
    ...(typeof endedWallMs === "number" ? { endedWallMs } : {}),
    ...(typeof reason === "string" ? { reason } : {}),
  });
}

/** Result codes: https://sqlite.org/rescode.html, without the extended part. */
function sqliteReason(error: unknown): string | undefined {
  if (systemErrorCode(error) !== "ERR_SQLITE_ERROR" || !(error instanceof Error)) return undefined;
  const extended: unknown = Reflect.get(error, "errcode");
  const code = typeof extended === "number" ? extended & 0xff : 0;
  switch (code) {
    case 5:
      return "is busy: another process is writing";
    case 6:
      return "is locked";
    case 11:
      return "is corrupt";
    case 14:
      return "cannot be opened";
    case 26:
      return "is not a database";
    default:
      return `cannot be read (SQLite ${code}: ${error.message})`;
  }
}

/** Not `throwIfNoEntry`: that takes a broken path (ENOTDIR) for a missing file, too. */
function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function fingerprint(file: string): string {
  const { size, mtimeNs, ino } = statSync(file, { bigint: true });
  return `${ino}:${size}:${mtimeNs}`;
}

/** Read before SQLite opens the file: closing a descriptor of ours later would drop the locks SQLite took on it. */
function isWal(file: string): boolean {
  const descriptor = openSync(file, "r");
  try {
    const header = Buffer.alloc(20);
    readSync(descriptor, header, 0, header.length, 0);
    return header[18] === WAL_FORMAT;
  } finally {
    closeSync(descriptor);
  }
}
