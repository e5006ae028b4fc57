import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { stateDirOfProcess } from "../../src/shared/openclaw-home.ts";
import { readProcFile } from "../../src/shared/proc-files.ts";
import { runCommand } from "../../src/shared/run-command.ts";
import type { MaintenanceReading, Reading } from "../core/model.ts";
import { coordinatorPath } from "./coordinator.ts";
import { type HostCommand, readHostCommand } from "./host-command.ts";
import { writeLockHolders } from "./kernel-locks.ts";
import { listPids, readProcStat } from "./proc.ts";
import { ageMsOf } from "./proc-time.ts";
import { seen, unseen, unseenBecause } from "./reading.ts";

/** A process that looks like the host's. */
interface HostProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly ageMs: number;
  readonly argv: readonly string[];
  readonly command: HostCommand;
}

/**
 * A wizard or a doctor that waits for an answer in a forgotten terminal must not switch the watchdog off. Longer than any
 * step of the host's update may take; whoever holds the state's lock counts for as long as it does.
 */
const FORGOTTEN_MS = 3_600_000;

/**
 * Commands of the host that work on this state dir now, so that it must be left alone. Evidence, strongest first:
 * the kernel's word on who holds the state dir for itself (Linux), then the command lines of the host's processes, each with
 * the state dir that its own arguments and environment choose. Never a gateway: that one's title tells.
 * A command counts once, as its launcher. Other users' processes cannot be attributed and do not count.
 */
export async function readMaintenance(
  target: { readonly stateDir: string; readonly databasePath: string },
  options: { readonly home?: string; readonly timeoutMs?: number } = {},
): Promise<Reading<MaintenanceReading>> {
  if (process.platform === "win32") return unseen("processes cannot be listed on Windows yet");
  try {
    const processes = process.platform === "linux" ? hostProcesses() : await hostProcessesByPs(options.timeoutMs ?? 2000);
    if ("ok" in processes) return processes;
    const holders = process.platform === "linux" ? writeLockHolders([coordinatorPath("gateway-lifecycle", target.databasePath)]) : [];
    const home = options.home ?? homedir();
    const running = processes.flatMap((each) => {
      const what = maintenanceOf(each, processes);
      if (what === undefined) return [];
      const holds = holders.some((holder) => holder === each.pid || parentOf(holder, processes) === each.pid);
      const counts = holds || (each.ageMs < FORGOTTEN_MS && worksOn(each, target.stateDir, home));
      return counts ? [{ pid: each.pid, what }] : [];
    });
    const owners = holders.flatMap((pid) => owner(pid, processes, running));
    return seen({ running: [...running, ...owners] });
  } catch (error) {
    return unseenBecause(error, "listing processes");
  }
}

/** What this process maintains, unless its launcher is there to speak for it. */
function maintenanceOf(each: HostProcess, processes: readonly HostProcess[]): string | undefined {
  if (each.command.kind !== "maintenance") return undefined;
  const launcher = processes.find(({ pid }) => pid === each.parentPid);
  return launcher === undefined || launcher.command.kind === "untold" ? each.command.what : undefined;
}

/**
 * A holder of the state dir that is no known maintenance, such as an embedded agent run. A gateway is titled `openclaw` while it
 * boots and `openclaw-gateway` afterwards, and neither title tells.
 */
function owner(
  pid: number,
  processes: readonly HostProcess[],
  running: readonly { readonly pid: number }[],
): { pid: number; what: string }[] {
  const found = processes.find((each) => each.pid === pid);
  if (found === undefined || found.argv.length > 1 || found.command.kind !== "other") return [];
  if (running.some((known) => known.pid === pid || known.pid === found.parentPid)) return [];
  return [{ pid, what: (found.argv[0] ?? "").replace("-", " ") }];
}

function parentOf(pid: number, processes: readonly HostProcess[]): number | undefined {
  return processes.find((each) => each.pid === pid)?.parentPid;
}

function worksOn(each: HostProcess, stateDir: string, home: string): boolean {
  if (each.command.kind === "maintenance" && each.command.touches === "program") return true;
  const env: Record<string, string> | undefined = process.platform === "linux" ? environmentOf(each.pid) : { HOME: home };
  if (env === undefined) return false;
  const chosen = stateDirOfProcess(each.argv, { home: env["HOME"] ?? home, env });
  return chosen === stateDir || resolved(chosen) === stateDir;
}

function resolved(directory: string): string {
  try {
    return realpathSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return directory;
  }
}

/** What the process was started with. undefined: gone, or another user's. Linux only. */
export function environmentOf(pid: number): Record<string, string> | undefined {
  const text = readableFile(pid, "environ");
  if (text === undefined) return undefined;
  return Object.fromEntries(
    text.split("\0").map((entry) => {
      const at = entry.indexOf("=");
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

function readableFile(pid: number, name: string): string | undefined {
  try {
    return readProcFile(pid, name);
  } catch (error) {
    if (systemErrorCode(error) === "EACCES" || systemErrorCode(error) === "EPERM") return undefined;
    throw error;
  }
}

function hostProcesses(): HostProcess[] {
  return listPids().flatMap((pid) => {
    const commandLine = readableFile(pid, "cmdline");
    // Most processes end here, so that a look costs little more than the listing.
    if (commandLine === undefined || !commandLine.includes("openclaw")) return [];
    const argv = commandLine.replace(/[\0 ]+$/, "").split("\0");
    const command = readHostCommand(argv);
    const stat = command === undefined ? undefined : readProcStat(pid);
    if (command === undefined || stat === undefined) return [];
    return [{ pid, parentPid: stat.parentPid, ageMs: ageMsOf(stat.startTime), argv, command }];
  });
}

async function hostProcessesByPs(timeoutMs: number): Promise<HostProcess[] | { ok: false; why: string }> {
  const argv = ["ps", "-ww", "-U", String(process.getuid?.() ?? 0), "-o", "pid=,ppid=,etime=,command="];
  const ps = await runCommand(argv, { timeoutMs, maxBytes: 4_194_304 });
  if (ps.notStarted !== undefined) return unseen(`ps: ${ps.notStarted}`);
  if (ps.timedOut) return unseen(`ps did not answer within ${timeoutMs} ms`);
  return parsePsList(ps.stdout);
}

/** ps separates arguments by blanks, so a path with blanks is not recognised as the host's. */
export function parsePsList(text: string): HostProcess[] {
  return text.split("\n").flatMap((line) => {
    const found = /^\s*(\d+)\s+(\d+)\s+(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)\s+(.*)$/.exec(line);
    if (found === null) return [];
    const [, pid, parentPid, days = "0", hours = "0", minutes, seconds, text = ""] = found;
    const argv = text.trim().split(/\s+/);
    const command = readHostCommand(argv);
    if (command === undefined) return [];
    const ageMs = (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    return [{ pid: Number(pid), parentPid: Number(parentPid), ageMs, argv, command }];
  });
}
