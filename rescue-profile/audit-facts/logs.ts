import { type Dirent, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { LogFacts, LogFile } from "../audit/facts.ts";
import { logFiles } from "../observe/gateway-log.ts";

const DAY_MS = 86_400_000;
/** Of the largest; all are looked at. */
const MAX_FILES = 2_000;
/** The host's daily file, its numbered archives, and those of other profiles. */
const HOSTS = /^openclaw(?:-[a-z0-9-]+)?-\d{4}-\d{2}-\d{2}(?:\.\d+)?\.log$/;
/** Not `.jsonl`: older hosts keep transcripts in such files. */
const LOG = /\.(?:log|out|err)(?:\.\d+)?(?:\.gz)?$/;

/** `gateway.1.log`, and what others make of it. */
const ARCHIVED = /\.\d+(?:\.log)?(?:\.gz)?$/;

export interface LogPlaces {
  readonly profile: string;
  readonly home: string;
  readonly stateDir: string;
  /** `logging.file`, if the configuration says so. */
  readonly file?: string;
  readonly nowMs: number;
  /** Rotated by us. */
  readonly rotated: readonly string[];
  readonly maxBytes: number;
}

/**
 * The logs where the host writes them by its own rules, what lies in the state directory's `logs`, and `*.log` in the state directory itself. Of the directory of a
 * `logging.file` only that file and its archives: whatever else is there is somebody else's. Sizes only.
 */
export function readLogs({ profile, home, stateDir, file, nowMs, rotated, maxBytes }: LogPlaces): LogFacts {
  const hosts = logFiles({ profile, home, wallMs: nowMs, ...(file === undefined ? {} : { file }) });
  const written = path.dirname(hosts[0] ?? "/tmp/openclaw/openclaw.log");
  const own = path.join(stateDir, "logs");
  const base = file === undefined ? undefined : path.basename(file).replace(/\.log$/, "");
  const isHosts = (name: string) =>
    hosts.includes(path.join(written, name)) ||
    HOSTS.test(name) ||
    (base !== undefined && name.startsWith(`${base}.`) && ARCHIVED.test(name));
  const files = [
    ...filesIn(written, isHosts).map((each) => ({ ...each, hosts: true })),
    ...(written === stateDir ? [] : filesIn(stateDir, (name) => name.endsWith(".log"))),
    ...(written === own ? [] : filesIn(own, (name) => LOG.test(name))),
  ].sort((a, b) => b.bytes - a.bytes);
  const recent = files.filter(({ changedMs }) => nowMs - changedMs <= 2 * DAY_MS);
  const sum = (list: readonly LogFile[]) => list.reduce((bytes, each) => bytes + each.bytes, 0);
  // A file that is dated holds one day; of another one only what it gained is new, which its size does not tell.
  const dated = recent.filter(({ path: name }) => HOSTS.test(path.basename(name)));
  return {
    directories: [...new Set([written, stateDir, own])],
    totalBytes: sum(files),
    files: files.slice(0, MAX_FILES),
    bytesPerDay: dated.length === 0 ? null : Math.round(sum(dated) / new Set(dated.map(({ path: name }) => dayOf(name))).size),
    rotated,
    maxBytes,
  };
}

const dayOf = (file: string) => /\d{4}-\d{2}-\d{2}/.exec(path.basename(file))?.[0];

function filesIn(directory: string, counts: (name: string) => boolean): LogFile[] {
  return entriesOf(directory)
    .filter((entry) => entry.isFile() && counts(entry.name))
    .flatMap((entry) => {
      const stat = statSync(path.join(directory, entry.name), { throwIfNoEntry: false });
      return stat === undefined
        ? []
        : [{ path: path.join(directory, entry.name), bytes: stat.size, changedMs: stat.mtimeMs, hosts: false }];
    });
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return [];
    throw error;
  }
}
