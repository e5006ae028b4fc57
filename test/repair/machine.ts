import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readEntry, restoreFiles, saveFiles } from "../../rescue-profile/copies/entry.ts";
import { fingerprintOf } from "../../rescue-profile/copies/fingerprint.ts";
import { keepCopy, listCopies } from "../../rescue-profile/copies/ring.ts";
import { moveWhole, writeWhole } from "../../rescue-profile/copies/whole-file.ts";
import { readLockFile } from "../../rescue-profile/observe/lock-file.ts";
import type { Mending, MendPorts } from "../../rescue-profile/repair/mending.ts";
import { FakeHost } from "./fake-host.ts";

export const SECRET = "s3cr3t-7f81c2e9d04ab65f";
export const WALL_MS = Date.parse("2026-11-21T03:00:12.345Z");

/** In memory where there is such a place: these tests sync thousands of small files. */
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** As a person writes it: with comments, and a part of it in a file of its own. */
export const GOOD = `// ours, do not touch
{
  gateway: { mode: "local", port: 18789, bind: "loopback", auth: { mode: "token", token: "${SECRET}" } },
  agents: { $include: "./agents.json5" },
  channels: { telegram: { dmPolicy: "allowlist", allowFrom: ["4711"] } },
  plugins: { allow: ["crashy"], entries: { crashy: { enabled: true } } },
  meta: { lastTouchedVersion: "2026.9.5" },
}
`;
export const AGENTS = `{ defaults: { workspace: "~/work" } } // shared\n`;

/** A profile with real files in a temporary directory, a watchdog's directory beside it, and a host that behaves as measured. */
export interface Machine extends Disposable {
  readonly home: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly dir: string;
  readonly folder: string;
  readonly host: FakeHost;
  readonly mend: MendPorts;
  /** What a step gets, with nothing in its way. */
  readonly step: Mending;
  readonly write: (name: string, text: string) => void;
  readonly read: (name?: string) => string;
}

export function machine(config: string = GOOD): Machine {
  const home = mkdtempSync(join(ROOT, "rescue-repair-"));
  const stateDir = join(home, ".openclaw");
  const configPath = join(stateDir, "openclaw.json");
  const dir = join(home, "watchdog");
  const folder = join(dir, "incident-1");
  for (const each of [stateDir, join(stateDir, "tmp"), dir, folder]) mkdirSync(each, { mode: 0o700 });
  writeFileSync(configPath, GOOD, { mode: 0o600 });
  writeFileSync(join(stateDir, "agents.json5"), AGENTS, { mode: 0o644 });
  chmodSync(join(stateDir, "agents.json5"), 0o644);
  writeFileSync(`${configPath}.bak`, "{}\n", { mode: 0o600 });
  const database = join(stateDir, "state.sqlite");
  fillDatabase(database);
  keepCopy(dir, configPath, "booted", WALL_MS);
  writeFileSync(configPath, config, { mode: 0o600 });
  const host = new FakeHost(configPath);
  const lockPath = join(stateDir, "tmp", "gateway.state.lock");
  const mend: MendPorts = {
    folder,
    configPath,
    config: () => fingerprintOf(configPath),
    copies: () => listCopies(dir).copies,
    save: (directory, paths) => saveFiles(directory, paths, WALL_MS),
    saved: readEntry,
    restore: restoreFiles,
    write: writeWhole,
    move: moveWhole,
    host: host.run,
    databases: [database, join(stateDir, "not-there.sqlite")],
    freeBytes: async () => 1e12,
    lockPath,
    readLock: readLockFile,
    lockHolders: () => [],
    listens: async () => false,
    lives: async () => false,
  };
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  return {
    home,
    stateDir,
    configPath,
    dir,
    folder,
    host,
    mend,
    step: {
      ...mend,
      stillOurs: () => undefined,
      maintenance: async () => [],
      serves: async () => false,
      windUp: false,
      sleep,
      monotonicMs: () => nowMs,
    },
    write: (name, text) => writeFileSync(join(stateDir, name), text, { mode: 0o600 }),
    read: (name = "openclaw.json") => readFileSync(join(stateDir, name), "utf8"),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}

function fillDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE jobs (name TEXT); INSERT INTO jobs VALUES ('backup')");
  database.close();
  chmodSync(path, 0o600);
}

/** Every file below a directory: its mode and content. The times of a snapshot of a database are in its bytes, so those are only named. */
export function tree(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name));
  return Object.fromEntries(
    files
      .filter((path) => statSync(path).isFile())
      .sort()
      .map((path) => {
        const mode = (statSync(path).mode & 0o777).toString(8);
        const text = path.endsWith(".sqlite") ? "database" : readFileSync(path, "utf8").replaceAll(directory, "");
        return [relative(directory, path), `${mode} ${text}`];
      }),
  );
}

/** Files that hold the secret and that others may read, or that lie in a directory that others may enter. */
export function exposed(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile() && readFileSync(path).includes(SECRET))
    .filter((path) => (statSync(path).mode & 0o077) !== 0 || (statSync(join(path, "..")).mode & 0o077) !== 0);
}

/** Nothing half-done: no draft of a file, of a saved entry, or of a snapshot. */
export function litter(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => /\.(tmp|new|old)$/.test(name));
}
