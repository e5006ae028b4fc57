import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { externalControl } from "../../../src/service-installers/external/control.ts";
import {
  groupMembers,
  identityOf,
  isRunning,
  readWithPs,
  signalGroup,
  signalProcess,
} from "../../../src/service-installers/external/processes.ts";
import { openRecord } from "../../../src/service-installers/external/record.ts";
import { alive, CHILD, MAIN, makeStateDir, pidIn, QUICK, readLines, until } from "./harness.ts";

const supervisors: ChildProcess[] = [];
const removals: (() => void)[] = [];

afterEach(async () => {
  for (const { pid, exitCode, signalCode } of supervisors) {
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(pid, "SIGTERM");
  }
  await Promise.all(supervisors.splice(0).map(ended));
  for (const remove of removals.splice(0)) remove();
});

const ended = async (child: ChildProcess) => (child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined);

function place() {
  const made = makeStateDir();
  removals.push(made.remove);
  return made;
}

/** A supervisor as its own process, with the signals that the system delivers. */
function startProcess({ stateDir, runsFile }: ReturnType<typeof place>, ...steps: readonly string[]) {
  const args = [MAIN, stateDir, JSON.stringify(QUICK), process.execPath, CHILD, runsFile, ...steps];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  supervisors.push(child);
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  return { child, output: () => output, said: (text: string) => until(text, () => output.includes(text)) };
}

test("a real SIGTERM ends both, and SIGUSR1 opens no inspector in the supervisor", async () => {
  const at = place();
  const { child, said, output } = startProcess(at, "usr");
  await pidIn(at.runsFile);
  child.kill("SIGUSR1");
  await until("the child hears it", () => readLines(`${at.runsFile}.heard`)[0]);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  await said('"left"');
  expect(output()).not.toMatch(/Debugger/);
  expect(alive(await pidIn(at.runsFile))).toBe(false);
});

test("a child that outlived its killed supervisor is adopted by the next, watched, and ended by it", async () => {
  const at = place();
  const first = startProcess(at, "stay");
  const pid = await pidIn(at.runsFile);
  await first.said("child-started");
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  expect(alive(pid)).toBe(true);
  expect(await externalControl(at.stateDir).status()).toMatchObject({ state: "not-installed" });

  const second = startProcess(at, "stay");
  await second.said("child-adopted");
  expect(await externalControl(at.stateDir).status()).toMatchObject({ state: "running", mainPid: pid });

  process.kill(pid, "SIGKILL");
  const next = await until("a child of its own", () => readLines(at.runsFile).map(Number)[1]);
  expect(next).not.toBe(pid);
  second.child.kill("SIGTERM");
  expect(await once(second.child, "exit")).toEqual([0, null]);
  expect(alive(next)).toBe(false);
});

test("an adopted child is stopped and restarted like any other", async () => {
  const at = place();
  const first = startProcess(at, "stay");
  const pid = await pidIn(at.runsFile);
  await first.said("child-started");
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  await startProcess(at, "stay").said("child-adopted");
  const control = externalControl(at.stateDir);
  await control.restart();
  expect(alive(pid)).toBe(false);
  await until("a child of its own", () => readLines(at.runsFile)[1]);
  await control.stop();
  expect(await control.status()).toMatchObject({ state: "stopped", stoppedOnPurpose: true });
});

test("a dead supervisor whose child is dead too leaves nothing to adopt", async () => {
  const at = place();
  const first = startProcess(at, "stay");
  const pid = await pidIn(at.runsFile);
  await first.said("child-started");
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  process.kill(pid, "SIGKILL");
  await until("it is gone", () => !alive(pid));
  const second = startProcess(at, "stay");
  await second.said("child-started");
  expect(second.output()).not.toContain("child-adopted");
});

test("a second supervisor process leaves with the code for busy", async () => {
  const at = place();
  await startProcess(at, "stay").said("child-started");
  const second = startProcess(at, "stay");
  expect(await once(second.child, "exit")).toEqual([8, null]);
  await second.said(at.stateDir);
});

test("the record is the lock: nobody else opens it before its owner closes it, and then it tells who the child was", () => {
  const { stateDir } = place();
  const path = join(stateDir, "record");
  const child = { pid: 7, startTime: 42 };
  const first = openRecord(path);
  first?.write({ pid: 6, startTime: 41 });
  first?.write(child);
  expect(openRecord(path)).toBeNull();
  first?.close();
  const second = openRecord(path);
  expect(second?.previous).toEqual(child);
  second?.write(null);
  second?.close();
  const third = openRecord(path);
  expect(third?.previous).toBeNull();
  third?.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a pid that now belongs to another process is neither signalled nor taken for a group", async () => {
  const other = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  await once(other, "spawn");
  const identity = identityOf(other.pid ?? 0);
  if (identity === null) throw new Error("sleep did not start");
  const earlier = { pid: identity.pid, startTime: identity.startTime - 1 };
  expect(isRunning(earlier)).toBe(false);
  expect(signalProcess(earlier, "SIGKILL")).toBe(false);
  expect(signalGroup(earlier, "SIGKILL")).toBe(false);
  expect(groupMembers(earlier)).toEqual([]);
  expect(groupMembers(identity)).toEqual([identity]);
  expect(readWithPs(["-p", String(identity.pid)])).toMatchObject([{ pid: identity.pid, group: identity.pid, zombie: false }]);
  expect(signalGroup(identity, "SIGKILL")).toBe(true);
  expect(await once(other, "exit")).toEqual([null, "SIGKILL"]);
  expect(readWithPs(["-p", String(identity.pid)])).toEqual([]);
});
