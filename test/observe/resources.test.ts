import { closeSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseKernelLocks, writeLockHolders } from "../../rescue-profile/observe/kernel-locks.ts";
import { readResources } from "../../rescue-profile/observe/resources.ts";
import { child, firstWord, fixture, idleChild, tempDir } from "./support.ts";

function profile(): { stateDir: string; databasePath: string } {
  const stateDir = tempDir();
  mkdirSync(path.join(stateDir, "state"));
  return { stateDir, databasePath: path.join(stateDir, "state", "openclaw.sqlite") };
}

/** Another process in a transaction that writes. */
async function writer(file: string, begin: string): Promise<number> {
  const holder = child(process.execPath, [fixture("observe-hold-lock.mjs"), file, begin]);
  await firstWord(holder);
  return holder.pid;
}

const CREATE_IN_WAL = "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)";

describe.runIf(process.platform === "linux")("what a kill would make worse", () => {
  it("is nothing for a quiet process", async () => {
    const gateway = idleChild();
    const reading = await readResources(profile(), gateway.pid);
    expect(reading).toMatchObject({ ok: true, value: { waitsForDisk: false } });
    if (!reading.ok) return;
    expect(reading.value.diskFreeRatio).toBeGreaterThan(0);
    expect(reading.value.diskFreeRatio).toBeLessThanOrEqual(1);
    expect(reading.value.openFiles).toBeGreaterThan(2);
    expect(reading.value.openFilesLimit).toBeGreaterThan(reading.value.openFiles ?? 0);
    expect(reading.value.databaseLockedByPid).toBeUndefined();
  });

  it("counts the descriptors that are open now", async () => {
    const count = async () => {
      const reading = await readResources(profile(), process.pid);
      return reading.ok ? (reading.value.openFiles ?? 0) : 0;
    };
    const before = await count();
    const opened = Array.from({ length: 50 }, () => openSync("/dev/null", "r"));
    onTestFinished(() => {
      for (const descriptor of opened) closeSync(descriptor);
    });
    expect(await count()).toBeGreaterThanOrEqual(before + 40);
  });

  it.each([
    ["the write-ahead log's index", CREATE_IN_WAL],
    ["the database file", "CREATE TABLE t (x); BEGIN EXCLUSIVE"],
  ])("is a transaction of another process on the state database, by its lock on %s", async (_what, begin) => {
    const target = profile();
    const pid = await writer(target.databasePath, begin);
    expect(await readResources(target, process.pid)).toMatchObject({ ok: true, value: { databaseLockedByPid: pid } });
    expect(await readResources(target, undefined)).toMatchObject({ ok: true, value: { databaseLockedByPid: pid } });
  });

  it("is not the gateway's own transaction, and not somebody who only reads", async () => {
    const target = profile();
    const gateway = await writer(target.databasePath, CREATE_IN_WAL);
    const reader = new DatabaseSync(target.databasePath, { readOnly: true });
    onTestFinished(() => reader.close());
    reader.exec("BEGIN; SELECT * FROM sqlite_schema");
    const reading = await readResources(target, gateway);
    expect(reading.ok && reading.value.databaseLockedByPid).toBeUndefined();
  });

  it("is also a transaction on an agent's database", async () => {
    const target = profile();
    const agent = path.join(target.stateDir, "agents", "main", "agent");
    mkdirSync(agent, { recursive: true });
    const pid = await writer(path.join(agent, "openclaw-agent.sqlite"), CREATE_IN_WAL);
    expect(await readResources(target, process.pid)).toMatchObject({ ok: true, value: { databaseLockedByPid: pid } });
  });

  it("leaves out what belongs to a process when there is none", async () => {
    const reading = await readResources(profile(), undefined);
    expect(reading.ok && Object.keys(reading.value)).toEqual(["diskFreeRatio"]);
  });

  it("cannot be looked at when the state dir is gone", async () => {
    const stateDir = path.join(tempDir(), "gone");
    expect(await readResources({ stateDir, databasePath: path.join(stateDir, "x") }, undefined)).toMatchObject({
      ok: false,
      why: expect.stringContaining("ENOENT"),
    });
  });
});

describe("the kernel's list of locks", () => {
  it("is read for owners that are visible here, without those who wait", () => {
    const text = [
      "1: POSIX  ADVISORY  WRITE 8524 fe:00:2171496 1073741824 1073742335",
      "1: -> POSIX  ADVISORY  WRITE 99 fe:00:2171496 1073741824 1073742335",
      "2: POSIX  ADVISORY  READ  7 00:2a:12 124 124",
      "3: OFDLCK ADVISORY  WRITE -1 00:06:5 0 EOF",
      "4: POSIX  ADVISORY  WRITE 0 00:06:5 0 EOF",
      "",
    ].join("\n");
    expect(parseKernelLocks(text)).toEqual([
      { pid: 8524, write: true, device: "fe:00", inode: 2171496 },
      { pid: 7, write: false, device: "00:2a", inode: 12 },
    ]);
  });

  it.runIf(process.platform === "linux")("knows no holder of a file that does not exist", () => {
    expect(writeLockHolders([path.join(tempDir(), "none")])).toEqual([]);
  });
});
