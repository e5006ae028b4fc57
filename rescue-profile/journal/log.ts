import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import pino from "pino";
import { systemErrorCode } from "../../src/shared/errors.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One line of the watchdog's own log. Durations in milliseconds. `details` must hold no secrets. */
export interface LogEntry {
  readonly event: string;
  readonly level?: LogLevel;
  readonly tier?: number;
  readonly durationMs?: number;
  readonly trigger?: string;
  readonly success?: boolean;
  readonly incident?: number;
  readonly cause?: string;
  readonly details?: unknown;
}

export type WriteLog = (entry: LogEntry) => void;

/**
 * JSON lines `{timestamp, level, event, tier, duration_ms, trigger, success, incident, cause, details}` in `file`, plus a copy to `also`.
 * Fields that do not apply are null, so that every line has the same shape.
 */
export function createLog(options: {
  file: string;
  level: LogLevel;
  maxBytes: number;
  files: number;
  also?: (line: string) => void;
}): WriteLog {
  const destination = rotatingFile(options.file, options.maxBytes, options.files);
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line: string) => {
        // A full disk must not end the watch: what counts is in the journal, and the copy still says it.
        try {
          destination(line);
        } catch (error) {
          if (systemErrorCode(error) === undefined) throw error;
        }
        options.also?.(line);
      },
    },
  );
  return ({ event, level = "info", tier, durationMs, trigger, success, incident, cause, details }) =>
    logger[level]({
      event,
      tier: tier ?? null,
      duration_ms: durationMs === undefined ? null : Math.round(durationMs),
      trigger: trigger ?? null,
      success: success ?? null,
      incident: incident ?? null,
      cause: cause ?? null,
      details: details ?? null,
    });
}

/**
 * Appends whole lines to a file that several processes write (loop, runner, commands), any of which may rotate it at any moment. That is
 * why this is not a rolling-file library: those keep one process's file number in memory. The file is opened for each line (there are few),
 * so that nothing stays open in a process that begins to watch again and again.
 */
export function rotatingFile(file: string, maxBytes: number, keep: number): (line: string) => void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let lastRotation = 0;

  const append = (line: string, rotate: boolean): void => {
    const fd = openSync(file, "a", 0o600);
    try {
      const { size, ino } = fstatSync(fd);
      if (!rotate || size === 0 || size + Buffer.byteLength(line) <= maxBytes) {
        writeSync(fd, line);
        return;
      }
      // Names sort by time, and never collide with a rotation by another process.
      lastRotation = Math.max(Date.now(), lastRotation + 1);
      moveAway(file, ino, `${file}.${lastRotation}-${process.pid}`);
    } finally {
      closeSync(fd);
    }
    const rotated = rotatedLogs(file);
    for (const old of rotated.slice(0, Math.max(0, rotated.length - keep))) rmSync(old, { force: true });
    append(line, false);
  };
  return (line) => append(line, true);
}

/** Unless another process was faster: then what stands there now is its new file. */
function moveAway(file: string, ino: number, rotated: string): void {
  try {
    if (statSync(file).ino === ino) renameSync(file, rotated);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
}

/** Rotated files of `file`, oldest first; what people put next to them is not counted. */
export function rotatedLogs(file: string): string[] {
  const prefix = `${basename(file)}.`;
  return readdirSync(dirname(file))
    .filter((name) => name.startsWith(prefix) && /^\d+-\d+$/.test(name.slice(prefix.length)))
    .sort()
    .map((name) => join(dirname(file), name));
}
