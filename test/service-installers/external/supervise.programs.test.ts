import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { controlSocketPath, recordPath } from "../../../src/service-installers/external/control-path.ts";
import type { SupervisePolicy } from "../../../src/service-installers/external/policy.ts";
import { supervise } from "../../../src/service-installers/external/supervise.ts";
import { alive, CHILD, makeStateDir, pidIn, readLines, superviseHere, until } from "./harness.ts";

const cleanUp: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  await Promise.allSettled(
    cleanUp
      .splice(0)
      .reverse()
      .map(async (undo) => undo()),
  );
});

function start(steps: readonly string[], policy?: Partial<SupervisePolicy>, env?: NodeJS.ProcessEnv) {
  const supervisor = superviseHere(steps, policy, env);
  cleanUp.push(supervisor.end);
  return supervisor;
}

const firstRun = (supervisor: ReturnType<typeof start>) => until("the first run", () => supervisor.runs()[0]);

describe("keeping a child alive", () => {
  test("starts another after exit 0, a failure and a signal, and parks on 78", async () => {
    const supervisor = start(["exit:0", "exit:3", "die:SIGKILL", "exit:78"]);
    await supervisor.happened("parked");
    expect(supervisor.runs()).toHaveLength(4);
    expect(supervisor.count("handed-over")).toBe(1);
    expect(supervisor.events.filter(({ event }) => event === "backing-off").map(({ details }) => details.delayMs)).toEqual([20, 40]);
    expect(await supervisor.control.status()).toMatchObject({ state: "parked", lastExit: { code: 78 }, restarts: 3 });
  });

  test("tells the child who supervises it, and nothing of a service manager that it inherited", async () => {
    const supervisor = start(["env"], {}, { ...process.env, INVOCATION_ID: "of my terminal", OPENCLAW_PROFILE: "rescue" });
    const text = await until("its environment", () => readLines(`${supervisor.runsFile}.env`)[0]);
    const env: unknown = JSON.parse(text);
    expect(env).toMatchObject({
      OPENCLAW_SUPERVISOR_MODE: "external",
      OPENCLAW_SERVICE_REPAIR_POLICY: "external",
      OPENCLAW_PROFILE: "rescue",
    });
    expect(env).not.toHaveProperty("INVOCATION_ID");
  });

  test("ends what a killed child left in its process group, and only that", async () => {
    const supervisor = start(["fork", "stay"]);
    const first = await firstRun(supervisor);
    const helper = await pidIn(`${supervisor.runsFile}.helper`);
    const own = await pidIn(`${supervisor.runsFile}.own`);
    cleanUp.push(() => void process.kill(own, "SIGKILL"));
    process.kill(first, "SIGKILL");
    await until("the second run", () => supervisor.runs()[1]);
    expect(alive(helper)).toBe(false);
    expect(alive(own)).toBe(true);
    expect(supervisor.events).toContainEqual({ event: "stragglers-ended", details: { pids: [helper] } });
  });

  test("says so when the command cannot be run at all", async () => {
    const { stateDir, remove } = makeStateDir();
    cleanUp.push(remove);
    const done = supervise({ argv: ["/no/such/program"], stateDir, env: {}, log: () => undefined });
    await expect(done).rejects.toMatchObject({ code: "usage", message: expect.stringContaining("/no/such/program") });
  });
});

describe("signals", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends the child and then the supervisor with 0", async (signal) => {
    const supervisor = start(["stay"]);
    const pid = await firstRun(supervisor);
    supervisor.signal(signal);
    await expect(supervisor.done).resolves.toBe(0);
    expect(alive(pid)).toBe(false);
    expect(supervisor.runs()).toEqual([pid]);
  });

  test("a child that ignores SIGTERM is killed with its group at the deadline, and that is still 0", async () => {
    const supervisor = start(["deaf"], { stopTimeoutMs: 200 });
    const pid = await firstRun(supervisor);
    supervisor.signal("SIGTERM");
    await expect(supervisor.done).resolves.toBe(0);
    expect(readLines(`${supervisor.runsFile}.heard`)).toEqual(["SIGTERM"]);
    expect(supervisor.count("child-killed")).toBe(1);
    expect(alive(pid)).toBe(false);
  });

  test("a second signal does not wait for the deadline", async () => {
    const supervisor = start(["deaf"]);
    await firstRun(supervisor);
    supervisor.signal("SIGINT");
    await until("SIGTERM is heard", () => readLines(`${supervisor.runsFile}.heard`)[0]);
    supervisor.signal("SIGINT");
    await expect(supervisor.done).resolves.toBe(0);
  });

  test("a stopped child is woken to end in order", async () => {
    const supervisor = start(["stay"]);
    const pid = await firstRun(supervisor);
    process.kill(pid, "SIGSTOP");
    supervisor.signal("SIGTERM");
    await expect(supervisor.done).resolves.toBe(0);
    expect(supervisor.count("child-killed")).toBe(0);
  });

  test("SIGUSR1 and SIGUSR2 are passed on", async () => {
    const supervisor = start(["usr"]);
    await firstRun(supervisor);
    supervisor.signal("SIGUSR1");
    await until("the first is heard", () => readLines(`${supervisor.runsFile}.heard`).length === 1);
    supervisor.signal("SIGUSR2");
    await until("both are heard", () => readLines(`${supervisor.runsFile}.heard`).length === 2);
    expect(readLines(`${supervisor.runsFile}.heard`)).toEqual(["SIGUSR1", "SIGUSR2"]);
  });
});

describe("control", () => {
  test("stop ends the child on purpose and nothing brings it back but start", async () => {
    const supervisor = start(["stay"]);
    const pid = await firstRun(supervisor);
    await supervisor.control.stop();
    expect(alive(pid)).toBe(false);
    expect(await supervisor.control.status()).toMatchObject({ state: "stopped", stoppedOnPurpose: true });
    await supervisor.control.start();
    const second = await until("the second run", () => supervisor.runs()[1]);
    expect(await supervisor.control.status()).toMatchObject({ state: "running", mainPid: second });
    expect(await supervisor.control.status()).not.toHaveProperty("stoppedOnPurpose");
  });

  test("start leaves a running child alone", async () => {
    const supervisor = start(["stay"]);
    const pid = await firstRun(supervisor);
    await supervisor.control.start();
    expect(await supervisor.control.status()).toMatchObject({ state: "running", mainPid: pid, restarts: 0 });
  });

  test("start does not wait for a back-off, and unparks", async () => {
    const supervisor = start(["exit:1", "exit:78", "stay"], { backOffMs: 600_000, backOffMaxMs: 600_000 });
    await supervisor.happened("backing-off");
    expect(await supervisor.control.status()).toMatchObject({ state: "backing-off", lastExit: { code: 1 } });
    await supervisor.control.start();
    await supervisor.happened("parked");
    await supervisor.control.start();
    await until("the third run", () => supervisor.runs()[2]);
  });

  test("restart replaces the child once the old one is gone", async () => {
    const supervisor = start(["stay"]);
    const first = await firstRun(supervisor);
    await supervisor.control.restart();
    const second = await until("the second run", () => supervisor.runs()[1]);
    expect([alive(first), alive(second)]).toEqual([false, true]);
    expect(supervisor.count("backing-off")).toBe(0);
  });

  test("the socket is private and goes away with the supervisor", async () => {
    const supervisor = start(["stay"]);
    await firstRun(supervisor);
    const path = controlSocketPath(supervisor.stateDir);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    supervisor.signal("SIGTERM");
    await supervisor.done;
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    expect(await supervisor.control.status()).toEqual({ manager: "external", state: "not-installed" });
    await expect(supervisor.control.start()).rejects.toMatchObject({ code: "service-control" });
  });

  test("a second supervisor of the same state directory is refused, and the first does not notice", async () => {
    const supervisor = start(["stay"]);
    const pid = await firstRun(supervisor);
    const second = supervise({ argv: ["sleep", "1"], stateDir: supervisor.stateDir, env: {}, log: () => undefined });
    await expect(second).rejects.toMatchObject({ code: "busy", message: expect.stringContaining(supervisor.stateDir) });
    expect(await supervisor.control.status()).toMatchObject({ state: "running", mainPid: pid });
  });

  test("a file that is no record is named, and nothing is started", async () => {
    const { stateDir, runsFile, remove } = makeStateDir();
    cleanUp.push(remove);
    mkdirSync(join(stateDir, "tmp"));
    writeFileSync(recordPath(stateDir), "not a database, but long enough to be looked at as one ".repeat(20));
    const done = supervise({ argv: [process.execPath, CHILD, runsFile, "stay"], stateDir, env: {}, log: () => undefined });
    await expect(done).rejects.toMatchObject({ code: "not-readable", message: expect.stringContaining(recordPath(stateDir)) });
    expect(readLines(runsFile)).toEqual([]);
  });
});
