import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { ProcessIdentity } from "../../../rescue-profile/core/model.ts";
import { systemErrorCode } from "../../shared/errors.ts";
import { readProcFile } from "../../shared/proc-files.ts";

/** One row of the process table. `startTime`: clock ticks since boot on Linux, seconds since the epoch elsewhere. */
interface Row extends ProcessIdentity {
  readonly group: number;
  readonly zombie: boolean;
}

/** The identity of a process that exists now, a zombie included, or null. */
export function identityOf(pid: number): ProcessIdentity | null {
  const row = readRow(pid);
  return row === null ? null : { pid: row.pid, startTime: row.startTime };
}

/** True while exactly this process runs. A zombie does not: under a PID 1 that reaps nothing it would stay for ever. */
export function isRunning(identity: ProcessIdentity): boolean {
  const row = readRow(identity.pid);
  return row !== null && row.startTime === identity.startTime && !row.zombie;
}

/**
 * Who still runs in the process group that `leader` led. The kernel gives a number to no new process while a group carries it,
 * so the members are the leader's descendants, unless the number is in use again by another process: then nobody is.
 */
export function groupMembers(leader: ProcessIdentity): readonly ProcessIdentity[] {
  const now = readRow(leader.pid);
  if (now !== null && now.startTime !== leader.startTime) return [];
  return readAll()
    .filter((row) => row.group === leader.pid && row.startTime >= leader.startTime && !row.zombie)
    .map(({ pid, startTime }) => ({ pid, startTime }));
}

/** Signals exactly this process: its identity is read again immediately before. False when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  return isRunning(identity) && sendSignal(identity.pid, signal);
}

/** Signals the group of a living leader: while it lives, the group's number cannot belong to anybody else. False when it is gone. */
export function signalGroup(leader: ProcessIdentity, signal: NodeJS.Signals): boolean {
  const row = readRow(leader.pid);
  if (row === null || row.startTime !== leader.startTime || row.group !== leader.pid) return false;
  return sendSignal(-leader.pid, signal);
}

/**
 * Where pids and start times mean something: this boot and this pid namespace on Linux. A record from another scope names nobody here.
 */
export function pidScope(): string {
  if (process.platform !== "linux") return process.platform;
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
}

function sendSignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw error;
  }
}

function readRow(pid: number): Row | null {
  if (process.platform !== "linux") return readWithPs(["-p", String(pid)])[0] ?? null;
  const text = readProcFile(pid, "stat");
  return text === undefined ? null : parseStat(pid, text);
}

function readAll(): readonly Row[] {
  if (process.platform !== "linux") return readWithPs(["-ax"]);
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => readRow(Number(pid))).filter((row) => row !== null);
}

/** proc(5): the command in parentheses may itself hold parentheses and blanks, so the fields are counted from the last one. */
function parseStat(pid: number, text: string): Row {
  const [state = "", , group = "", ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid, startTime: Number(rest[16]), group: Number(group), zombie: state === "Z" || state === "X" };
}

/** macOS and the BSDs. `lstart` is the only start time that ps gives in full; its format depends on locale and zone. */
export function readWithPs(selection: readonly string[]): readonly Row[] {
  const columns = ["-o", "pid=", "-o", "pgid=", "-o", "stat=", "-o", "lstart="];
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
  let text: string;
  try {
    text = execFileSync("ps", [...selection, ...columns], { encoding: "utf8", env, timeout: 5_000, stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    // ps says "no such process" with status 1 and no output.
    if (error instanceof Error && "status" in error && error.status === 1) return [];
    throw error;
  }
  return text
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, group, stat = "", lstart]) => ({
      pid: Number(pid),
      group: Number(group),
      zombie: stat.startsWith("Z"),
      startTime: Date.parse(`${lstart} UTC`) / 1000,
    }));
}
