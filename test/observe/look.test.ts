import { mkdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { ServiceReading } from "../../rescue-profile/core/model.ts";
import { type LookOptions, look } from "../../rescue-profile/observe/look.ts";
import type { Target } from "../../rescue-profile/observe/target.ts";
import { freePort } from "../support/home.ts";
import { child, firstWord, fixture, idleChild, lockOf, statFields, tempDir, until, writeLock } from "./support.ts";

const RUNNING: ServiceReading = { manager: "systemd", state: "running" };

function targetOn(port: number): Target {
  const stateDir = tempDir();
  mkdirSync(path.join(stateDir, "state"));
  const lockDir = path.join(stateDir, "tmp", `openclaw-${process.getuid?.()}`);
  return {
    profile: "default",
    stateDir,
    configPath: path.join(stateDir, "openclaw.json"),
    port,
    portFrom: "config",
    host: "127.0.0.1",
    tls: false,
    lockDir,
    lockPath: path.join(lockDir, "gateway.state.lock"),
    databasePath: path.join(stateDir, "state", "openclaw.sqlite"),
  };
}

const lookAt = (target: Target, more: Partial<LookOptions> = {}) =>
  look({
    target,
    depth: "full",
    serviceStatus: async () => RUNNING,
    probeTimeoutMs: 5000,
    resources: true,
    lateMs: 0,
    clockGapMs: 0,
    ...more,
  });

/** A process on a port that answers like a gateway, with the lock that names it. */
async function gateway() {
  const process = child(globalThis.process.execPath, [fixture("observe-http.mjs"), "health"]);
  const target = targetOn(Number(await firstWord(process)));
  writeLock(target.stateDir, lockOf(process.pid, target.stateDir));
  return { process, target };
}

describe.runIf(process.platform === "linux")("a look", () => {
  it("asks everything once and finds a serving gateway", async () => {
    const { process, target } = await gateway();
    const seen = await lookAt(target, { lateMs: 3, clockGapMs: -4 });
    expect(seen).toMatchObject({
      lateMs: 3,
      clockGapMs: -4,
      process: { ok: true, value: { state: "alive", namedBy: "lock", identity: { pid: process.pid } } },
      probes: {
        listener: { ok: true, value: { state: "owned", pid: process.pid } },
        health: { ok: true, value: { state: "answered", status: 200 } },
        startup: { ok: true, value: { state: "answered", body: { status: "started" } } },
        ready: { ok: true, value: { state: "answered", body: { failing: [] } } },
        lifecycle: { ok: false, why: "the state database is missing" },
        service: { ok: true, value: RUNNING },
        maintenance: { ok: true, value: { running: [] } },
        resources: { ok: true, value: { waitsForDisk: false } },
      },
    });
    expect(seen.atMs).toBeGreaterThan(0);
  });

  it("asks only for the process when that is enough", async () => {
    const { target } = await gateway();
    const asked: string[] = [];
    const seen = await lookAt(target, {
      depth: "identity",
      serviceStatus: async () => {
        asked.push("service");
        return RUNNING;
      },
    });
    expect(seen.process).toMatchObject({ ok: true, value: { state: "alive" } });
    expect(seen.probes).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it("asks everything at once when the process is stopped, gone or cannot be told", async () => {
    const stopped = await gateway();
    stopped.process.kill("SIGSTOP");
    await until(() => statFields(stopped.process.pid)[0] === "T");
    expect(await lookAt(stopped.target, { depth: "identity", probeTimeoutMs: 150 })).toMatchObject({
      process: { ok: true, value: { state: "alive", run: "stopped" } },
      probes: { health: { ok: true, value: { state: "silent" } }, ready: { ok: true, value: { state: "silent" } } },
    });

    const killed = await gateway();
    killed.process.kill("SIGKILL");
    await new Promise((end) => killed.process.once("exit", end));
    expect(await lookAt(killed.target, { depth: "identity" })).toMatchObject({
      process: { ok: true, value: { state: "absent", because: "gone" } },
      probes: { health: { ok: true, value: { state: "refused" } }, listener: { ok: true, value: { state: "none" } } },
    });

    const untold = targetOn(await freePort());
    mkdirSync(untold.lockPath, { recursive: true });
    expect(await lookAt(untold, { depth: "identity" })).toMatchObject({
      process: { ok: false, why: expect.stringContaining("EISDIR") },
      probes: { listener: { ok: true, value: { state: "none" } } },
    });
  });

  it("finds a process that only the service manager knows yet", async () => {
    const booting = idleChild();
    const seen = await lookAt(targetOn(await freePort()), { serviceStatus: async () => ({ ...RUNNING, mainPid: booting.pid }) });
    expect(seen.process).toMatchObject({ ok: true, value: { state: "alive", namedBy: "service", identity: { pid: booting.pid } } });
  });

  it("says why when the service manager fails or does not answer, and sees the rest all the same", async () => {
    const { target } = await gateway();
    const failed = await lookAt(target, { serviceStatus: () => Promise.reject(new Error("no bus")) });
    expect(failed.probes).toMatchObject({ service: { ok: false, why: "the service manager: no bus" }, health: { ok: true } });
    const hung = await lookAt(target, { serviceStatus: () => new Promise(() => undefined), probeTimeoutMs: 200 });
    expect(hung.probes?.service).toEqual({ ok: false, why: "the service manager did not answer within 200 ms" });
  });

  it("looks for what a kill would harm only when asked to", async () => {
    const { target } = await gateway();
    expect((await lookAt(target, { resources: false })).probes).not.toHaveProperty("resources");
  });
});
