import { existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { coordinatorPath } from "../../rescue-profile/observe/coordinator.ts";
import { readDeadLock } from "../../rescue-profile/observe/dead-lock.ts";
import { readProcess } from "../../rescue-profile/observe/process.ts";
import type { Target } from "../../rescue-profile/observe/target.ts";
import { configuredHome } from "./findings-support.ts";
import { child, firstWord, fixture, idleChild, lockOf, startTimeOf, writeLock } from "./support.ts";

/** The kernel's lock on a state database, outside the state dir, removed after the test. */
function coordinator(databasePath: string): string {
  const file = coordinatorPath("gateway-lifecycle", databasePath);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  onTestFinished(() => rmSync(file, { force: true }));
  return file;
}

async function holding(file: string, title: string) {
  const holder = child(process.execPath, [fixture("observe-hold-lock.mjs"), file, "BEGIN EXCLUSIVE", title]);
  await firstWord(holder);
  return holder;
}

describe.runIf(process.platform === "linux")("a dead lock", () => {
  it.each(["", '{"pid": 12', "garbage"])("is one that says %j and that nobody holds", async (text) => {
    const { target } = await configuredHome();
    const lockPath = writeLock(target.stateDir, text);
    expect(readDeadLock(target)).toEqual({ ok: true, value: lockPath });
  });

  it("is not one that is in order, nor one that is not there", async () => {
    const { target } = await configuredHome();
    expect(readDeadLock(target)).toEqual({ ok: true, value: null });
    writeLock(target.stateDir, lockOf(idleChild().pid, target.stateDir));
    expect(readDeadLock(target)).toEqual({ ok: true, value: null });
  });

  it.each([
    ["beside which somebody holds the kernel's lock", (target: Target) => `${target.lockPath}.sqlite`],
    ["that is just being taken", (target: Target) => coordinator(target.databasePath)],
  ])("is not one %s, until the holder has ended", async (_, fileOf) => {
    const { target } = await configuredHome();
    const lockPath = writeLock(target.stateDir, "");
    const holder = await holding(fileOf(target), "openclaw");
    expect(readDeadLock(target)).toEqual({ ok: true, value: null });
    holder.kill("SIGKILL");
    await new Promise((resolve) => holder.once("exit", resolve));
    expect(readDeadLock(target)).toEqual({ ok: true, value: lockPath });
  });
});

describe.runIf(process.platform === "linux")("a gateway without its lock file", () => {
  it("is known by the kernel's lock on its database, also when its state directory is gone; a doctor that holds it is not", async () => {
    const { target } = await configuredHome();
    const file = coordinator(target.databasePath);
    const doctor = await holding(file, "openclaw-doctor");
    expect(await readProcess(target)).toEqual({ ok: true, value: { state: "absent", because: "no-lock" } });
    doctor.kill("SIGKILL");
    await new Promise((resolve) => doctor.once("exit", resolve));

    const gateway = await holding(file, "openclaw-gateway");
    rmSync(target.stateDir, { recursive: true });
    const identity = { pid: gateway.pid, startTime: startTimeOf(gateway.pid) };
    expect(await readProcess(target)).toMatchObject({ ok: true, value: { state: "alive", namedBy: "kernel", identity } });
    expect(existsSync(target.stateDir)).toBe(false);
  });
});
