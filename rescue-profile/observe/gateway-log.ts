import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { messageOf, systemErrorCode } from "../../src/shared/errors.ts";
import { type LogLine, lastBoot, parseLogEntry, parseServiceLines } from "./log-line.ts";
import { withStacks } from "./stability-bundle.ts";

const TAIL_BYTES = 131_072;
/** What a living gateway said longer ago may be mended. */
const RECENT_MS = 600_000;

export interface LogSources {
  readonly profile: string;
  readonly home: string;
  readonly stateDir: string;
  /** `logging.file` of the configuration, if it says so. */
  readonly file?: string;
  /** Where the gateway's temporary files lie; ours by default. */
  readonly temporary?: string;
  readonly serviceLines: () => Promise<readonly string[]>;
  /** Of a gateway that lives only the last ten minutes count. */
  readonly living: boolean;
  /** Also what was said before the last boot began: how it came about, and not only how it is. */
  readonly earlier?: boolean;
  readonly wallMs: number;
}

/** What was said since the last boot began, if not asked otherwise, oldest first in each source, the service manager's lines last. `blind`: one source could not be read. */
export interface GatewayLog {
  readonly lines: readonly LogLine[];
  readonly blind?: string;
}

/**
 * The manager's lines are of this service alone. The host's daily file is shared by every gateway and every command of the account with this
 * profile's name, so it is only read when the manager has none, or when the configuration gives this gateway a file of its own. Never rejects.
 */
export async function readGatewayLog(sources: LogSources): Promise<GatewayLog> {
  const { living, wallMs, file, earlier } = sources;
  const counts = ({ atMs }: LogLine) => !living || (atMs !== undefined && wallMs - atMs <= RECENT_MS);
  const service = await serviceLog(sources);
  const own = service.lines.length === 0 || file !== undefined ? ownLog(sources) : { lines: [] };
  const blind = [own.blind, service.blind].filter((why) => why !== undefined);
  const since = earlier === true ? (lines: readonly LogLine[]) => lines : lastBoot;
  const said = [...since(own.lines), ...since(service.lines)].filter(counts);
  const lines = withStacks(said, sources, shortText);
  return blind.length === 0 ? { lines } : { lines, blind: blind.join("; ") };
}

/** A report has about 10 kB; what is longer than a tail is none. Undefined when it cannot be read. */
function shortText(file: string): string | undefined {
  try {
    return tailOf(file).join("\n");
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

async function serviceLog({ serviceLines }: LogSources): Promise<GatewayLog> {
  try {
    return { lines: parseServiceLines(await serviceLines()) };
  } catch (error) {
    // Whatever the manager's port throws is a sentence of its own.
    return { lines: [], blind: `the service manager's lines: ${messageOf(error)}` };
  }
}

function ownLog(sources: LogSources): GatewayLog {
  try {
    return { lines: logFiles(sources).flatMap((file) => tailOf(file).flatMap((line) => parseLogEntry(line) ?? [])) };
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    return { lines: [], blind: `${code} reading the gateway's log` };
  }
}

/**
 * The host's rules, oldest first (`logging/log-file-path`, `infra/tmp-openclaw-dir`): `logging.file`, else one file a day in `/tmp/openclaw`,
 * or in `openclaw-UID` of the temporary directory when that is not this account's alone. Yesterday's counts: a boot may be older than midnight.
 */
export function logFiles({ profile, home, file, temporary, wallMs }: Omit<LogSources, "serviceLines" | "living" | "stateDir">): string[] {
  const days = [wallMs - 86_400_000, wallMs].map(localDate);
  if (file !== undefined) {
    const expanded = file.replace(/^~(?=$|[\\/])/, home);
    const daily = /^openclaw-(?:YYYY-MM-DD|\d{4}-\d{2}-\d{2})\.log$/.test(path.basename(expanded));
    return daily ? days.map((day) => path.join(path.dirname(expanded), `openclaw-${day}.log`)) : [expanded];
  }
  const suffix = profile === "default" ? "" : `-${segment(profile)}`;
  return days.map((day) => path.join(logDirectory(temporary ?? tmpdir()), `openclaw${suffix}-${day}.log`));
}

function logDirectory(temporary: string): string {
  const uid = process.getuid?.();
  const own = path.join(temporary, uid === undefined ? "openclaw" : `openclaw-${uid}`);
  return uid !== undefined && isOwn("/tmp/openclaw", uid) ? "/tmp/openclaw" : own;
}

function isOwn(directory: string, uid: number): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === uid && (stat.mode & 0o022) === 0;
}

/** A profile's name in a file's name: reversible, so that no two share one. */
function segment(profile: string): string {
  return profile.replaceAll(/[^a-z0-9]/g, (letter) => {
    if (letter === "-") return "--";
    return letter === "_" ? "-0" : `-1${letter.toLowerCase()}`;
  });
}

/** In the machine's time zone, as the host does. */
function localDate(wallMs: number): string {
  const date = new Date(wallMs);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

/** The last lines, whole ones only. A file that is not there has none; other trouble is thrown. */
function tailOf(file: string): string[] {
  let descriptor: number;
  try {
    // Not blocking, so that a FIFO somebody put there cannot stop the watchdog.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return [];
    const from = Math.max(0, stat.size - TAIL_BYTES);
    const buffer = Buffer.alloc(stat.size - from);
    const lines = buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, from)).split("\n");
    return from > 0 ? lines.slice(1) : lines;
  } finally {
    closeSync(descriptor);
  }
}
