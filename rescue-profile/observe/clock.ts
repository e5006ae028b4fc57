import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/**
 * Milliseconds since the machine booted, without the time it slept (CLOCK_MONOTONIC on Linux, mach_absolute_time on macOS).
 * All processes of one boot share it, so times may be written down and compared by another process.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Wall time, for people and for comparing with the host's own records. */
export function wallMs(): number {
  return Date.now();
}

/**
 * How far wall and monotonic clock moved apart since the last call; 0 at the first. Positive after a suspend, which the monotonic clock does
 * not count, or when somebody set the clock forward.
 */
export function clockGaps(monotonic: () => number = monotonicMs, wall: () => number = wallMs): () => number {
  let last: { readonly monotonicMs: number; readonly wallMs: number } | undefined;
  return () => {
    const now = { monotonicMs: monotonic(), wallMs: wall() };
    const gapMs = last === undefined ? 0 : now.wallMs - last.wallMs - (now.monotonicMs - last.monotonicMs);
    last = now;
    return gapMs;
  };
}

let known: string | undefined;

/** Names the current boot, so that monotonic times of an earlier one are not believed. Read once per process. */
export function bootId(): string {
  known ??= readBootId();
  return known;
}

function readBootId(): string {
  if (process.platform === "linux") return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  if (process.platform === "darwin") {
    // The same source as the host's own boot identity.
    return execFileSync("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8", timeout: 1000 }).trim().toLowerCase();
  }
  // No identifier to be had: the minute of the boot. Setting the clock looks like a reboot, which only costs remembered times.
  return `booted-at-minute-${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
}
