import { createHash } from "node:crypto";
import path from "node:path";

/**
 * Files on which the host holds an exclusive lock of the kernel while it owns something, outside the state dir. The kernel gives
 * the lock up with the process, so a holder is always alive. `databasePath` must be canonical. Host: `infra/state-database-coordinator`.
 * - `gateway-lifecycle`: a gateway, or maintenance that excludes one, for as long as it runs;
 * - `state-lifecycle`: whoever writes the shared state database.
 */
export function coordinatorPath(
  family: "gateway-lifecycle" | "state-lifecycle",
  databasePath: string,
  uid: number | undefined = process.getuid?.(),
): string {
  const hash = createHash("sha256").update(databasePath).digest("hex").slice(0, 8);
  const directory = uid === undefined ? "openclaw-state-locks" : `openclaw-state-locks-${uid}`;
  return path.join("/tmp", directory, `${family}.${hash}.lock.sqlite`);
}
