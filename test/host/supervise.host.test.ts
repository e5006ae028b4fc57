import { once } from "node:events";
import { statSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { externalControl } from "../../src/service-installers/external/control.ts";
import { groupMembers, identityOf, isRunning } from "../../src/service-installers/external/processes.ts";
import { type StartedHome, type Supervised, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";
import { openclaw } from "../support/home.ts";

// One gateway for all tests, in this order: each leaves a gateway running, except the last.
let home: StartedHome;
let supervised: Supervised;

beforeAll(async () => {
  home = await startGatewayHome();
  supervised = startSupervised(home, { backOffMs: 500 });
  await waitReady(home.port);
});
afterAll(() => home?.dispose());

const control = () => externalControl(home.stateDir);
const told = (event: string) => supervised.events.filter((line) => line.event === event).length;

function gateway() {
  const identity = identityOf(home.gatewayPid());
  if (identity === null) throw new Error(`no gateway runs\n${supervised.output()}`);
  return identity;
}

test("the process that the supervisor names is the gateway of the host's own lock", async () => {
  expect(await control().status()).toMatchObject({ manager: "external", state: "running", mainPid: gateway().pid, restarts: 0 });
});

test("a killed gateway is started again, after nothing of the dead one is left", async () => {
  const dead = gateway();
  process.kill(dead.pid, "SIGKILL");
  await expect.poll(() => told("child-started"), { timeout: 30_000 }).toBe(2);
  expect(groupMembers(dead)).toEqual([]);
  await waitReady(home.port);
  expect(gateway()).not.toEqual(dead);
  expect(await control().status()).toMatchObject({ state: "running", restarts: 1, lastExit: { signal: "SIGKILL" } });
});

test("the host's own restart command hands over to a fresh process at once", async () => {
  const before = gateway();
  const answer = await openclaw(["gateway", "restart", "--json"], { ...home.env, OPENCLAW_SUPERVISOR_MODE: "external" });
  expect(JSON.parse(answer.stdout)).toMatchObject({ ok: true });
  await waitReady(home.port);
  expect(gateway()).not.toEqual(before);
  expect(isRunning(before)).toBe(false);
  expect(told("handed-over")).toBe(1);
  expect(await control().status()).toMatchObject({ state: "running", restarts: 2, lastExit: { code: 0 } });
});

test("a frozen gateway is woken, ended in order and replaced by restart", async () => {
  const frozen = gateway();
  process.kill(frozen.pid, "SIGSTOP");
  await control().restart();
  expect(isRunning(frozen)).toBe(false);
  await waitReady(home.port);
  expect(told("child-killed")).toBe(0);
});

test("stop keeps it down, and start brings it back", async () => {
  const before = gateway();
  await control().stop();
  expect(isRunning(before)).toBe(false);
  expect(await control().status()).toMatchObject({ state: "stopped", stoppedOnPurpose: true });
  await control().start();
  await waitReady(home.port);
  expect(await control().status()).toMatchObject({ state: "running", mainPid: gateway().pid });
});

test("SIGTERM to the supervisor ends everything with 0", async () => {
  const last = gateway();
  const { supervisor } = supervised;
  supervisor.kill("SIGTERM");
  expect(await once(supervisor, "exit")).toEqual([0, null]);
  expect(isRunning(last)).toBe(false);
  expect(groupMembers(last)).toEqual([]);
  expect(statSync(control().name, { throwIfNoEntry: false })).toBeUndefined();
  expect(told("child-killed")).toBe(0);
});
