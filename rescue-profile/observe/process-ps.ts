import { execFileSync } from "node:child_process";
import { runCommand } from "../../src/shared/run-command.ts";
import type { Reading, RunState } from "../core/model.ts";
import type { LiveIdentity, ProcessFacts } from "./process.ts";
import { seen, unseen } from "./reading.ts";

/** Everywhere but on Linux a process is asked for with ps(1), some 10 ms a call. */
const COLUMNS = "pid=,ppid=,uid=,stat=,rss=,time=,etime=,lstart=,command=";

export type PsProcess = ProcessFacts & Pick<LiveIdentity, "uid" | "command">;

function psArguments(pid: number): string[] {
  return ["-ww", "-o", COLUMNS, "-p", String(pid)];
}

/** The start is printed in the local language and zone; the host reads it as UTC, so that it never jumps with the zone. */
function psEnvironment(): NodeJS.ProcessEnv {
  return { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" };
}

/** null: no such process, or only a zombie. */
export async function readByPs(pid: number, timeoutMs: number): Promise<Reading<ProcessFacts | null>> {
  if (process.platform === "win32") return unseen("processes cannot be examined on Windows yet");
  const ps = await runCommand(["ps", ...psArguments(pid)], { timeoutMs, env: psEnvironment(), maxBytes: 65_536 });
  if (ps.notStarted !== undefined) return unseen(`ps: ${ps.notStarted}`);
  if (ps.timedOut) return unseen(`ps did not answer within ${timeoutMs} ms`);
  // ps ends with 1 and prints nothing when there is no such process.
  if (ps.stdout.trim() === "" && ps.stderr.trim() === "") return seen(null);
  const parsed = parsePs(ps.stdout);
  if (parsed === undefined) return unseen("ps answered something unknown");
  return seen(parsed === "gone" ? null : parsed);
}

/** As `readByPs`, at once. Throws when it could not look. */
export function readByPsNow(pid: number): LiveIdentity | undefined {
  if (process.platform === "win32") throw new Error("processes cannot be examined on Windows yet");
  let text: string;
  try {
    text = execFileSync("ps", psArguments(pid), {
      env: psEnvironment(),
      encoding: "utf8",
      timeout: 1000,
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "status") === 1 && Reflect.get(error, "stdout") === "") return undefined;
    throw error;
  }
  const parsed = parsePs(text);
  if (parsed === undefined) throw new Error("ps answered something unknown");
  if (parsed === "gone") return undefined;
  const { startTime, parentPid, uid, run, command } = parsed;
  return { pid, startTime, parentPid, uid, run, command };
}

/** One line of the columns above. `startTime` is whole seconds since 1970, as in the host's lock on macOS. */
export function parsePs(text: string): PsProcess | "gone" | undefined {
  const found = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/m.exec(text);
  if (found === null) return undefined;
  const [, pid, ppid, uid, stat = "", rss, time = "", elapsed = "", started, command = ""] = found;
  const startedMs = Date.parse(`${started} UTC`);
  const cpuMs = parseDuration(time);
  const ageMs = parseDuration(elapsed);
  const run = runStateOfPs(stat);
  if (Number.isNaN(startedMs) || cpuMs === undefined || ageMs === undefined || run === undefined) return undefined;
  if (run === "gone") return "gone";
  return {
    pid: Number(pid),
    parentPid: Number(ppid),
    uid: Number(uid),
    run,
    startTime: Math.floor(startedMs / 1000),
    cpuMs,
    ageMs,
    rssBytes: Number(rss) * 1024,
    command: command.trim(),
  };
}

/** `[[days-]hours:]minutes:seconds[.hundredths]`; minutes may exceed 59 in macOS' `time`. */
function parseDuration(text: string): number | undefined {
  const found = /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(text);
  if (found === null) return undefined;
  const [, days = "0", hours = "0", minutes, seconds] = found;
  return Math.round((((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000);
}

/** First letter: state; an X among the flags behind it: traced (macOS). */
function runStateOfPs(stat: string): RunState | "gone" | undefined {
  switch (stat[0]) {
    case "R":
      return "running";
    case "S":
    case "I":
      return "sleeping";
    case "U":
    case "D":
      return "uninterruptible";
    case "T":
      return stat.includes("X") ? "traced" : "stopped";
    case "t":
      return "traced";
    case "Z":
      return "gone";
    default:
      return undefined;
  }
}
