import { type Dirent, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { LogFacts, LogFile } from "../audit/facts.ts";
import { logFiles } from "../observe/gateway-log.ts";

const DAY_MS = 86_400_000;
const MAX_FILES = 2_000;
/** The host's daily file, its numbered archives, and those of other profiles. */
const HOSTS = /^openclaw(?:-[a-z0-9-]+)?-\d{4}-\d{2}-\d{2}(?:\.\d+)?\.log$/;
/** Not `.jsonl`: older hosts keep transcripts in such files. */
const LOG = /\.(?:log|out|err)(?:\.\d+)?(?:\.gz)?$/;

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

/** The logs where the host writes them by its own rules, and those that lie in the state directory and in its `logs`. Sizes only. */
export function readLogs({ profile, home, stateDir, file, nowMs, rotated, maxBytes }: LogPlaces): LogFacts {
  const hosts = logFiles({ profile, home, wallMs: nowMs, ...(file === undefined ? {} : { file }) });
  const temporary = path.dirname(hosts[0] ?? "/tmp/openclaw/openclaw.log");
  const directories = [...new Set([temporary, stateDir, path.join(stateDir, "logs")])];
  const files = directories.flatMap((directory) =>
    filesIn(directory, (name) => hosts.includes(path.join(directory, name)) || (directory === temporary && HOSTS.test(name))),
  );
  const recent = files.filter(({ changedMs }) => nowMs - changedMs <= 2 * DAY_MS);
  const sum = (list: readonly LogFile[]) => list.reduce((bytes, each) => bytes + each.bytes, 0);
  // A file that is dated holds one day; of another one only what it gained is new, which its size does not tell.
  const dated = recent.filter(({ path: name }) => HOSTS.test(path.basename(name)));
  return {
    directories,
    totalBytes: sum(files),
    files,
    bytesPerDay: dated.length === 0 ? null : Math.round(sum(dated) / new Set(dated.map(({ path: name }) => dayOf(name))).size),
    rotated,
    maxBytes,
  };
}

const dayOf = (file: string) => /\d{4}-\d{2}-\d{2}/.exec(path.basename(file))?.[0];

function filesIn(directory: string, isHosts: (name: string) => boolean): LogFile[] {
  return entriesOf(directory)
    .filter((entry) => entry.isFile() && LOG.test(entry.name))
    .slice(0, MAX_FILES)
    .flatMap((entry) => {
      const stat = statSync(path.join(directory, entry.name), { throwIfNoEntry: false });
      return stat === undefined
        ? []
        : [{ path: path.join(directory, entry.name), bytes: stat.size, changedMs: stat.mtimeMs, hosts: isHosts(entry.name) }];
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
