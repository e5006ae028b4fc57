import { readdirSync } from "node:fs";
import { readProcFile } from "../../src/shared/proc-files.ts";
import type { RunState } from "../core/model.ts";

/** What `/proc/PID/stat` says, see proc_pid_stat(5). Ticks are of `CLOCK_TICKS` per second. */
export interface ProcStat {
  readonly pid: number;
  /** First 15 bytes of the process title. */
  readonly comm: string;
  readonly stateCode: string;
  readonly parentPid: number;
  readonly threads: number;
  readonly cpuTicks: number;
  /** Ticks since boot; the same number the host writes into its lock. */
  readonly startTime: number;
  readonly rssPages: number;
}

/** The command name may contain spaces and parentheses, so the fields are counted from the last parenthesis. */
export function parseProcStat(text: string): ProcStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text
    .slice(close + 2)
    .trimEnd()
    .split(" ");
  const at = (field: number): number => Number(fields[field - 3]);
  const stat: ProcStat = {
    pid: Number(text.slice(0, open)),
    comm: text.slice(open + 1, close),
    stateCode: fields[0] ?? "",
    parentPid: at(4),
    threads: at(20),
    cpuTicks: at(14) + at(15),
    startTime: at(22),
    rssPages: at(24),
  };
  const numbers = [stat.pid, stat.parentPid, stat.threads, stat.cpuTicks, stat.startTime, stat.rssPages];
  return numbers.every(Number.isSafeInteger) && stat.stateCode !== "" ? stat : undefined;
}

/** undefined: no such process. Throws a system error when /proc could not be read, and on a format that is not /proc's. */
export function readProcStat(pid: number): ProcStat | undefined {
  const text = readProcFile(pid, "stat");
  if (text === undefined) return undefined;
  const stat = parseProcStat(text);
  if (stat === undefined) throw new Error(`/proc/${pid}/stat has an unknown format`);
  return stat;
}

export function listPids(): number[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/**
 * `gone` for a process of which nothing but the exit status is left. A leader that ended while threads of it are still stuck
 * in the kernel keeps the process' locks and port, so it is not gone. State codes: proc_pid_stat(5); `traced` needs the
 * tracer's pid, because a traced process may also show T.
 */
export function runStateOf(stat: Pick<ProcStat, "stateCode" | "threads">, tracerPid: number): RunState | "gone" | undefined {
  switch (stat.stateCode) {
    case "R":
      return "running";
    case "S":
    case "I":
    case "P":
      return "sleeping";
    case "D":
    case "K":
    case "W":
      return "uninterruptible";
    case "t":
      return "traced";
    case "T":
      return tracerPid > 0 ? "traced" : "stopped";
    case "Z":
      return stat.threads > 1 ? "uninterruptible" : "gone";
    case "X":
    case "x":
      return "gone";
    default:
      return undefined;
  }
}
