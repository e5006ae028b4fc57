import type { Reading } from "../core/model.ts";
import { coordinatorPath } from "./coordinator.ts";
import { writeLockHolders } from "./kernel-locks.ts";
import { readLockFile } from "./lock-file.ts";
import { lockOwner } from "./process.ts";
import { seen, unseenBecause } from "./reading.ts";
import type { Target } from "./target.ts";

/**
 * The host's lock file when it names nobody and nobody holds it, else null. While the file is being written its taker holds the kernel's
 * lock on the state already (measured: `gateway-lifecycle` comes first), so a half-written one is not taken for a dead one.
 */
export function readDeadLock(target: Target): Reading<string | null> {
  const { lockPath, databasePath } = target;
  if (readLockFile(lockPath).state !== "garbled") return seen(null);
  const owner = lockOwner(lockPath);
  if (!owner.ok) return owner;
  if (owner.value !== null) return seen(null);
  try {
    return seen(writeLockHolders([coordinatorPath("gateway-lifecycle", databasePath)]).length === 0 ? lockPath : null);
  } catch (error) {
    return unseenBecause(error, "asking the kernel for locks");
  }
}
