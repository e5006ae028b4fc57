import { readFileSync, statSync } from "node:fs";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { readDescriptors } from "../../src/shared/proc-files.ts";

/** One line of `/proc/locks`, see proc_locks(5). */
export interface KernelLock {
  readonly pid: number;
  readonly write: boolean;
  /** `major:minor` of the file system, hexadecimal. Not always what stat(2) reports (btrfs, overlayfs). */
  readonly device: string;
  readonly inode: number;
}

/** Lines of waiters (`->`) and of locks whose owner is not visible here (pid 0 or -1) are left out. */
export function parseKernelLocks(text: string): KernelLock[] {
  return text.split("\n").flatMap((line) => {
    const found = /^\d+: \w+ +\w+ +(READ|WRITE) +(\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line);
    if (found === null) return [];
    const [, kind, pid, device = "", inode] = found;
    return Number(pid) === 0 ? [] : [{ pid: Number(pid), write: kind === "WRITE", device, inode: Number(inode) }];
  });
}

/**
 * The processes that hold a write lock on one of these files at this moment. Files that do not exist have no holders.
 * Readers are left out: they make nobody wait who only reads, and every idle SQLite connection is one. Linux only.
 * Throws a system error when /proc/locks or a file cannot be looked at.
 */
export function writeLockHolders(files: readonly string[]): number[] {
  const wanted = files.flatMap((file) => statOf(file) ?? []);
  if (wanted.length === 0) return [];
  const locks = parseKernelLocks(readFileSync("/proc/locks", "utf8")).filter((lock) => lock.write);
  const holders = locks.flatMap((lock) => {
    const file = wanted.find(({ inode }) => inode === lock.inode);
    if (file === undefined) return [];
    return file.device === lock.device || hasOpen(lock.pid, file.path) ? [lock.pid] : [];
  });
  return [...new Set(holders)];
}

function statOf(file: string): { path: string; inode: number; device: string } | undefined {
  try {
    const { dev, ino } = statSync(file);
    // glibc's gnu_dev_major and gnu_dev_minor for the 32 bits that occur.
    const major = (dev >>> 8) & 0xfff;
    const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00);
    const hex = (part: number): string => part.toString(16).padStart(2, "0");
    return { path: file, inode: ino, device: `${hex(major)}:${hex(minor)}` };
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Settles by name what device numbers cannot. A process that does not let itself be examined does not count. */
function hasOpen(pid: number, file: string): boolean {
  try {
    return readDescriptors(pid)?.includes(file) ?? false;
  } catch (error) {
    if (systemErrorCode(error) === "EACCES" || systemErrorCode(error) === "EPERM") return false;
    throw error;
  }
}
