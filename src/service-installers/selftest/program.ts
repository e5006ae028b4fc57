import { mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../shared/errors.ts";
import { readIfThere } from "../../shared/secure-file.ts";
import type { ServiceSpec } from "../installer.ts";

/** What the throwaway program writes of each start. */
interface Start {
  readonly pid: number;
  readonly cwd: string;
  readonly argv: readonly string[];
}

/** What a start must carry unchanged. */
const WORDS = ["two words", 'say "hi"', "it's", "R&D <a> | b ; c", "Grüße 日本", "tail\\", "100%", "$HOME", "--flag=x y"];
const FOLDER = "it's ü & 日本";

/**
 * Appends what it was started with, and stays. Gives systemd the word that `Type=notify` and `WatchdogSec` want. It ends itself when `end`
 * appears or its file is gone, so that what outlives the self-test need not be signalled by a pid that may be another's by then.
 */
const PROGRAM = `import { spawn } from "node:child_process";
import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
const { pid, argv, env } = process;
const file = (name) => join(import.meta.dirname, name);
if (existsSync(file("end"))) process.exit(0);
const start = { pid, startedAt: new Date().toISOString(), cwd: process.cwd(), argv };
appendFileSync(file("starts.jsonl"), JSON.stringify(start) + "\\n");
process.on("SIGTERM", () => {
  appendFileSync(file("signals"), "SIGTERM " + pid + "\\n");
  process.exit(0);
});
const tell = (...words) => env.NOTIFY_SOCKET && spawn("systemd-notify", words, { stdio: "ignore" }).on("error", () => process.exit(1));
tell("--ready", "WATCHDOG=1");
setInterval(tell, 10_000, "WATCHDOG=1");
setInterval(() => {
  if (existsSync(file("end")) || !existsSync(import.meta.filename)) process.exit(0);
  if (existsSync(file("ask"))) {
    rmSync(file("ask"), { force: true });
    writeFileSync(file("answer"), String(pid));
  }
  if (!existsSync(file("park"))) return;
  rmSync(file("park"));
  process.exit(78);
}, 100);
`;

/** Writes the program and its folder, and says how it is run. */
export function layOut(directory: string, name: string): ServiceSpec {
  // On macOS and Windows the temporary directory has a second name, and processes see the first.
  const workingDirectory = join(realpathSync.native(directory), FOLDER);
  const logDirectory = join(workingDirectory, "logs");
  for (const path of [workingDirectory, logDirectory]) mkdirSync(path, { mode: 0o700 });
  const program = join(workingDirectory, "program.mjs");
  writeFileSync(program, PROGRAM, { mode: 0o600 });
  const description = `Throwaway service of rescue-watchdog's self-test (${name})`;
  return { profile: name, description, argv: [process.execPath, program, ...WORDS], environment: {}, workingDirectory, logDirectory };
}

/** Its starts so far, oldest first. A line that is being written does not count yet. */
export function starts({ workingDirectory }: ServiceSpec): Start[] {
  const lines = (readIfThere(join(workingDirectory, "starts.jsonl")) ?? "").split("\n").slice(0, -1);
  return lines.map((line): unknown => JSON.parse(line)).filter(isStart);
}

export const pids = (spec: ServiceSpec): number[] => starts(spec).map(({ pid }) => pid);

/** The pid of the process that answers, asked anew each time; undefined when none has yet. */
export function answer({ workingDirectory }: ServiceSpec): number | undefined {
  const said = readIfThere(join(workingDirectory, "answer"));
  rmSync(join(workingDirectory, "answer"), { force: true });
  writeFileSync(join(workingDirectory, "ask"), "");
  return said === undefined || said === "" ? undefined : Number(said);
}

function isStart(value: unknown): value is Start {
  return (
    typeof value === "object" && value !== null && "pid" in value && typeof value.pid === "number" && "cwd" in value && "argv" in value
  );
}

/** Asked by signal 0, which does nothing. What is another account's is not ours. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH" || systemErrorCode(error) === "EPERM") return false;
    throw error;
  }
}
