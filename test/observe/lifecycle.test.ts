import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { readLifecycle } from "../../rescue-profile/observe/lifecycle.ts";
import { tempDir } from "./support.ts";

const TABLE = `CREATE TABLE gateway_boot_lifecycle (
  boot_id TEXT NOT NULL PRIMARY KEY, pid INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,
  completed_at_ms INTEGER, outcome TEXT, startup_reason TEXT, reason TEXT) STRICT`;

interface Boot {
  readonly at: number;
  readonly outcome?: string;
  readonly reason?: string;
}

/** A state database as the host has it while it runs: open, in WAL mode, with everything still in the log. */
function openDatabase(boots: readonly Boot[], schema = 18): { file: string; database: DatabaseSync } {
  const file = path.join(tempDir(), "openclaw.sqlite");
  const database = new DatabaseSync(file);
  onTestFinished(() => {
    if (database.isOpen) database.close();
  });
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = ${schema}; ${TABLE}`,
  );
  const insert = database.prepare("INSERT INTO gateway_boot_lifecycle VALUES (?, ?, ?, ?, ?, NULL, ?)");
  for (const { at, outcome, reason } of boots) {
    insert.run(`boot-${at}`, 4711, at, outcome === undefined ? null : at + 5, outcome ?? null, reason ?? null);
  }
  return { file, database };
}

/** What a SIGKILL leaves: the database with its log, and its index or not. */
function killed(boots: readonly Boot[], leave: readonly string[] = ["", "-wal", "-shm"]): string {
  const { file } = openDatabase(boots);
  const left = path.join(tempDir(), "openclaw.sqlite");
  for (const suffix of leave) copyFileSync(`${file}${suffix}`, `${left}${suffix}`);
  return left;
}

function footprint(file: string): string[] {
  const directory = path.dirname(file);
  return readdirSync(directory).map((name) => {
    const { size, mtimeMs } = statSync(path.join(directory, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

describe("the last boot", () => {
  it("is the newest row, while the gateway runs", () => {
    const { file } = openDatabase([{ at: 1000, outcome: "clean_stop" }, { at: 3000 }, { at: 2000, outcome: "planned_restart" }]);
    expect(readLifecycle(file)).toEqual({ ok: true, value: { pid: 4711, startedWallMs: 3000, outcome: null } });
  });

  it("is read from the log that a SIGKILL left, not from the database behind it", () => {
    const file = killed([{ at: 1000, outcome: "clean_stop" }, { at: 2000 }]);
    expect(readLifecycle(file)).toMatchObject({ ok: true, value: { startedWallMs: 2000, outcome: null } });
  });

  it("says how and why it ended, after a clean stop", () => {
    const { file, database } = openDatabase([{ at: 1000, outcome: "clean_stop", reason: "stop (SIGTERM)" }]);
    database.close();
    expect(readLifecycle(file)).toEqual({
      ok: true,
      value: { pid: 4711, startedWallMs: 1000, endedWallMs: 1005, outcome: "clean_stop", reason: "stop (SIGTERM)" },
    });
  });

  it.each([
    ["planned_restart", "planned_restart"],
    ["startup_failed", "startup_failed"],
    ["forced_stop", "other"],
    ["safe_mode_stable", "other"],
  ])("that ended with %s is %s", (outcome, expected) => {
    expect(readLifecycle(openDatabase([{ at: 1, outcome }]).file)).toMatchObject({ ok: true, value: { outcome: expected } });
  });

  it("is null when none was ever recorded", () => {
    expect(readLifecycle(openDatabase([]).file)).toEqual({ ok: true, value: null });
  });
});

describe("looking at the state database", () => {
  it("leaves no trace: running, killed, cleanly closed, without a log", () => {
    const running = openDatabase([{ at: 1 }]);
    const closed = openDatabase([{ at: 1 }]);
    closed.database.close();
    const halfClosed = killed([{ at: 1 }], ["", "-shm"]);
    for (const file of [running.file, killed([{ at: 1 }]), closed.file, halfClosed]) {
      const before = footprint(file);
      readLifecycle(file);
      expect(footprint(file)).toEqual(before);
    }
  });

  it("does not look at all when it could not without writing", () => {
    const file = killed([{ at: 1 }], ["", "-wal"]);
    const before = footprint(file);
    expect(readLifecycle(file)).toEqual({ ok: false, why: expect.stringContaining("without its index") });
    expect(footprint(file)).toEqual(before);
  });

  it("accepts a newer schema that still has the columns, and names the version of one that has not", () => {
    expect(readLifecycle(openDatabase([{ at: 1 }], 25).file)).toMatchObject({ ok: true });
    const { file, database } = openDatabase([{ at: 1 }], 25);
    database.exec("ALTER TABLE gateway_boot_lifecycle RENAME COLUMN outcome TO result");
    expect(readLifecycle(file)).toEqual({ ok: false, why: expect.stringMatching(/schema 25.*gateway_boot_lifecycle\.outcome/) });
  });

  it("tells missing, empty, corrupt, no database, busy and unreadable apart", () => {
    const { file } = openDatabase([{ at: 1 }]);
    const directory = path.dirname(file);
    expect(readLifecycle(path.join(directory, "none"))).toEqual({ ok: false, why: "the state database is missing" });
    expect(readLifecycle(path.join(file, "below"))).toEqual({ ok: false, why: expect.stringContaining("ENOTDIR") });

    const empty = path.join(directory, "empty");
    writeFileSync(empty, "");
    expect(readLifecycle(empty)).toEqual({ ok: false, why: "the state database is empty" });

    const text = path.join(directory, "text");
    writeFileSync(text, "not a database, ".repeat(100));
    expect(readLifecycle(text)).toEqual({ ok: false, why: "the state database is not a database" });

    const rollback = path.join(directory, "rollback");
    const writer = new DatabaseSync(rollback);
    writer.exec(`${TABLE}; BEGIN EXCLUSIVE; INSERT INTO gateway_boot_lifecycle VALUES ('a', 1, 1, NULL, NULL, NULL, NULL)`);
    expect(readLifecycle(rollback)).toEqual({ ok: false, why: expect.stringContaining("being written") });
    writer.exec("COMMIT; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    rmSync(`${rollback}-journal`, { force: true });
    expect(readLifecycle(rollback)).toEqual({ ok: false, why: expect.stringContaining("busy") });
    writer.close();
  });

  it("says corrupt of a database whose pages are damaged", () => {
    const { file, database } = openDatabase(Array.from({ length: 500 }, (_, index) => ({ at: index, reason: "x".repeat(100) })));
    database.close();
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096);
    writeFileSync(file, bytes);
    expect(readLifecycle(file)).toMatchObject({ ok: false, why: "the state database is corrupt" });
  });
});
