import { rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseLockFile } from "../../rescue-profile/observe/lock-file.ts";
import { parseProcStat, runStateOf } from "../../rescue-profile/observe/proc.ts";
import { readIdentity, readLock, readProcess } from "../../rescue-profile/observe/process.ts";
import { child, firstWord, fixture, idleChild, lockOf, startTimeOf, statFields, tempDir, until, writeLock } from "./support.ts";

describe.runIf(process.platform === "linux")("the gateway's process", () => {
  it("is the one that the lock names, with its age, memory and owner", async () => {
    const gateway = idleChild();
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(gateway.pid, stateDir));

    // Right after its start a process has no memory yet.
    const alive = async () => {
      const reading = await readProcess({ lockPath });
      return reading.ok && reading.value.state === "alive" ? reading.value : undefined;
    };
    await until(async () => ((await alive())?.rssBytes ?? 0) > 0);
    expect(await alive()).toEqual({
      state: "alive",
      namedBy: "lock",
      ownerId: "0a1b",
      identity: { pid: gateway.pid, startTime: startTimeOf(gateway.pid) },
      run: expect.stringMatching(/^(running|sleeping|uninterruptible)$/),
      cpuMs: expect.any(Number),
      ageMs: expect.any(Number),
      rssBytes: expect.any(Number),
    });
    // It began after us. Both times are counted in hundredths of a second.
    expect((await alive())?.ageMs).toBeLessThanOrEqual(process.uptime() * 1000 + 20);
  });

  it("uses CPU time as long as it works", async () => {
    const busy = child(process.execPath, ["-e", "for (;;) {}"]);
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(busy.pid, stateDir));
    const cpu = async (): Promise<number> => {
      const reading = await readProcess({ lockPath });
      return reading.ok && reading.value.state === "alive" ? reading.value.cpuMs : Number.NaN;
    };
    const first = await cpu();
    await until(async () => (await cpu()) > first);
  });

  it("is stopped when a signal stopped it, and not by that alone traced", async () => {
    const gateway = idleChild();
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(gateway.pid, stateDir));
    gateway.kill("SIGSTOP");
    await until(() => statFields(gateway.pid)[0] === "T");

    expect(await readProcess({ lockPath })).toMatchObject({ ok: true, value: { state: "alive", run: "stopped" } });
  });

  it("is absent when nobody holds a lock", async () => {
    expect(await readProcess({ lockPath: path.join(tempDir(), "gateway.state.lock") })).toEqual({
      ok: true,
      value: { state: "absent", because: "no-lock" },
    });
  });

  it("is gone when the lock outlived it", async () => {
    const gateway = idleChild();
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(gateway.pid, stateDir));
    gateway.kill("SIGKILL");
    await new Promise((resolve) => gateway.once("exit", resolve));

    expect(await readProcess({ lockPath })).toEqual({ ok: true, value: { state: "absent", because: "gone", lastPid: gateway.pid } });
  });

  it("is gone when its pid belongs to a later process", async () => {
    const stranger = idleChild();
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(stranger.pid, stateDir, { startTime: startTimeOf(stranger.pid) - 1 }));

    expect(await readProcess({ lockPath })).toEqual({ ok: true, value: { state: "absent", because: "gone", lastPid: stranger.pid } });
  });

  it("is gone when only a zombie is left", async () => {
    // The shell becomes a `sleep`, which never asks after the child it inherits.
    const parent = child("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"]);
    const zombie = Number(await firstWord(parent));
    await until(() => statFields(zombie)[0] === "Z");
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(zombie, stateDir));

    expect(await readProcess({ lockPath })).toMatchObject({ ok: true, value: { state: "absent", because: "gone" } });
    expect(readIdentity(zombie)).toBeUndefined();
  });

  it("is the service's main process as long as no lock names one", async () => {
    const booting = idleChild();
    const lockPath = path.join(tempDir(), "gateway.state.lock");

    expect(await readProcess({ lockPath }, { serviceMainPid: booting.pid })).toMatchObject({
      ok: true,
      value: { state: "alive", namedBy: "service", identity: { pid: booting.pid } },
    });
  });

  it("is not the doctor that holds the lock for offline maintenance", async () => {
    const doctor = idleChild();
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(doctor.pid, stateDir, { role: "sqlite-maintenance" }));

    expect(await readProcess({ lockPath })).toEqual({ ok: true, value: { state: "absent", because: "no-lock" } });
  });

  it("is still known by the kernel's own lock when the file is garbled", async () => {
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, '{"pid": 12');
    const owner = child(process.execPath, [fixture("observe-hold-lock.mjs"), `${lockPath}.sqlite`]);
    await firstWord(owner);

    expect(await readProcess({ lockPath })).toMatchObject({
      ok: true,
      value: { state: "alive", namedBy: "lock", identity: { pid: owner.pid } },
    });
    owner.kill("SIGKILL");
    await new Promise((resolve) => owner.once("exit", resolve));
    expect(await readProcess({ lockPath })).toEqual({ ok: true, value: { state: "absent", because: "no-lock" } });
  });

  it.runIf(process.getuid?.() === 0)("cannot be told by a user who may not read the lock", async () => {
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, lockOf(process.pid, stateDir));
    const nobody = child(process.execPath, [fixture("observe-as-nobody.mjs"), "process", lockPath], { uid: 65_534 });
    expect(JSON.parse(await firstWord(nobody))).toEqual({ ok: false, why: `EACCES reading ${lockPath}` });
  });

  it("cannot be told when the lock cannot be read, which is not the same as no lock", async () => {
    const stateDir = tempDir();
    const lockPath = writeLock(stateDir, "");
    expect(await readProcess({ lockPath: path.join(lockPath, "below-a-file") })).toMatchObject({
      ok: false,
      why: expect.stringContaining("ENOTDIR"),
    });
    rmSync(lockPath);
  });
});

describe("the host's lock", () => {
  const lock = { pid: 7, startTime: 5, stateDir: "/s", configPath: "/s/c", port: 1, ownerId: "o", createdAt: "now" };

  it("is read through its padding, with the role it was taken for", () => {
    expect(parseLockFile(`${JSON.stringify(lock)} \t \n\t `, "lock")).toMatchObject({
      state: "held",
      lock: { pid: 7, port: 1, role: "gateway" },
    });
    expect(parseLockFile(JSON.stringify({ ...lock, role: "agent-embedded" }), "lock")).toMatchObject({ lock: { role: "agent-embedded" } });
  });

  it.each([
    ["is empty", "", " \t\n"],
    ["is not JSON", '{"pid": 7', "\0\0\0"],
    ["is not a lock", "7", "null"],
    ["names no process", "{}", JSON.stringify({ ...lock, pid: "7" })],
    ["has no start time", JSON.stringify({ ...lock, startTime: undefined }), JSON.stringify({ ...lock, startTime: null })],
    ["names no state directory", JSON.stringify({ ...lock, stateDir: 1 }), JSON.stringify({ ...lock, configPath: undefined })],
    ["has an unknown role", JSON.stringify({ ...lock, role: "later" }), JSON.stringify({ ...lock, role: 3 })],
  ])("that %s is garbled, without repeating its content", (why, ...texts) => {
    for (const text of texts) expect(parseLockFile(text, "/the/lock")).toEqual({ state: "garbled", why: `/the/lock ${why}` });
  });

  it("is not ok while it is half-written", () => {
    const lockPath = writeLock(tempDir(), '{"pid": 1');
    expect(readLock(lockPath)).toEqual({ ok: false, why: `${lockPath} is not JSON` });
  });
});

describe("/proc/PID/stat", () => {
  it("is read from behind the last parenthesis of the title", () => {
    const fields = "T 1 8524 8524 0 -1 4194560 352775 158515 31 4 2057 589 340 130 20 0 15 0 149902 4816928768 197247 18446744073709551615";
    expect(parseProcStat(`8524 (open) claw) ${fields} 0 0\n`)).toEqual({
      pid: 8524,
      comm: "open) claw",
      stateCode: "T",
      parentPid: 1,
      threads: 15,
      cpuTicks: 2646,
      startTime: 149902,
      rssPages: 197247,
    });
    expect(parseProcStat("8524 (openclaw) T 1")).toBeUndefined();
    expect(parseProcStat("")).toBeUndefined();
  });

  it("tells a debugger's work from a stop, and a leader that ended from a process that ended", () => {
    const state = (stateCode: string, tracer = 0, threads = 1) => runStateOf({ stateCode, threads }, tracer);
    expect([state("R"), state("S"), state("I"), state("D"), state("T")]).toEqual([
      "running",
      "sleeping",
      "sleeping",
      "uninterruptible",
      "stopped",
    ]);
    expect([state("T", 99), state("t")]).toEqual(["traced", "traced"]);
    expect([state("Z"), state("X"), state("Z", 0, 3)]).toEqual(["gone", "gone", "uninterruptible"]);
    expect(state("?")).toBeUndefined();
  });
});

describe.runIf(process.platform === "linux")("an identity for the fence", () => {
  it("says who the process is, whose child it is and what it runs", () => {
    const someone = idleChild();
    expect(readIdentity(someone.pid)).toMatchObject({
      pid: someone.pid,
      startTime: startTimeOf(someone.pid),
      parentPid: process.pid,
      uid: process.getuid?.(),
      exe: process.execPath,
      cwd: process.cwd(),
      command: expect.stringContaining("setInterval"),
    });
  });

  it("is undefined for a pid that nobody has", () => {
    expect(readIdentity(2 ** 22 + 1)).toBeUndefined();
  });
});
