import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RescueError, systemErrorCode } from "../../shared/errors.ts";
import { launcherText } from "./launcher-text.ts";
import { variable } from "./programs.ts";

/** What the host's `gateway.cmd` runs. */
export interface Launcher {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The host's own, not the gateway's: it makes the process that the task starts a supervisor of the gateway. */
const SUPERVISOR_FLAG = "--task-supervisor";

/** The script behind a task's or a login entry's command: the `.vbs` only hides the window of the `.cmd` beside it. Null: another program. */
export function scriptOf(command: string): string | null {
  return /\.(?:cmd|vbs)$/i.test(command) ? command.replace(/\.vbs$/i, ".cmd") : null;
}

/** Throws `service-control` when it cannot be read or understood; undefined: it is not there. */
export function readLauncher(path: string): Launcher | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new RescueError("service-control", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return parseLauncher(launcherText(bytes));
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    throw new RescueError("service-control", `${path}: ${error.message}`, { cause: error });
  }
}

/**
 * The host's task script (its `daemon/schtasks-layout`, 2026.9.6): remarks, `cd /d DIR`, `set "NAME=VALUE"`, and one command with its
 * input from NUL. Its escapes: `%%` and `^!` everywhere, `\"` in arguments, `^"` and `^^` in values. Pure.
 * @throws RescueError `service-control` for a script that does more: what it would run cannot be told
 */
export function parseLauncher(text: string): Launcher {
  const environment = new Map<string, string>();
  let argv: readonly string[] | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || /^@?(?:echo off$|rem(?: |$)|chcp \d+ >nul$|cd \/d )/i.test(trimmed)) continue;
    const [, name, value = ""] = /^set "([^=]+)=(.*)"$/i.exec(trimmed) ?? [];
    if (argv !== undefined) throw notUnderstood(index);
    if (name !== undefined) environment.set(unescaped(name), unescaped(value));
    else if (/^set\s/i.test(trimmed)) throw notUnderstood(index);
    else argv = argumentsOf(trimmed, index).filter((argument) => argument !== SUPERVISOR_FLAG);
  }
  if (argv === undefined || argv.length === 0) throw new RescueError("service-control", "the launcher runs no program");
  return { argv, environment: Object.fromEntries(environment) };
}

/** Of a command line up to its redirections. A backslash escapes a quote and nothing else. */
function argumentsOf(line: string, index: number): string[] {
  const args: string[] = [];
  let current: string | undefined;
  let inQuotes = false;
  for (const [piece] of line.matchAll(/\\"|%%|\^!|[\s\S]/g)) {
    if (piece === '"') {
      inQuotes = !inQuotes;
      current ??= "";
    } else if (!inQuotes && (piece === " " || piece === "\t")) {
      if (current !== undefined) args.push(current);
      current = undefined;
    } else if (!inQuotes && (piece === "<" || piece === ">")) {
      break;
    } else if (!inQuotes && "&|()".includes(piece)) {
      throw notUnderstood(index);
    } else {
      current = (current ?? "") + (piece.length === 2 ? piece.slice(1) : piece);
    }
  }
  if (inQuotes) throw notUnderstood(index);
  // `2>` and `1>`: the digit belongs to the redirection, and nothing the host writes ends so.
  return current === undefined ? args : [...args, current];
}

function unescaped(text: string): string {
  return text.replaceAll(/\^(["^!])|%%/g, (_, character: string | undefined) => character ?? "%");
}

const notUnderstood = (index: number) => new RescueError("service-control", `line ${index + 1} is not as the host writes it`);

/**
 * The entry in the account's Startup folder that the host writes where it may not create a task, or null. Windows runs it at login and
 * forgets it.
 */
export function startupEntry(taskName: string, env: Readonly<Record<string, string | undefined>>, home: string): string | null {
  const appData = variable(env, "APPDATA") ?? join(home, "AppData", "Roaming");
  const folder = join(appData, "Microsoft", "Windows", "Start Menu", "Programs", "Startup");
  return [".cmd", ".vbs"].map((extension) => join(folder, `${taskName}${extension}`)).find(isThere) ?? null;
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw new RescueError("service-control", `${path} cannot be looked at: ${messageOf(error)}`, { cause: error });
  }
}
