import { isAbsolute } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import { isDict, type PlistDict, type PlistValue, parsePlist } from "./plist.ts";

/** A job file of the host's installer (or of a person), as far as repairs need it. */
export interface JobFile {
  /** As launchd runs it. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** launchd starts it at login. */
  readonly startsAtLogin: boolean;
  /** Where launchd sends stdout and stderr; a file named twice is named once. */
  readonly logPaths: readonly string[];
}

/** What the host puts before the gateway's command to give it an environment that is not in the plist. */
export interface EnvironmentWrapper {
  readonly envFile: string;
  readonly argv: readonly string[];
}

/** Pure. Throws `not-readable` for a file that is not understood, or lacks what every job has. */
export function readJobFile(text: string): JobFile {
  const job = parsePlist(text);
  const argv = listOfText(job, "ProgramArguments") ?? [textOf(job, "Program") ?? ""];
  if (argv[0] === undefined || argv[0] === "") throw new RescueError("not-readable", "the job file names no program");
  const logs = ["StandardOutPath", "StandardErrorPath"].map((key) => textOf(job, key)).filter((path) => path !== undefined);
  return {
    argv,
    environment: Object.fromEntries(environmentOf(job)),
    // KeepAlive may also be a dictionary of conditions; launchd starts such a job at load too.
    startsAtLogin: job.get("Disabled") !== true && (job.get("RunAtLoad") === true || (job.get("KeepAlive") ?? false) !== false),
    logPaths: [...new Set(logs)].filter((path) => isAbsolute(path) && path !== "/dev/null"),
  };
}

/**
 * The host runs `/bin/sh …/service-env/LABEL-env-wrapper.sh …/service-env/LABEL.env PROGRAM…` when the gateway has variables (its
 * `daemon/launchd-service-files`, 2026.9.6). Null when the command is not that, by name and label. Pure.
 */
export function unwrap(argv: readonly string[], label: string): EnvironmentWrapper | null {
  const [wrapper = "", envFile = "", ...command] = argv[0] === "/bin/sh" ? argv.slice(1) : argv;
  const ours = wrapper.endsWith(`/service-env/${label}-env-wrapper.sh`) && envFile.endsWith(`/service-env/${label}.env`);
  return ours && isAbsolute(envFile) && command.length > 0 ? { envFile, argv: command } : null;
}

/**
 * The host's `LABEL.env`: `export NAME='value'` per variable, a quote in it as `'\''`. A value may go over several lines. Pure.
 * @throws RescueError `not-readable` for anything else: a shell would run it
 */
export function parseEnvFile(text: string): Record<string, string> {
  const variables = new Map<string, string>();
  const lines = text.endsWith("\n") || text === "" ? text : `${text}\n`;
  const piece = /[ \t]*(?:#[^\n]*)?\n|export ([A-Za-z_][A-Za-z0-9_]*)=((?:'[^']*'|\\')+)[ \t]*\n/y;
  for (let at = 0; at < lines.length; at = piece.lastIndex) {
    piece.lastIndex = at;
    const found = piece.exec(lines);
    if (found === null) {
      const line = lines.slice(0, at).split("\n").length;
      throw new RescueError("not-readable", `line ${line} of the service's environment file is not as the host writes it`);
    }
    const [, name, quoted = ""] = found;
    if (name !== undefined)
      variables.set(
        name,
        quoted.replaceAll(/'([^']*)'|\\'/g, (_, inner: string | undefined) => inner ?? "'"),
      );
  }
  return Object.fromEntries(variables);
}

function environmentOf(job: PlistDict): [string, string][] {
  const variables = job.get("EnvironmentVariables");
  if (variables === undefined) return [];
  if (!isDict(variables)) throw wrongType("EnvironmentVariables");
  return [...variables].map(([name, value]) => {
    if (typeof value !== "string") throw wrongType("EnvironmentVariables");
    return [name, value];
  });
}

function listOfText(job: PlistDict, key: string): string[] | undefined {
  const value: PlistValue | undefined = job.get(key);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string")) throw wrongType(key);
  return value;
}

function textOf(job: PlistDict, key: string): string | undefined {
  const value = job.get(key);
  if (value !== undefined && typeof value !== "string") throw wrongType(key);
  return value;
}

const wrongType = (key: string) => new RescueError("not-readable", `${key} in the job file has another type than launchd takes`);
