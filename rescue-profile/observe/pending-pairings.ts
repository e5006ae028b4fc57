import type { DatabaseSync } from "node:sqlite";
import type { Reading } from "../core/model.ts";
import { seen, unseen } from "./reading.ts";
import { columnsOf, readSqlite } from "./sqlite.ts";

/** The host's own limits (2026.9.6): an older request counts for nothing there, and stays in the table until the next one comes. */
export const DEVICE_TTL_MS = 300_000;
export const CHANNEL_TTL_MS = 3_600_000;

const NEEDED: readonly (readonly [table: string, column: string])[] = [
  ["device_pairing_pending", "ts"],
  ["device_pairing_pending", "refreshed_at_ms"],
  ["device_pairing_paired", "pending_node_surface_json"],
  ["channel_pairing_requests", "created_at"],
];

interface Pending {
  readonly devices: number;
  /** Paired nodes that ask for more than they were allowed; these do not expire. */
  readonly nodes: number;
  readonly channels: number;
}

/**
 * Pairing requests that wait for a person, by the host's state database. Not ok when any of the three kinds cannot be counted: what an older
 * host still keeps in JSON files (`openclaw doctor --fix` imports them) is not looked for.
 */
export function readPendingPairings(databasePath: string, nowMs: number): Reading<Pending> {
  const reading = readSqlite(databasePath, "the state database", (database) => pending(database, nowMs));
  return reading.ok ? reading : unseen(reading.why);
}

/** The first column, as `table.column`, that this host's database lacks of those by which pairing requests are counted. */
export function missingPairingColumn(database: DatabaseSync): string | undefined {
  return NEEDED.find(([table, column]) => !columnsOf(database, table).includes(column))?.join(".");
}

function pending(database: DatabaseSync, nowMs: number): Reading<Pending> {
  const missing = missingPairingColumn(database);
  if (missing !== undefined) return unseen(`the state database has no ${missing}`);
  const created = database.prepare("SELECT created_at FROM channel_pairing_requests").all();
  const times = created.map((row) => Date.parse(String(row["created_at"])));
  if (times.some(Number.isNaN)) return unseen("the state database has a pairing request with a time that cannot be read");
  const count = (sql: string, ...values: number[]) => Number(database.prepare(sql).get(...values)?.["n"]);
  return seen({
    devices: count("SELECT count(*) AS n FROM device_pairing_pending WHERE ? - coalesce(refreshed_at_ms, ts) <= ?", nowMs, DEVICE_TTL_MS),
    nodes: count("SELECT count(*) AS n FROM device_pairing_paired WHERE coalesce(pending_node_surface_json, 'null') <> 'null'"),
    channels: times.filter((time) => nowMs - time <= CHANNEL_TTL_MS).length,
  });
}
