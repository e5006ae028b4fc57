import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceReading } from "../../rescue-profile/core/model.ts";
import { type Box, HOME_IN_BOX, PROJECT_IN_BOX, requireLab, startBox } from "./box.ts";

/**
 * Our control of the unit that the real host installs, under a real systemd. The code under test runs inside the box, where the
 * user manager is. Drop-ins stand in for gateways that fail in some way, since those fail within milliseconds.
 */
const UNIT = "openclaw-gateway.service";
const PORT = randomInt(20_000, 59_000);
const ONBOARD = `openclaw onboard --non-interactive --accept-risk --auth-choice skip --mode local --gateway-bind loopback
  --gateway-auth token --gateway-port ${PORT} --skip-daemon --skip-channels --skip-skills --skip-search --skip-hooks --skip-ui
  --skip-health --skip-bootstrap --json`.split(/\s+/);

/** Imports the sources and makes one call: argv is FACTORY (`systemd` or `select`), the call, the profile. */
const CALLER = `
  const [factory, call, profile, ...args] = process.argv.slice(1);
  const at = "${PROJECT_IN_BOX}/src/service-installers/";
  const options = { profile, env: process.env, stateDir: process.env.HOME + "/.openclaw", platform: process.platform };
  const control = factory === "select"
    ? (await import(at + "select.ts")).selectControl(options)
    : (await import(at + "systemd/control.ts")).systemdControl(options);
  try {
    const reading = await control[call](...args.map(Number));
    console.log(JSON.stringify({ reading, manager: control.manager, name: control.name }));
  } catch (error) {
    console.log(JSON.stringify({ error: { name: error.constructor.name, code: error.code, message: error.message, fix: error.fix } }));
  }`;

interface Called {
  readonly reading?: ServiceReading;
  readonly manager?: string;
  readonly error?: { readonly name: string; readonly code: string; readonly message: string; readonly fix?: string };
}

const whyNot = requireLab();
if (whyNot !== undefined) console.warn(`the lab is skipped: ${whyNot}`);

describe.skipIf(whyNot !== undefined)("the host's unit under a real systemd", () => {
  let box: Box;

  beforeAll(async () => {
    box = await startBox();
    await box.output(ONBOARD, 90_000);
    await box.output(["openclaw", "gateway", "install", "--json"], 90_000);
    await healthy();
  });
  afterAll(async () => box?.stop());

  it("reads a running gateway with the pid that the gateway's own lock names", async () => {
    const reading = await status();
    expect(reading).toMatchObject({ manager: "systemd", state: "running", restarts: 0 });
    const lock = readFileSync(join(box.home, ".openclaw/tmp/openclaw-1500/gateway.state.lock"), "utf8");
    expect(JSON.parse(lock).pid).toBe(reading.mainPid);
  });

  it("finds the manager without the session's variables, as in a cron job", async () => {
    expect(await call("systemd", "status", { without: ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] })).toMatchObject({
      reading: { state: "running" },
    });
  });

  it("is what the choice of a manager comes to", async () => {
    expect(await call("select", "status")).toMatchObject({ manager: "systemd", reading: { state: "running" } });
  });

  it("reads the definition that the host has written, and the newest lines about it", async () => {
    expect(await call("systemd", "readDefinition")).toMatchObject({
      reading: {
        path: `${HOME_IN_BOX}/.config/systemd/user/${UNIT}`,
        argv: expect.arrayContaining(["gateway", "--port", String(PORT)]),
        environment: expect.objectContaining({ HOME: HOME_IN_BOX, OPENCLAW_GATEWAY_PORT: String(PORT) }),
        enabled: true,
      },
    });
    expect(await call("systemd", "readDefinition", { profile: "work" })).toMatchObject({ reading: null });
    expect((await call("systemd", "logs", { args: [3] })).reading).toSatisfy(
      (lines) => Array.isArray(lines) && lines.length > 0 && lines.length <= 4,
    );
  });

  it("kills the process that was judged, and no other that has come in its place", async () => {
    const { mainPid = 0 } = await status();
    expect(await call("systemd", "kill", { args: [mainPid + 1] })).toMatchObject({ error: { code: "refused" } });
    expect((await status()).mainPid).toBe(mainPid);
    expect((await call("systemd", "clearLatch")).error).toBeUndefined();
  });

  it("leaves a running gateway alone when it is asked to start it", async () => {
    const before = await status();
    await order("start");
    expect((await status()).mainPid).toBe(before.mainPid);
  });

  it("brings a killed gateway back before the manager would", async () => {
    // The host's own pause of 5 s is too short for a slow machine to tell who was first.
    await dropIn("RestartSec=60");
    const before = await status();
    await box.output(["kill", "-KILL", String(before.mainPid)]);
    expect(await reaches("backing-off")).toMatchObject({ lastExit: { signal: "SIGKILL" } });
    await order("start");
    const after = await reaches("running");
    expect(after.mainPid).not.toBe(before.mainPid);
    expect(after.restarts, "restarts made by the manager itself").toBe(0);
    await dropIn(undefined);
  });

  it("stops on purpose, and starts again", async () => {
    await order("stop");
    expect(await status()).toMatchObject({ state: "stopped", stoppedOnPurpose: true });
    await order("start");
    expect(await status()).toMatchObject({ state: "running" });
  });

  it("restarts with another process", async () => {
    const before = await status();
    await order("restart");
    const after = await status();
    expect(after.state).toBe("running");
    expect(after.mainPid).not.toBe(before.mainPid);
  });

  it("tells a stop in the middle of the pause before a restart from a failure", async () => {
    await dropIn("RestartSec=60", "ExecStart=", "ExecStart=/bin/false");
    await order("restart");
    await reaches("backing-off");
    await order("stop");
    expect(await status()).toMatchObject({ state: "stopped", stoppedOnPurpose: true, lastExit: { code: 1 } });
  });

  it("tells a stop that ended with the manager's SIGKILL from a failure", async () => {
    await dropIn("TimeoutStopSec=1", "ExecStart=", "ExecStart=/bin/sh -c 'trap : TERM; touch armed; while :; do sleep 0.1; done'");
    await order("restart");
    await until("the trap", async () => (await box.run(["test", "-e", "armed"])).exitCode === 0);
    await order("stop");
    expect(await status()).toMatchObject({ state: "failed", stoppedOnPurpose: true, lastExit: { signal: "SIGKILL" } });
  });

  it("clears the latch of a crash loop once its cause is removed", async () => {
    await dropIn("RestartSec=100ms", "ExecStart=", "ExecStart=/bin/sh -c 'test -e mended && exec sleep 1000'");
    await order("restart");
    const latched = await reaches("latched");
    expect(latched).toMatchObject({ lastExit: { code: 1 } });
    expect(latched.stoppedOnPurpose).toBeUndefined();
    // Not by another drop-in: a daemon-reload would clear the latch.
    await box.output(["touch", "mended"]);
    expect((await box.run(["systemctl", "--user", "start", UNIT])).exitCode, "a start that does not clear it").not.toBe(0);
    expect(await status()).toMatchObject({ state: "latched" });
    await order("start");
    expect(await status()).toMatchObject({ state: "running", restarts: 0 });
    await dropIn(undefined);
  });

  it("sees a gateway parked that refuses a broken configuration with 78, and starts it with a mended one", async () => {
    const path = join(box.home, ".openclaw/openclaw.json");
    const good = readFileSync(path);
    writeFileSync(path, '{ "gateway": { "port": "nonsense", ');
    await order("restart");
    const parked = await reaches("parked", 60_000);
    expect(parked).toMatchObject({ lastExit: { code: 78 } });
    expect(parked.stoppedOnPurpose).toBeUndefined();
    writeFileSync(path, good);
    await order("start");
    await healthy();
  });

  it("does not take another profile's unit, or none at all, for this one", async () => {
    expect(await call("systemd", "status", { profile: "work" })).toMatchObject({ reading: { state: "not-installed" } });
    expect(await call("systemd", "start", { profile: "work" })).toMatchObject({
      error: { code: "service-control", fix: "openclaw --profile work gateway install" },
    });
    expect(await call("select", "start", { profile: "work" })).toMatchObject({
      error: { code: "service-control", fix: expect.stringContaining("rescue-watchdog supervise") },
    });
  });

  it("says that the manager does not answer instead of that nothing is installed", async () => {
    const elsewhere = { set: ["XDG_RUNTIME_DIR=/nonexistent"], without: ["DBUS_SESSION_BUS_ADDRESS"] };
    expect(await call("systemd", "status", elsewhere)).toMatchObject({ error: { name: "NoUserManager", code: "service-control" } });
    expect(await call("select", "status", elsewhere)).toMatchObject({ error: { name: "NoUserManager" } });
    expect(await call("select", "status", { ...elsewhere, profile: "work" })).toMatchObject({ manager: "none" });
  });

  async function call(
    factory: "systemd" | "select",
    verb: "status" | "start" | "stop" | "restart" | "clearLatch" | "kill" | "readDefinition" | "logs",
    options: {
      readonly profile?: string;
      readonly set?: readonly string[];
      readonly without?: readonly string[];
      readonly args?: readonly number[];
    } = {},
  ): Promise<Called> {
    const env = [...(options.without ?? []).flatMap((name) => ["-u", name]), ...(options.set ?? [])];
    const node = [
      "node",
      "--input-type=module",
      "-e",
      CALLER,
      factory,
      verb,
      options.profile ?? "default",
      ...(options.args ?? []).map(String),
    ];
    return JSON.parse(await box.output(["env", ...env, ...node], 60_000));
  }

  async function order(verb: "start" | "stop" | "restart"): Promise<void> {
    expect((await call("systemd", verb)).error).toBeUndefined();
  }

  async function status(): Promise<ServiceReading> {
    const called = await call("systemd", "status");
    if (called.reading === undefined) throw new Error(`no status: ${JSON.stringify(called.error)}`);
    return called.reading;
  }

  async function reaches(state: ServiceReading["state"], withinMs = 20_000): Promise<ServiceReading> {
    let last: ServiceReading | undefined;
    const look = async () => {
      last = await status();
      return last.state === state;
    };
    await until(`the state ${state}`, look, withinMs).catch((error: unknown) => {
      throw new Error(`not seen; the last was ${JSON.stringify(last)}`, { cause: error });
    });
    if (last === undefined) throw new Error("nobody looked");
    return last;
  }

  /** Replaces the drop-in of the unit's [Service] section; undefined removes it. */
  async function dropIn(...lines: readonly (string | undefined)[]): Promise<void> {
    const directory = join(box.home, `.config/systemd/user/${UNIT}.d`);
    rmSync(directory, { recursive: true, force: true });
    if (lines[0] !== undefined) {
      mkdirSync(directory);
      writeFileSync(join(directory, "test.conf"), `[Service]\nWorkingDirectory=${HOME_IN_BOX}\n${lines.join("\n")}\n`);
    }
    await box.output(["systemctl", "--user", "daemon-reload"]);
  }

  async function healthy(): Promise<void> {
    const ask = `fetch("http://127.0.0.1:${PORT}/readyz").then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(2))`;
    await until("a healthy gateway", async () => (await box.run(["node", "-e", ask])).exitCode === 0, 90_000);
  }
});

async function until(what: string, look: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`did not happen within ${withinMs / 1000} s: ${what}`);
    await sleep(200);
  }
}
