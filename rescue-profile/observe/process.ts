import { systemErrorCode } from "../../src/shared/errors.ts";
import { readProcFile, readProcLink } from "../../src/shared/proc-files.ts";
import type { ProcessIdentity, ProcessReading, Reading, RunState } from "../core/model.ts";
import { coordinatorPath } from "./coordinator.ts";
import { writeLockHolders } from "./kernel-locks.ts";
import { type HostLock, readLockFile } from "./lock-file.ts";
import { readProcStat, runStateOf } from "./proc.ts";
import { ageMsOf, PAGE_BYTES, ticksToMs } from "./proc-time.ts";
import { readByPs, readByPsNow } from "./process-ps.ts";
import { seen, unseen, unseenBecause } from "./reading.ts";

/** What can be said of any live process, cheaply. */
export interface ProcessFacts extends ProcessIdentity {
  readonly parentPid: number;
  readonly run: RunState;
  readonly cpuMs: number;
  readonly ageMs: number;
  readonly rssBytes: number;
}

/** For the fence: who this pid is at this very moment. */
export interface LiveIdentity extends ProcessIdentity {
  readonly parentPid: number;
  readonly uid: number;
  readonly run: RunState;
  /** Absent where it is only known to the second. */
  readonly cpuMs?: number;
  /** The process title; the host's is `openclaw-gateway`, its arguments are overwritten. */
  readonly command: string;
  /** Absent where they are not visible to us. `exe` ends in ` (deleted)` after an upgrade in place. */
  readonly exe?: string;
  readonly cwd?: string;
}

/**
 * The gateway's process, found by the host's own lock; when that is not there, by the kernel's lock on the state database of this path, which
 * outlives a deleted lock and a state dir that was renamed away (measured); when neither names it, by the service manager's `serviceMainPid`,
 * which covers the seconds of a boot before the lock exists. Two or three small files a look, without I/O.
 * A lock held by offline maintenance is nobody's gateway.
 */
export async function readProcess(
  target: { readonly lockPath: string; readonly databasePath?: string },
  options: { readonly serviceMainPid?: number; readonly timeoutMs?: number } = {},
): Promise<Reading<ProcessReading>> {
  const timeoutMs = options.timeoutMs ?? 1000;
  const lock = lockOwner(target.lockPath);
  if (!lock.ok) return lock;
  if (lock.value !== null) {
    const { pid, startTime, ownerId } = lock.value;
    const facts = await readFacts(pid, timeoutMs);
    if (!facts.ok) return facts;
    if (facts.value !== null && (startTime === undefined || facts.value.startTime === startTime)) {
      return seen(alive(facts.value, "lock", ownerId));
    }
  }
  if (lock.value === null && target.databasePath !== undefined) {
    const holder = await gatewayByKernel(target.databasePath, timeoutMs);
    if (!holder.ok) return holder;
    if (holder.value !== null) return seen(alive(holder.value, "kernel", undefined));
  }
  const absent: ProcessReading =
    lock.value === null ? { state: "absent", because: "no-lock" } : { state: "absent", because: "gone", lastPid: lock.value.pid };
  if (options.serviceMainPid === undefined || options.serviceMainPid <= 0) return seen(absent);
  const facts = await readFacts(options.serviceMainPid, timeoutMs);
  if (!facts.ok) return facts;
  return seen(facts.value === null ? absent : alive(facts.value, "service", undefined));
}

/** The lock as the host wrote it, whatever its role; null when there is none. Not ok when it is garbled or unreadable. */
export function readLock(lockPath: string): Reading<HostLock | null> {
  const file = readLockFile(lockPath);
  if (file.state === "held") return seen(file.lock);
  return file.state === "none" ? seen(null) : unseen(file.why);
}

/**
 * Who this pid is now; undefined when it does not exist or is only a zombie. Throws when it could not be examined.
 * Synchronous, so that nothing of ours can run between this answer and a signal sent because of it.
 */
export function readIdentity(pid: number): LiveIdentity | undefined {
  if (process.platform !== "linux") return readByPsNow(pid);
  const facts = readFactsOfLinux(pid);
  if (!facts.ok) throw new Error(facts.why);
  const status = readProcFile(pid, "status");
  const command = readProcFile(pid, "cmdline");
  if (facts.value === null || status === undefined || command === undefined) return undefined;
  const exe = visibleLink(pid, "exe");
  const cwd = visibleLink(pid, "cwd");
  return {
    pid,
    startTime: facts.value.startTime,
    parentPid: facts.value.parentPid,
    run: facts.value.run,
    cpuMs: facts.value.cpuMs,
    uid: statusField(status, "Uid"),
    command: command.replaceAll("\0", " ").trim(),
    ...(exe === undefined ? {} : { exe }),
    ...(cwd === undefined ? {} : { cwd }),
  };
}

type Owner = { readonly pid: number; readonly startTime?: number; readonly ownerId?: string };

/**
 * A garbled lock is no dead end on Linux: the host holds an exclusive lock of the kernel on the file next to it for as long
 * as it owns the lock, and the kernel gives that up with the process.
 */
export function lockOwner(lockPath: string): Reading<Owner | null> {
  const file = readLockFile(lockPath);
  switch (file.state) {
    case "none":
      return seen(null);
    case "held":
      return seen(file.lock.role === "gateway" ? file.lock : null);
    case "unreadable":
      return unseen(file.why);
    case "garbled": {
      if (process.platform !== "linux") return unseen(file.why);
      try {
        const [holder] = writeLockHolders([`${lockPath}.sqlite`]);
        return seen(holder === undefined ? null : { pid: holder });
      } catch (error) {
        const because = unseenBecause(error, "asking the kernel for locks");
        return unseen(`${file.why}; ${because.why}`);
      }
    }
  }
}

/**
 * Who holds `gateway-lifecycle`, if it is a gateway by its title: offline maintenance takes the same lock, and so does a gateway in the first
 * seconds of its boot, which is still titled `openclaw`.
 */
async function gatewayByKernel(databasePath: string, timeoutMs: number): Promise<Reading<ProcessFacts | null>> {
  if (process.platform !== "linux") return seen(null);
  try {
    const holders = writeLockHolders([coordinatorPath("gateway-lifecycle", databasePath)]);
    const pid = holders.find((each) => readProcFile(each, "cmdline")?.replace(/[\0 ]+$/, "") === "openclaw-gateway");
    return pid === undefined ? seen(null) : await readFacts(pid, timeoutMs);
  } catch (error) {
    return unseenBecause(error, "asking the kernel for locks");
  }
}

function alive(facts: ProcessFacts, namedBy: "lock" | "kernel" | "service", ownerId: string | undefined): ProcessReading {
  const { pid, startTime, run, cpuMs, ageMs, rssBytes } = facts;
  const identity = { pid, startTime };
  return { state: "alive", identity, namedBy, run, cpuMs, ageMs, rssBytes, ...(ownerId === undefined ? {} : { ownerId }) };
}

/** null: gone, or a zombie. */
async function readFacts(pid: number, timeoutMs: number): Promise<Reading<ProcessFacts | null>> {
  return process.platform === "linux" ? readFactsOfLinux(pid) : readByPs(pid, timeoutMs);
}

function readFactsOfLinux(pid: number): Reading<ProcessFacts | null> {
  try {
    const stat = readProcStat(pid);
    if (stat === undefined) return hiddenOrGone(pid);
    const status = stat.stateCode === "T" ? readProcFile(pid, "status") : undefined;
    const run = runStateOf(stat, status === undefined ? 0 : statusField(status, "TracerPid"));
    if (run === undefined) return unseen(`pid ${pid} is in a state unknown here: ${stat.stateCode}`);
    if (run === "gone") return seen(null);
    return seen({
      pid,
      startTime: stat.startTime,
      parentPid: stat.parentPid,
      run,
      cpuMs: ticksToMs(stat.cpuTicks),
      ageMs: ageMsOf(stat.startTime),
      rssBytes: stat.rssPages * PAGE_BYTES,
    });
  } catch (error) {
    return unseenBecause(error, `examining pid ${pid}`);
  }
}

/** `hidepid` makes another user's process look absent in /proc, while the kernel still admits that the pid exists. */
function hiddenOrGone(pid: number): Reading<null> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return seen(null);
    return unseenBecause(error, `examining pid ${pid}, which /proc does not show`);
  }
  return unseen(`pid ${pid} exists, but /proc does not show it`);
}

/** `exe` and `cwd` of another user's process are hidden from us; that alone is no failure to look. */
function visibleLink(pid: number, name: string): string | undefined {
  try {
    return readProcLink(pid, name);
  } catch (error) {
    if (systemErrorCode(error) === "EACCES" || systemErrorCode(error) === "EPERM") return undefined;
    throw error;
  }
}

function statusField(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN);
}
