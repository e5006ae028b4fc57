import { linkSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { isThere } from "../../src/shared/secure-file.ts";
import { type Mending, nameMaintenance } from "./mending.ts";
import type { StepOutcome } from "./plan.ts";

/**
 * Moves the host's lock file aside when it names nobody. It is looked at again after the move: a gateway that took it in between gets it
 * back, unless a newer one has made its own already.
 */
export async function quarantineLock(
  ports: Pick<Mending, "folder" | "lockPath" | "readLock" | "lockHolders" | "listens" | "maintenance" | "move" | "stillOurs" | "windUp">,
): Promise<StepOutcome> {
  const running = await ports.maintenance();
  if (running.length > 0) return aborted(`the host is at work: ${nameMaintenance(running)}`);
  if (await ports.listens()) return aborted("something listens on the gateway's port");
  const holders = ports.lockHolders();
  if (holders.length > 0) return aborted(`pid ${holders.join(", ")} holds the kernel's lock beside it`);
  const lock = ports.readLock(ports.lockPath);
  const aside = join(ports.folder, "gateway.state.lock");
  const moved = `moved a lock that named nobody to ${aside}; undo: mv ${aside} ${ports.lockPath}`;
  if (lock.state === "none") return { outcome: "done", detail: isThere(aside) ? moved : "there is no lock file any more" };
  if (ports.windUp) return aborted("the repair is not gone on with");
  if (lock.state !== "garbled") return aborted(lock.state === "held" ? "the lock names its holder now" : (lock.why ?? "it cannot be read"));

  ports.stillOurs();
  ports.move(ports.lockPath, aside);
  if (ports.readLock(aside).state === "held") {
    giveBack(aside, ports.lockPath);
    return aborted("a gateway took the lock at this very moment, and has it back");
  }
  return { outcome: "done", detail: moved };
}

/** As a second name of the same file: whoever has it open goes on with it, and a newer lock is never replaced. */
function giveBack(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  }
}

function aborted(detail: string): StepOutcome {
  return { outcome: "aborted", detail };
}
