import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { basename, delimiter, isAbsolute, join } from "node:path";
import { RescueError, systemErrorCode } from "./errors.ts";
import { scrubbedEnv } from "./openclaw-home.ts";
import { type CommandResult, runCommand } from "./run-command.ts";

export interface HostCli {
  /** Program and leading arguments: the running host's own Node and entry, so that no other version is used. */
  readonly command: readonly string[];
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The host's CLI: the entry of the host process we run in, or `openclaw` on PATH. RESCUE_WATCHDOG_OPENCLAW names another entry.
 * Throws `not-running` when there is none.
 */
export function findHostCli(options: { home: string; env: NodeJS.ProcessEnv; entry: string | undefined }): HostCli {
  const { home, env, entry } = options;
  const named = env["RESCUE_WATCHDOG_OPENCLAW"];
  if (named !== undefined && isAbsolute(named)) return { command: [process.execPath, named], home, env };
  if (entry !== undefined && isHostEntry(entry)) return { command: [process.execPath, entry], home, env };
  for (const directory of (env["PATH"] ?? "").split(delimiter)) {
    const candidate = join(directory, "openclaw");
    if (directory !== "" && isExecutable(candidate)) return { command: [candidate], home, env };
  }
  throw new RescueError("not-running", "the openclaw command is not on PATH", { fix: "npm install -g openclaw" });
}

/** Runs the host's CLI for a profile, with nothing inherited that could redirect it to another one. Never prompts: stdin is `input` or empty. */
export async function runHost(
  cli: HostCli,
  profile: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly input?: string; readonly stop?: AbortSignal },
): Promise<CommandResult> {
  const select = profile === "default" ? [] : ["--profile", profile];
  return runCommand([...cli.command, ...select, ...args], { ...options, env: hostEnv(cli) });
}

/**
 * Runs the host's CLI as a person would: on our own terminal, to its own end. With `captureStdout` its stdout is returned instead of shown.
 * `exitCode` is null when a signal ended it.
 */
export async function runHostOnTerminal(
  cli: HostCli,
  profile: string,
  args: readonly string[],
  options: { readonly captureStdout: boolean },
): Promise<{ readonly exitCode: number | null; readonly stdout: string }> {
  const select = profile === "default" ? [] : ["--profile", profile];
  const [program = "", ...words] = [...cli.command, ...select, ...args];
  const child = spawn(program, words, {
    stdio: ["inherit", options.captureStdout ? "pipe" : "inherit", "inherit"],
    env: hostEnv(cli),
  });
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  return { exitCode, stdout };
}

/** What the host answered to `--json`, behind the words that it prints before when it installs a service; undefined when that is no JSON. */
export function hostJson(stdout: string): unknown {
  const start = stdout.search(/^\{/m);
  if (start === -1) return undefined;
  try {
    return JSON.parse(stdout.slice(start));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Of this home and no other: what we read and what the host writes must be the same profile. */
function hostEnv(cli: HostCli): Record<string, string> {
  const { OPENCLAW_HOME: _, ...env } = scrubbedEnv(cli.env);
  return { ...env, HOME: cli.home };
}

function isHostEntry(entry: string): boolean {
  return basename(entry) === "openclaw.mjs" || basename(entry) === "openclaw";
}

/** A file that this account may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return false;
  }
}
