import { readFileSync } from "node:fs";
import { endianness, uptime } from "node:os";
import { readProcStat } from "./proc.ts";

const AT_PAGESZ = 6;
const AT_CLKTCK = 17;

/** What the kernel told this process about itself at its start (getauxval(3)): the cheapest true source for both units. */
function auxiliary(type: number, usual: number): number {
  if (process.platform !== "linux") return usual;
  const bytes = readFileSync("/proc/self/auxv");
  const wide = !["arm", "ia32", "mips", "mipsel"].includes(process.arch);
  const word = wide ? 8 : 4;
  const little = endianness() === "LE";
  const read = (offset: number): number => {
    if (!wide) return little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
    return Number(little ? bytes.readBigUInt64LE(offset) : bytes.readBigUInt64BE(offset));
  };
  for (let offset = 0; offset + 2 * word <= bytes.length; offset += 2 * word) {
    if (read(offset) === type) return read(offset + word);
  }
  return usual;
}

export const CLOCK_TICKS = auxiliary(AT_CLKTCK, 100);
export const PAGE_BYTES = auxiliary(AT_PAGESZ, 4096);

export function ticksToMs(ticks: number): number {
  return (ticks * 1000) / CLOCK_TICKS;
}

/**
 * How long ago a process started, given its start in ticks since boot. `os.uptime()` is the kernel's boot clock, except in
 * containers that fake /proc/uptime (lxcfs) and leave the start times real; there our own start and age give the clock.
 */
export function ageMsOf(startTime: number): number {
  const startMs = ticksToMs(startTime);
  return Math.max(0, Math.round(bootClockMs() - startMs));
}

let ownStartMs: number | undefined;

function bootClockMs(): number {
  ownStartMs ??= ticksToMs(readProcStat(process.pid)?.startTime ?? 0);
  const byUptime = uptime() * 1000;
  const bySelf = ownStartMs + process.uptime() * 1000;
  // Sleep is counted by the first and not by the second, so only a clock that lies before our own start is fake.
  return byUptime < ownStartMs ? bySelf : byUptime;
}
