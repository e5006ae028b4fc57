import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, isAbsolute, join, relative, sep } from "node:path";
import { cut } from "../../shared/cut.ts";
import { RescueError, systemErrorCode } from "../../shared/errors.ts";
import { isExecutable } from "../../shared/openclaw-cli.ts";
import { runCommand } from "../../shared/run-command.ts";
import { isThere, readIfThere } from "../../shared/secure-file.ts";
import { readDefinitionFile, removeDefinitionFile, usableDirectory, writeDefinitionFile } from "../definition-file.ts";
import type { SystemdPlace } from "./install.ts";
import { mergeRotations, ownConfigs, parseRotations, type Rotation, rotationFiles, rotationNames, rotationPlaces } from "./log-rotation.ts";
import { heading, isOurs, type OwnFile } from "./own-file.ts";
import { LIMITS_FILE, limitDropIn } from "./start-limits.ts";
import { complaintOf, NoUserManager, systemctl } from "./systemctl.ts";
import { userUnits } from "./units.ts";

/** What `audit --fix` does with the account's systemd. */
export interface AuditUnits {
  /** `systemctl --user WORDS`; returns what it said. Throws RescueError `service-control` with its complaint. */
  order(words: readonly string[], timeoutMs?: number): Promise<string>;
  /** systemd's own word: `enabled`, `disabled`, `static`, `masked`, …, `not-found`. */
  enablement(unit: string): Promise<string>;
  limitDropIn(unit: string): OwnFile;
  /** Throws `refused` for a link, or anything else but a file. */
  there(path: string): "nothing" | "ours" | "foreign";
  /** Never over a file that is not ours: throws `refused`. */
  write(file: OwnFile): Promise<void>;
  /** Remembers what lies at these places now; called, it puts that back, or throws `refused` where somebody else has written since. */
  takeBack(files: readonly OwnFile[]): () => Promise<void>;
  /** Undefined: there is no logrotate. */
  readonly logrotate:
    | {
        readonly program: string;
        readonly serviceName: string;
        readonly timerName: string;
        /** With what is under rotation already. Throws `usage` for a path that logrotate cannot take literally. */
        files(rotations: readonly Rotation[]): { readonly config: OwnFile; readonly service: OwnFile; readonly timer: OwnFile };
        /** `logrotate --debug` with this text, which changes nothing; returns what it would do. Throws `refused` with its errors. */
        rehearse(config: string): Promise<string>;
      }
    | undefined;
}

const ASK_MS = 10_000;
const REHEARSE_MS = 60_000;
const MOST_SAID = 4_000;
/** What it would do with each log, of the much that it says. */
const SAYS = /^(considering|rotating|warning: (?!logrotate in debug)| {2}log )/;

/** Undefined: no user's systemd answers. Throws `service-control` when that could not be seen. */
export async function auditUnits({ home, env }: SystemdPlace, profile: string): Promise<AuditUnits | undefined> {
  const ask = (words: readonly string[], timeoutMs = ASK_MS) => systemctl(words, { env, timeoutMs });
  try {
    await ask(["show", "--property=Version"]);
  } catch (error) {
    if (error instanceof NoUserManager) return undefined;
    throw error;
  }
  const program = findLogrotate(env);
  const places = rotationPlaces(home, profile);
  return {
    order: (words, timeoutMs) => order(words, { env, timeoutMs: timeoutMs ?? ASK_MS }),
    async enablement(unit) {
      const { stdout } = await ask(["is-enabled", unit]);
      return stdout.trim().split("\n")[0] || "not-found";
    },
    limitDropIn: (unit) => limitDropIn(home, profile, unit),
    there,
    write: (file) => write(home, file),
    takeBack(files) {
      const before = files.map(({ path, text }) => ({ path, text, was: readDefinitionFile(path) }));
      return async () => {
        for (const { path, text, was } of before) {
          const now = readDefinitionFile(path);
          if (now === was) continue;
          if (now !== text)
            throw new RescueError("refused", `${path} was changed by somebody else meanwhile; it was left alone`, {
              fix: `look at ${path}`,
            });
          if (was === undefined) {
            // With what logrotate remembers of it.
            if (path === places.config) remove(home, places.state);
            remove(home, path);
          } else await write(home, { path, text: was });
        }
      };
    },
    logrotate:
      program === undefined
        ? undefined
        : {
            program,
            serviceName: rotationNames(profile).service,
            timerName: rotationNames(profile).timer,
            files: (rotations) =>
              rotationFiles({ home, profile, program }, mergeRotations(parseRotations(readIfThere(places.config) ?? ""), rotations)),
            rehearse: (config) => rehearse(program, config),
          },
  };
}

/** The files that audits have made for a profile and that are there, absolute paths. */
export function auditFiles(home: string, profile: string): readonly string[] {
  const units = userUnits(home);
  const { config, state, service, timer } = rotationPlaces(home, profile);
  const dropIns = namesIn(units)
    .filter((name) => name.endsWith(".d"))
    .map((name) => join(units, name, LIMITS_FILE))
    .filter((path) => readIfThere(path)?.startsWith(`${heading(profile)}\n`) === true);
  return [timer, service, config, state, ...dropIns].filter(isThere);
}

/** Removes them; what was rotated is kept. Returns what was done, a sentence for each file. Also where no systemd answers any more. */
export async function removeAuditFiles({ home, env }: SystemdPlace, profile: string): Promise<readonly string[]> {
  const files = auditFiles(home, profile);
  if (files.length === 0) return [];
  const tryOrder = async (words: readonly string[]): Promise<void> => {
    try {
      await order(words, { env, timeoutMs: ASK_MS });
    } catch (error) {
      if (!(error instanceof NoUserManager)) throw error;
    }
  };
  const { timer } = rotationPlaces(home, profile);
  if (files.includes(timer)) await tryOrder(["disable", "--now", basename(timer)]);
  for (const path of files) remove(home, path);
  // systemd's own note of when the timer ran last outlives it.
  rmSync(join(home, ".local", "share", "systemd", "timers", `stamp-${basename(timer)}`), { force: true });
  await tryOrder(["daemon-reload"]);
  return files.map((path) => `${path} was removed`);
}

async function order(
  words: readonly string[],
  options: { readonly env: SystemdPlace["env"]; readonly timeoutMs: number },
): Promise<string> {
  const result = await systemctl(words, options);
  if (result.exitCode === 0) return `${result.stdout}${result.stderr}`.trim();
  const unit = words.at(-1);
  throw new RescueError("service-control", `systemctl --user ${words.join(" ")}: ${complaintOf(result)}`, {
    fix: words.length > 1 ? `journalctl --user -u ${unit} -n 50` : "journalctl --user -n 50",
  });
}

function there(path: string): "nothing" | "ours" | "foreign" {
  const text = readDefinitionFile(path);
  if (text === undefined) return "nothing";
  return isOurs(text) ? "ours" : "foreign";
}

async function write(home: string, { path, text }: OwnFile): Promise<void> {
  if (there(path) === "foreign")
    throw new RescueError("refused", `${path} is there already and is not ours; it was left alone`, { fix: `look at ${path}` });
  const directory = dirname(path);
  let way = home;
  for (const name of relative(home, directory).split(sep)) {
    way = join(way, name);
    usableDirectory(way, way === ownConfigs(home) ? 0o700 : 0o755);
  }
  await writeDefinitionFile(directory, basename(path), text);
}

/** With its directory when that is empty then and only we can have made it. */
function remove(home: string, path: string): void {
  const directory = dirname(path);
  removeDefinitionFile(directory, basename(path));
  if (!directory.endsWith(".d") && directory !== ownConfigs(home)) return;
  try {
    rmdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOTEMPTY") throw error;
  }
}

/** It lies where a person's PATH often does not look. */
function findLogrotate(env: SystemdPlace["env"]): string | undefined {
  const directories = [...(env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  return directories
    .filter(isAbsolute)
    .map((directory) => join(directory, "logrotate"))
    .find(isExecutable);
}

async function rehearse(program: string, config: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "rescue-watchdog-logrotate-"));
  try {
    const file = join(folder, "logrotate.conf");
    writeFileSync(file, config, { mode: 0o600 });
    const result = await runCommand([program, "--debug", "--state", join(folder, "state"), file], {
      timeoutMs: REHEARSE_MS,
      maxBytes: 65_536,
    });
    const said = `${result.stdout}${result.stderr}`.trim();
    if (result.exitCode === 0 && !/^error:/m.test(said))
      return cut(
        said
          .split("\n")
          .filter((line) => SAYS.test(line))
          .join("\n"),
        MOST_SAID,
      );
    const errors = said.split("\n").filter((line) => line.startsWith("error:"));
    throw new RescueError(
      "refused",
      `logrotate would not take it: ${errors.join(" ") || (result.notStarted ?? `ended with ${result.exitCode ?? result.signal}`)}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
