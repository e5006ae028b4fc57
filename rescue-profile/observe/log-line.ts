import { stripVTControlCharacters } from "node:util";

/** One entry of a log; `text` may have several lines (a stack). */
export interface LogLine {
  /** Wall time. Absent where neither it nor an earlier line tells. */
  readonly atMs?: number;
  readonly text: string;
}

/** A process begins: the host's first words (measured: every boot in facts of 2026.9.6), or the manager's. */
const BEGINS = /^(?:\S+ )*?(?:\[gateway\] )?loading configuration…$|\bsystemd\[\d+\]: Start(?:ed|ing) /;
const SERVES = /^(?:\S+ )*?(?:\[gateway\]|gateway) ready$/;
const FAILED =
  /Gateway failed to start:|Gateway start blocked:|already owns this state directory|Refusing to run automatic gateway startup migrations|Missing config\. Run /;
/** A boot that fails before its first words (a damaged or newer database, no configuration) has taken 2 to 32 s. */
const FAILED_BOOT_MS = 60_000;

/** A line of `logging.file`: tslog's JSON, whose numbered fields are the arguments, the first one often the subsystem. Undefined: cut, or not its format. */
export function parseLogEntry(line: string): LogLine | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof entry !== "object" || entry === null) return undefined;
  const words = Object.entries(entry)
    .filter(([key, value]) => /^\d+$/.test(key) && !(typeof value === "string" && /^\{"(?:subsystem|module)":/.test(value)))
    .map(([, value]) => (typeof value === "string" ? value : JSON.stringify(value)));
  const time: unknown = Reflect.get(entry, "time");
  return withTime(words.join(" "), typeof time === "string" ? Date.parse(time) : Number.NaN);
}

/** Lines that the service manager kept, oldest first. Those without a time (a stack) are of the line before. */
export function parseServiceLines(lines: readonly string[]): LogLine[] {
  let atMs = Number.NaN;
  return lines.map((line) => {
    const text = stripVTControlCharacters(line);
    const stamps = text.match(/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})/g);
    if (stamps !== null) atMs = Date.parse(stamps[0].replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
    return withTime(text, atMs);
  });
}

/**
 * The lines since the last boot began. A boot that fails before its first words leaves only its end behind: when one stands after the words
 * of a boot that served, the lines of that one are cut off, as far as their times allow.
 */
export function lastBoot(lines: readonly LogLine[]): readonly LogLine[] {
  const last = (pattern: RegExp, from: readonly LogLine[]) => from.findLastIndex(({ text }) => pattern.test(text));
  const since = lines.slice(Math.max(0, last(BEGINS, lines)));
  const failed = last(FAILED, since);
  const served = last(SERVES, since);
  const endedMs = since[failed]?.atMs;
  if (served < 0 || failed < served || endedMs === undefined) return since;
  return since.slice(served + 1).filter(({ atMs }) => atMs === undefined || atMs >= endedMs - FAILED_BOOT_MS);
}

function withTime(text: string, atMs: number): LogLine {
  return Number.isNaN(atMs) ? { text } : { atMs, text };
}
