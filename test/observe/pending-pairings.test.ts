import { describe, expect, it } from "vitest";
import { readPendingPairings } from "../../rescue-profile/observe/pending-pairings.ts";
import { footprint, runSql, servedHome } from "./findings-support.ts";

const NOW = 1_795_300_000_000;
/** The host's tables (2026.9.6), without the columns that are not looked at. */
const TABLES = `CREATE TABLE device_pairing_pending (request_id TEXT, ts INTEGER NOT NULL, refreshed_at_ms INTEGER);
  CREATE TABLE device_pairing_paired (device_id TEXT, pending_node_surface_json TEXT);
  CREATE TABLE channel_pairing_requests (request_id TEXT, created_at TEXT NOT NULL);`;

async function database(...rows: readonly string[]) {
  const { target } = await servedHome();
  runSql(target.databasePath, `${TABLES} ${rows.map((row) => `INSERT INTO ${row};`).join(" ")}`);
  return target;
}
const at = (agoMs: number) => new Date(NOW - agoMs).toISOString();

describe("pairing requests", () => {
  it("are counted by kind, without a trace in the state directory", async () => {
    const target = await database(
      `device_pairing_pending VALUES ('a', ${NOW - 1_000}, NULL), ('b', ${NOW - 900_000}, ${NOW - 2_000})`,
      `device_pairing_paired VALUES ('n', '{"commands":["system.run"]}'), ('m', NULL), ('o', 'null')`,
      `channel_pairing_requests VALUES ('c', '${at(60_000)}')`,
    );
    const before = footprint(target.stateDir);
    expect(readPendingPairings(target.databasePath, NOW)).toEqual({ ok: true, value: { devices: 2, nodes: 1, channels: 1 } });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it("that the host lets expire count no more: devices after five minutes, senders after an hour", async () => {
    const target = await database(
      `device_pairing_pending VALUES ('a', ${NOW - 300_001}, NULL), ('b', ${NOW - 300_000}, NULL)`,
      `channel_pairing_requests VALUES ('c', '${at(3_600_001)}'), ('d', '${at(3_600_000)}')`,
    );
    expect(readPendingPairings(target.databasePath, NOW)).toEqual({ ok: true, value: { devices: 1, nodes: 0, channels: 1 } });
  });

  it("are not known, rather than none, when a table, a time or the database cannot be read", async () => {
    const { target: bare } = await servedHome();
    expect(readPendingPairings(bare.databasePath, NOW)).toEqual({ ok: false, why: "the state database has no device_pairing_pending.ts" });
    expect(readPendingPairings(`${bare.databasePath}.none`, NOW)).toEqual({ ok: false, why: "the state database is missing" });
    const odd = await database("channel_pairing_requests VALUES ('c', 'yesterday')");
    expect(readPendingPairings(odd.databasePath, NOW)).toMatchObject({ ok: false, why: expect.stringContaining("cannot be read") });
  });
});
