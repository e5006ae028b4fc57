import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { type DatabaseContext, readDatabases } from "../../rescue-profile/observe/database-finding.ts";
import { takeServed } from "../../rescue-profile/observe/served.ts";
import { footprint, makeDatabase, runSql, said, servedHome } from "./findings-support.ts";

const DOWN: DatabaseContext = { served: null, living: false, agents: ["main"], log: [] };

async function remembered() {
  const at = await servedHome();
  return { ...at, about: { ...DOWN, served: takeServed(at.target, at.home) } };
}

/** Overwrites bytes in place, as a bad disk would. */
function damage(file: string, from: number, to?: number): void {
  const bytes = readFileSync(file);
  bytes.fill(0xa5, from, to);
  writeFileSync(file, bytes);
}

describe("the databases of a gateway", () => {
  it("have no fault when they are as they were, and looking leaves no trace", async () => {
    const { target, about } = await remembered();
    const before = footprint(target.stateDir);
    expect(readDatabases(target, about)).toEqual({ ok: true, value: [] });
    expect(readDatabases(target, { ...about, living: true })).toEqual({ ok: true, value: [] });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it("are read while the gateway has them open, without a trace", async () => {
    const { target, about } = await remembered();
    const gateway = new DatabaseSync(target.databasePath);
    onTestFinished(() => gateway.close());
    gateway.exec("PRAGMA journal_mode = WAL; INSERT INTO filler VALUES ('new')");
    const before = footprint(target.stateDir);
    expect(readDatabases(target, { ...about, living: true })).toEqual({ ok: true, value: [] });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it("are missing only when the gateway has served with them", async () => {
    const { target, about, agentDatabase } = await remembered();
    rmSync(target.databasePath);
    rmSync(agentDatabase);
    expect(readDatabases(target, about)).toMatchObject({
      ok: true,
      value: [
        { path: target.databasePath, state: "missing" },
        { path: agentDatabase, state: "missing" },
      ],
    });
    expect(readDatabases(target, DOWN)).toEqual({ ok: true, value: [] });
  });

  it("of an agent that the configuration names no more are not missed", async () => {
    const { target, about, agentDatabase } = await remembered();
    rmSync(agentDatabase);
    expect(readDatabases(target, { ...about, agents: ["other"] })).toEqual({ ok: true, value: [] });
  });

  it("are empty with no bytes and with no tables, but not while somebody may be making them", async () => {
    const { target, about, agentDatabase } = await remembered();
    truncateSync(target.databasePath);
    rmSync(agentDatabase);
    runSql(agentDatabase, "PRAGMA user_version = 23");
    const empty = [
      { path: target.databasePath, state: "empty", why: "it has no bytes" },
      { path: agentDatabase, state: "empty", why: "it has no tables" },
    ];
    expect(readDatabases(target, about)).toEqual({ ok: true, value: empty });
    expect(readDatabases(target, { ...about, living: true })).toEqual({ ok: true, value: empty });
    expect(readDatabases(target, { ...DOWN, living: true })).toEqual({ ok: true, value: [] });
  });

  it("are no databases when the header is overwritten", async () => {
    const { target, about } = await remembered();
    damage(target.databasePath, 0, 100);
    expect(readDatabases(target, about)).toMatchObject({ ok: true, value: [{ path: target.databasePath, state: "not-a-database" }] });
  });

  it("are corrupt when their first pages cannot be read, also beside a living gateway", async () => {
    const { target, about } = await remembered();
    damage(target.databasePath, 100);
    expect(readDatabases(target, { ...about, living: true })).toMatchObject({ ok: true, value: [{ state: "corrupt" }] });
  });

  it("are corrupt when only a page in the middle is damaged, which SQLite's check finds while the gateway is down", async () => {
    const { target, about, agentDatabase } = await remembered();
    const pages = readFileSync(agentDatabase).length / 4096;
    damage(agentDatabase, Math.floor(pages * 0.7) * 4096, Math.floor(pages * 0.7) * 4096 + 4096);
    const before = footprint(target.stateDir);
    expect(readDatabases(target, about)).toMatchObject({ ok: true, value: [{ path: agentDatabase, state: "corrupt" }] });
    expect(readDatabases(target, { ...about, living: true })).toEqual({ ok: true, value: [] });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it("are replaced when the first row is another one, and not by an update, a migration, a VACUUM or a restored copy", async () => {
    const { target, about } = await remembered();
    const copy = `${target.stateDir}-copy`;
    onTestFinished(() => rmSync(copy, { force: true }));
    runSql(
      target.databasePath,
      "UPDATE schema_meta SET schema_version = 19, updated_at = 5; PRAGMA user_version = 19; DELETE FROM filler; VACUUM",
    );
    expect(readDatabases(target, about)).toEqual({ ok: true, value: [] });
    writeFileSync(copy, readFileSync(target.databasePath));
    rmSync(target.databasePath);
    renameSync(copy, target.databasePath);
    expect(readDatabases(target, about)).toEqual({ ok: true, value: [] });

    rmSync(target.databasePath);
    makeDatabase(target.databasePath, 1_795_275_509_969);
    expect(readDatabases(target, about)).toEqual({
      ok: true,
      value: [
        {
          path: target.databasePath,
          state: "replaced",
          why: "it begins at 2026-11-21T15:38:29.969Z; the one that the gateway served with began at 2026-11-21T15:31:21.707Z",
        },
      ],
    });
    expect(readDatabases(target, DOWN)).toEqual({ ok: true, value: [] });
  });

  it("of a schema without the row that identifies them are never called another one", async () => {
    const { target, about } = await remembered();
    runSql(target.databasePath, "ALTER TABLE schema_meta RENAME COLUMN created_at TO born_at");
    expect(readDatabases(target, about)).toEqual({ ok: true, value: [] });
  });

  it("are newer by the host's own words, for as long as their schema bears it out", async () => {
    const { target, about } = await remembered();
    const refused =
      "Gateway failed to start: Gateway refused startup because 1 OpenClaw database schema(s) are newer than this build. " +
      `state database ${target.databasePath} uses schema 999; this build supports 18; writer build 2026.9.6.`;
    runSql(target.databasePath, "PRAGMA user_version = 999");
    expect(readDatabases(target, about)).toEqual({ ok: true, value: [] });
    expect(readDatabases(target, { ...about, log: said(refused) })).toEqual({
      ok: true,
      value: [{ path: target.databasePath, state: "newer", why: "it has schema 999; the installed host supports 18" }],
    });
    runSql(target.databasePath, "PRAGMA user_version = 18");
    expect(readDatabases(target, { ...about, log: said(refused) })).toEqual({ ok: true, value: [] });
  });

  it("are corrupt by the gateway's own words only where nobody could check them since", async () => {
    const { target, about } = await remembered();
    const log = said(
      `SQLite integrity_check failed for ${target.databasePath} table acp_replay_events: database disk image is malformed | ERR_SQLITE_ERROR`,
    );
    expect(readDatabases(target, { ...about, living: true, log })).toMatchObject({ ok: true, value: [{ state: "corrupt" }] });
    expect(readDatabases(target, { ...about, log })).toEqual({ ok: true, value: [] });
  });

  it("that are locked or half-written are not judged, and the others are", async () => {
    const { target, about, agentDatabase } = await remembered();
    writeFileSync(`${target.databasePath}-wal`, "x".repeat(100));
    const before = footprint(target.stateDir);
    expect(readDatabases(target, about)).toEqual({ ok: false, why: expect.stringContaining("without its index") });
    truncateSync(agentDatabase);
    expect(readDatabases(target, about)).toMatchObject({ ok: true, value: [{ path: agentDatabase, state: "empty" }] });
    expect(footprint(target.stateDir).filter((line) => !line.includes("openclaw-agent"))).toEqual(
      before.filter((line) => !line.includes("openclaw-agent")),
    );
  });

  it("cannot be looked at when the directory of the agents is something else", async () => {
    const { target } = await servedHome();
    rmSync(path.join(target.stateDir, "agents"), { recursive: true });
    writeFileSync(path.join(target.stateDir, "agents"), "");
    expect(readDatabases(target, DOWN)).toEqual({ ok: false, why: expect.stringContaining("ENOTDIR") });
  });
});
