import { join } from "node:path";
import { messageOf } from "../src/shared/errors.ts";
import { readIfThere, writePlainFile } from "../src/shared/secure-file.ts";
import { MEMORY_FILE, parseMemory, serialiseMemory } from "./audit/memory.ts";
import { wallMs } from "./observe/clock.ts";
import { sleep, type Watchdog } from "./open-watchdog.ts";
import { startApart } from "./own-process.ts";

/** After somebody began to watch for the first time: neither a set-up nor the first boot is to be held up. */
const FIRST_AFTER_MS = 600_000;
const LOOK_EVERY_MS = 300_000;

type Auditor = Pick<Watchdog, "dir" | "options" | "settings" | "log">;

/** Makes an audit as often as the settings say, until the signal aborts. */
export async function auditing(dog: Auditor, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    auditIfDue(dog);
    await sleep(LOOK_EVERY_MS, signal);
  }
}

/** Starts one when it is due, in a process of its own: it takes memory that a watcher is to be without, and must not hold up a look. */
export function auditIfDue(dog: Auditor): void {
  const failed = (why: string) => dog.log({ event: "audit", level: "error", success: false, details: why });
  try {
    startIfDue(dog, failed);
  } catch (error) {
    // A full disk, or a bug of ours: the watching is worth more.
    failed(messageOf(error));
  }
}

function startIfDue({ dir, options, settings }: Auditor, failed: (why: string) => void): void {
  const everyMs = settings.audit.everySeconds * 1000;
  if (everyMs === 0) return;
  const file = join(dir, MEMORY_FILE);
  const memory = parseMemory(readIfThere(file));
  const nowMs = wallMs();
  if (memory.scheduledMs === null) {
    writePlainFile(file, serialiseMemory({ ...memory, scheduledMs: nowMs - everyMs + FIRST_AFTER_MS }));
    return;
  }
  if (!isDue(everyMs, memory.scheduledMs, nowMs)) return;
  startApart("audit-run-main", [options.profile], options, failed);
}

/** Pure. A last time in the future, but for a first one that is still to come, was written by a clock that was wrong. */
export function isDue(everyMs: number, lastMs: number, nowMs: number): boolean {
  return nowMs - lastMs >= everyMs || lastMs > nowMs + FIRST_AFTER_MS;
}
