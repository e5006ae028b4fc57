import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { LifecycleReading, Reading } from "../core/model.ts";
import { seen, unseen } from "./reading.ts";
import { columnsOf, readSqlite } from "./sqlite.ts";

const OUTCOMES = ["clean_stop", "planned_restart", "startup_failed"] as const;
const COLUMNS = ["pid", "started_at_ms", "completed_at_ms", "outcome", "reason"] as const;
/**
 * The table is internal to the host. Seen at schema 18 (2026.9.6). Others are accepted when the columns that we read are there;
 * the version is named in `why` when they are not.
 */
const KNOWN_SCHEMA = 18;

/**
 * How the newest boot of the gateway ended, or null when none was ever recorded. Host: `infra/gateway-boot-lifecycle`; rows
 * older than a day are dropped with each boot.
 */
export function readLifecycle(databasePath: string): Reading<LifecycleReading | null> {
  const reading = readSqlite(databasePath, "the state database", newestBoot);
  return reading.ok ? reading : unseen(reading.why);
}

function newestBoot(database: DatabaseSync): Reading<LifecycleReading | null> {
  const version = database.prepare("SELECT user_version FROM pragma_user_version").get()?.["user_version"];
  const present = columnsOf(database, "gateway_boot_lifecycle");
  const missing = COLUMNS.filter((column) => !present.includes(column));
  if (missing.length > 0) {
    return unseen(`the state database (schema ${version}, known is ${KNOWN_SCHEMA}) has no gateway_boot_lifecycle.${missing[0]}`);
  }
  const row = database
    .prepare(`SELECT ${COLUMNS.join(", ")} FROM gateway_boot_lifecycle ORDER BY started_at_ms DESC, rowid DESC LIMIT 1`)
    .get();
  return row === undefined ? seen(null) : toReading(row);
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
