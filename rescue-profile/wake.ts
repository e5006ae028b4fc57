import { watch } from "node:fs";
import { join } from "node:path";
import { writePlainFile } from "../src/shared/secure-file.ts";

/** Wakes a loop before its time: whoever knows that something happened touches a file in the watchdog's directory. */
export interface WakeBell {
  /** True when it was rung; false when the time was over or the signal aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

const FILE = "wake";

export function ringBell(dir: string): void {
  writePlainFile(join(dir, FILE), `${new Date().toISOString()}\n`);
}

/** Rung between two sleeps, it ends the next one. */
export function wakeBell(dir: string): WakeBell {
  let rung = false;
  let wake = (): void => undefined;
  const watcher = watch(dir, (_, name) => {
    if (name !== FILE) return;
    rung = true;
    wake();
  });
  // Without it the loop only wakes by its clock, as it does anyway.
  watcher.on("error", () => undefined);
  watcher.unref();
  return {
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          wake = () => undefined;
          const was = rung;
          rung = false;
          resolve(was);
        };
        const timer = setTimeout(done, ms);
        if (signal.aborted || rung) return done();
        signal.addEventListener("abort", done, { once: true });
        wake = done;
      }),
    close: () => watcher.close(),
  };
}
