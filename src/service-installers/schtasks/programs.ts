import { win32 } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import { type CommandResult, runCommand } from "../../shared/run-command.ts";

type Env = Readonly<Record<string, string | undefined>>;

const PROGRAMS = {
  schtasks: "schtasks.exe",
  taskkill: "taskkill.exe",
  powershell: String.raw`WindowsPowerShell\v1.0\powershell.exe`,
} as const;

/**
 * Nothing of the gateway's or the watchdog's own. PSModulePath is left out with the rest: inherited from PowerShell 7 it sends Windows
 * PowerShell to modules that it cannot load.
 */
const PASSED_ON = [
  "PATH",
  "PATHEXT",
  "SystemRoot",
  "SystemDrive",
  "windir",
  "ComSpec",
  "TEMP",
  "TMP",
  "USERPROFILE",
  "USERNAME",
  "USERDOMAIN",
];

/** PowerShell repeats the whole script beside its error. */
const LONGEST_COMPLAINT = 300;

/** Windows' variables have no case, a copy of the environment has: `Path`, `SYSTEMROOT`. */
export function variable(env: Env, name: string): string | undefined {
  const wanted = name.toUpperCase();
  const found = Object.entries(env).find(([key, value]) => key.toUpperCase() === wanted && value !== undefined && value.trim() !== "");
  return found?.[1];
}

/** The program in Windows' own directory, so that a namesake in the working directory or on PATH is not run. Pure. */
export function programPath(program: keyof typeof PROGRAMS, env: Env): string {
  const root = variable(env, "SystemRoot") ?? variable(env, "windir");
  return root === undefined ? program : win32.join(root, "System32", PROGRAMS[program]);
}

/**
 * Runs one of Windows' programs. A non-zero exit is a result: only the exit code is to be trusted, the words are in the language of the
 * machine and in the bytes of its console.
 * @throws RescueError `service-control` when it hangs or cannot be run
 */
export async function runProgram(
  program: keyof typeof PROGRAMS,
  args: readonly string[],
  options: { readonly env: Env; readonly timeoutMs: number },
): Promise<CommandResult> {
  const env = Object.fromEntries(PASSED_ON.map((name) => [name, variable(options.env, name)]));
  const result = await runCommand([programPath(program, options.env), ...args], { env, timeoutMs: options.timeoutMs, maxBytes: 1_048_576 });
  if (result.notStarted !== undefined) {
    throw new RescueError("service-control", `${program} could not be run: ${result.notStarted}`, { fix: "this works on Windows only" });
  }
  if (result.timedOut) {
    const waitedS = Math.round(options.timeoutMs / 1000);
    throw new RescueError("service-control", `${program} did not end within ${waitedS} s; what it was asked for may still happen`);
  }
  if (result.truncated) throw new RescueError("service-control", `${program} said more than can be read`);
  return result;
}

/** What it wrote, as one line; without what cannot be read, since a console's code page is not UTF-8 (openclaw issue 53668). */
export function complaintOf(result: CommandResult): string {
  const text = (result.stderr.trim() || result.stdout.trim()).replaceAll(/\s+/g, " ").slice(0, LONGEST_COMPLAINT);
  const exit = `ended with ${result.exitCode ?? result.signal}`;
  if (text === "") return exit;
  return text.includes("\uFFFD") ? `${exit}; its message is not in UTF-8` : `${exit}: ${text}`;
}
