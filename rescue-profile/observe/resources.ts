import { statfs } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { readDescriptors, readProcFile } from "../../src/shared/proc-files.ts";
import type { Reading, ResourceReading } from "../core/model.ts";
import { coordinatorPath } from "./coordinator.ts";
import { databaseFiles } from "./database-finding.ts";
import { writeLockHolders } from "./kernel-locks.ts";
import { readProcStat } from "./proc.ts";
import { seen, unseenBecause } from "./reading.ts";

/** A busy disk shows a moment of D now and then; a hanging one shows it each time. */
const DISK_WAIT_SAMPLES = 3;
const DISK_WAIT_GAP_MS = 10;

/**
 * What a kill of a silent gateway could make worse. Not ok as soon as one part could not be looked at: what was not seen is not
 * ruled out. `pid` is absent when there is no process; then its parts are left out. Elsewhere than on Linux only the disk is
 * looked at, because nothing there tells the rest without privileges.
 */
export async function readResources(
  target: { readonly stateDir: string; readonly databasePath: string },
  pid: number | undefined,
): Promise<Reading<ResourceReading>> {
  try {
    const diskFreeRatio = await freeRatio(target.stateDir);
    if (process.platform !== "linux") return seen({ diskFreeRatio });
    const [lockedBy] = writeLockHolders(lockedFiles(target)).filter((holder) => holder !== pid);
    return seen({
      diskFreeRatio,
      ...(lockedBy === undefined ? {} : { databaseLockedByPid: lockedBy }),
      ...(pid === undefined ? {} : { ...descriptors(pid), waitsForDisk: await waitsForDisk(pid) }),
    });
  } catch (error) {
    return unseenBecause(error, "looking at disk, descriptors and locks");
  }
}

/** As df(1) computes it: of what this user may use, not counting the part reserved for root. */
export async function freeRatio(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(directory);
  const usable = blocks - bfree + bavail;
  return usable === 0 ? 0 : bavail / usable;
}

/** What this user may still use, in bytes. */
export async function freeBytes(directory: string): Promise<number> {
  const { bsize, bavail } = await statfs(directory);
  return bavail * bsize;
}

/** Every file whose lock the gateway may have to wait for: shared state, each agent's database, and who may write the former. */
function lockedFiles(target: { readonly stateDir: string; readonly databasePath: string }): string[] {
  const databases = databaseFiles(target).flatMap((file) => [file, `${file}-wal`, `${file}-shm`]);
  return [...databases, coordinatorPath("state-lifecycle", target.databasePath)];
}

function descriptors(pid: number): Pick<ResourceReading, "openFiles" | "openFilesLimit"> {
  const open = readDescriptors(pid);
  const limit = /^Max open files\s+(\d+)/m.exec(readProcFile(pid, "limits") ?? "")?.[1];
  return {
    ...(open === undefined ? {} : { openFiles: open.length }),
    // "unlimited" has no number and cannot be exhausted.
    ...(limit === undefined ? {} : { openFilesLimit: Number(limit) }),
  };
}

/** /proc/PID/stat is the main thread's state: the one that serves. */
async function waitsForDisk(pid: number): Promise<boolean> {
  for (let sample = 0; sample < DISK_WAIT_SAMPLES; sample++) {
    if (sample > 0) await delay(DISK_WAIT_GAP_MS);
    if (readProcStat(pid)?.stateCode !== "D") return false;
  }
  return true;
}
