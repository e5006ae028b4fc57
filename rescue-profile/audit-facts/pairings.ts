import type { DatabaseSync } from "node:sqlite";
import { jsonObject } from "../../src/shared/json.ts";
import type { PairingRequest } from "../audit/facts.ts";
import type { Reading } from "../core/model.ts";
import { showable } from "../observe/mask.ts";
import { CHANNEL_TTL_MS, DEVICE_TTL_MS, missingPairingColumn } from "../observe/pending-pairings.ts";
import { seen, unseen } from "../observe/reading.ts";
import { columnsOf, readSqlite } from "../observe/sqlite.ts";

const DETAILS = ["request_id", "client_id", "role", "scopes_json", "is_repair", "ts", "refreshed_at_ms"] as const;

/** Every pairing request in the host's state database, also those that the host lets expire. A channel's code is a secret and is not read. */
export function readPairings(databasePath: string, nowMs: number): Reading<readonly PairingRequest[]> {
  const reading = readSqlite(databasePath, "the state database", (database) => requestsIn(database, nowMs));
  if (reading.ok) return reading;
  return reading.fault === "missing" ? seen([]) : unseen(reading.why);
}

function requestsIn(database: DatabaseSync, nowMs: number): Reading<readonly PairingRequest[]> {
  const missing =
    missingPairingColumn(database) ?? DETAILS.find((column) => !columnsOf(database, "device_pairing_pending").includes(column));
  if (missing !== undefined) return unseen(`the state database has no ${missing}`);
  const devices = database.prepare(`SELECT ${DETAILS.join(", ")} FROM device_pairing_pending`).all();
  const nodes = database
    .prepare(
      "SELECT client_id, role, scopes_json, pending_node_surface_json, approved_at_ms FROM device_pairing_paired WHERE coalesce(pending_node_surface_json, 'null') <> 'null'",
    )
    .all();
  const channels = database.prepare("SELECT channel_key, created_at FROM channel_pairing_requests").all();
  const times = channels.map((row) => Date.parse(String(row["created_at"])));
  if (times.some(Number.isNaN)) return unseen("the state database has a pairing request with a time that cannot be read");
  return seen([
    ...devices.map((row): PairingRequest => {
      const ageMs = nowMs - Number(row["refreshed_at_ms"] ?? row["ts"]);
      return {
        kind: Number(row["is_repair"] ?? 0) === 1 ? "repair" : "device",
        ...whoAsks(row, "request_id"),
        ageMs,
        expired: ageMs > DEVICE_TTL_MS,
      };
    }),
    ...nodes.map((row): PairingRequest => {
      // `openclaw nodes approve` wants the request's id, which stands in what is asked for.
      const { requestId, ts } = jsonObject(row["pending_node_surface_json"]);
      const ageMs = nowMs - Number(typeof ts === "number" ? ts : row["approved_at_ms"]);
      return { kind: "node", ...whoAsks({ ...row, request_id: requestId ?? "" }, "request_id"), ageMs, expired: false };
    }),
    ...channels.map((row, index): PairingRequest => {
      const ageMs = nowMs - (times[index] ?? nowMs);
      const id = showable(String(row["channel_key"]));
      return { kind: "channel", id, client: null, role: null, scopes: [], ageMs, expired: ageMs > CHANNEL_TTL_MS };
    }),
  ]);
}

function whoAsks(row: Readonly<Record<string, unknown>>, id: string): Pick<PairingRequest, "id" | "client" | "role" | "scopes"> {
  const words = (value: unknown) => (typeof value === "string" && value !== "" ? showable(value) : null);
  return { id: showable(String(row[id])), client: words(row["client_id"]), role: words(row["role"]), scopes: listIn(row["scopes_json"]) };
}

function listIn(value: unknown): readonly string[] {
  try {
    const list: unknown = JSON.parse(String(value ?? "[]"));
    return Array.isArray(list) ? list.filter((each) => typeof each === "string").map(showable) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
