import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Observation } from "../../rescue-profile/core/model.ts";
import { readLifecycle } from "../../rescue-profile/observe/lifecycle.ts";
import { look } from "../../rescue-profile/observe/look.ts";
import { readMaintenance } from "../../rescue-profile/observe/maintenance.ts";
import { readIdentity, readLock } from "../../rescue-profile/observe/process.ts";
import { refreshTarget, resolveTarget, type Target } from "../../rescue-profile/observe/target.ts";
import { probeWebSocket } from "../../rescue-profile/observe/websocket.ts";
import { type StartedHome, startGatewayHome } from "../support/gateway.ts";
import { OPENCLAW } from "../support/home.ts";

let home: StartedHome;
let target: Target;
let gateway: ChildProcess;

function startGateway(): number {
  const log = openSync(path.join(home.home, "gateway.log"), "a");
  gateway = spawn(process.execPath, [OPENCLAW, "gateway", "run"], { env: home.env, cwd: home.home, stdio: ["ignore", log, log] });
  home.adopt(gateway);
  if (gateway.pid === undefined) throw new Error("the gateway did not start");
  return gateway.pid;
}

const runs = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

const observe = (probeTimeoutMs = 5000) =>
  look({
    target,
    depth: "full",
    serviceStatus: () => Promise.reject(new Error("there is no service here")),
    probeTimeoutMs,
    resources: true,
    lateMs: 0,
    clockGapMs: 0,
  });

const serves = ({ probes }: Observation): boolean =>
  probes?.ready.ok === true && probes.ready.value.state === "answered" && probes.ready.value.status === 200;

/** Looks until the gateway serves, and returns every look on the way. */
async function boot(): Promise<Observation[]> {
  const looks: Observation[] = [];
  do {
    await delay(200);
    looks.push(await observe());
  } while (!looks.some(serves));
  return looks;
}

/** Of what a reader could leave behind beside the database. */
const footprint = () =>
  readdirSync(path.dirname(target.databasePath)).map(
    (name) => `${name} ${statSync(path.join(path.dirname(target.databasePath), name)).mtimeMs}`,
  );

describe("a real gateway, looked at", () => {
  beforeAll(async () => {
    home = await startGatewayHome();
    target = await resolveTarget({ profile: "default", home: home.home, env: home.env });
  });

  afterAll(() => home.dispose());

  it("is found by its configuration before it ever ran", async () => {
    expect(target).toMatchObject({ port: home.port, portFrom: "config", host: "127.0.0.1", tls: false });
    expect(await observe()).toMatchObject({
      process: { ok: true, value: { state: "absent", because: "no-lock" } },
      probes: {
        health: { ok: true, value: { state: "refused" } },
        listener: { ok: true, value: { state: "none" } },
        lifecycle: { ok: true, value: null },
        maintenance: { ok: true, value: { running: [] } },
      },
    });
  });

  it("boots without ever looking like maintenance or like another program, and serves", async () => {
    const pid = startGateway();
    const looks = await boot();
    for (const { probes, process } of looks) {
      expect(probes?.maintenance).toEqual({ ok: true, value: { running: [] } });
      expect(probes?.health).not.toMatchObject({ value: { state: "foreign" } });
      expect(process).toMatchObject({ ok: true });
    }
    const startups = looks.flatMap(({ probes }) =>
      probes?.startup.ok === true && probes.startup.value.state === "answered" ? [probes.startup.value] : [],
    );
    expect(startups.filter(({ status }) => status !== 200).every(({ status, body }) => status === 503 && body.status === "starting")).toBe(
      true,
    );
    expect(looks.at(-1)).toMatchObject({
      process: { ok: true, value: { state: "alive", namedBy: "lock", identity: { pid }, ownerId: expect.any(String) } },
      probes: {
        listener: { ok: true, value: { state: "owned", pid } },
        health: { ok: true, value: { state: "answered", status: 200, body: { status: "live" } } },
        startup: { ok: true, value: { state: "answered", status: 200, body: { status: "started", version: expect.any(String) } } },
        ready: { ok: true, value: { state: "answered", status: 200, body: { failing: [] } } },
        lifecycle: { ok: true, value: { pid, outcome: null } },
        resources: { ok: true, value: { openFilesLimit: expect.any(Number), waitsForDisk: false } },
      },
    });
    expect(await refreshTarget(target)).toEqual({ target: { ...target, portFrom: "lock" } });
    expect(readLock(target.lockPath)).toMatchObject({
      ok: true,
      value: { pid, role: "gateway", stateDir: target.stateDir, port: home.port },
    });
    expect(readIdentity(pid)).toMatchObject({ pid, command: "openclaw-gateway", uid: process.getuid?.() });
  });

  it("challenges whoever opens its WebSocket", async () => {
    expect(await probeWebSocket(target, 10_000)).toMatchObject({ ok: true, value: { state: "challenged" } });
  });

  it("is stopped and silent after SIGSTOP, and serves again after SIGCONT", async () => {
    gateway.kill("SIGSTOP");
    // The signal takes a moment to reach every thread.
    while (readIdentity(gateway.pid ?? 0)?.run !== "stopped") await delay(5);
    expect(await observe(1000)).toMatchObject({
      process: { ok: true, value: { state: "alive", run: "stopped" } },
      probes: {
        listener: { ok: true, value: { state: "owned", pid: gateway.pid } },
        health: { ok: true, value: { state: "silent" } },
        lifecycle: { ok: true, value: { outcome: null } },
      },
    });
    gateway.kill("SIGCONT");
    while (!serves(await observe()));
  });

  it("says that it drains when it is asked to end, and then how it ended", async () => {
    const seen = new Set<string>();
    gateway.kill("SIGTERM");
    while (runs(gateway)) {
      const { probes } = await observe(1000);
      if (probes?.startup.ok === true && probes.startup.value.state === "answered") seen.add(probes.startup.value.body.status ?? "");
    }
    // An idle gateway drains within a fraction of a second, so it may not be caught at it; nothing else may be seen.
    expect([...seen].every((status) => status === "started" || status === "draining")).toBe(true);
    const before = footprint();
    expect(await observe()).toMatchObject({
      process: { ok: true, value: { state: "absent", because: "no-lock" } },
      probes: {
        lifecycle: { ok: true, value: { outcome: "clean_stop", pid: gateway.pid } },
        health: { ok: true, value: { state: "refused" } },
      },
    });
    expect(footprint()).toEqual(before);
  });

  it("is under maintenance while its doctor runs, and its process stays absent", async () => {
    const doctor = spawn(process.execPath, [OPENCLAW, "doctor", "--fix", "--non-interactive"], {
      env: home.env,
      cwd: home.home,
      stdio: "ignore",
    });
    home.adopt(doctor);
    const reports: string[][] = [];
    while (runs(doctor)) {
      const maintenance = await readMaintenance(target, { home: home.home });
      if (maintenance.ok) reports.push(maintenance.value.running.map(({ pid, what }) => `${pid === doctor.pid} ${what}`));
      await delay(100);
    }
    const told = reports.filter((running) => running.length > 0);
    expect(new Set(told.flat())).toEqual(new Set(["true openclaw doctor"]));
    // All but the first and the last moments.
    expect(told.length).toBeGreaterThan(reports.length * 0.8);
    expect(await readMaintenance(target, { home: home.home })).toEqual({ ok: true, value: { running: [] } });
  });

  it("is gone after SIGKILL, its lock left behind and its last boot without an end", async () => {
    const pid = startGateway();
    await boot();
    gateway.kill("SIGKILL");
    while (runs(gateway)) await delay(5);
    const before = footprint();
    expect(await observe()).toMatchObject({
      process: { ok: true, value: { state: "absent", because: "gone", lastPid: pid } },
      probes: { health: { ok: true, value: { state: "refused" } }, listener: { ok: true, value: { state: "none" } } },
    });
    expect(readLifecycle(target.databasePath)).toMatchObject({ ok: true, value: { pid, outcome: null } });
    expect(footprint()).toEqual(before);
  });
});
