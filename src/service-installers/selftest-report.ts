import { lstatSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RescueError, systemErrorCode } from "../shared/errors.ts";
import type { CommandResult } from "../shared/run-command.ts";
import { readIfThere } from "../shared/secure-file.ts";
import type { ServiceSpec } from "./installer.ts";
import { agentLabel } from "./launchd/agent.ts";
import { agentsDirectory } from "./launchd/control.ts";
import { watchdogTaskName } from "./schtasks/install.ts";
import { ownUnits } from "./systemd/units.ts";

export type Proof = "proved" | "failed" | "could not look";

export interface CheckResult {
  readonly id: string;
  /** What holds on this machine when it is proved. */
  readonly proves: string;
  readonly expected: string;
  readonly found: string;
  readonly verdict: Proof;
  readonly ms: number;
  /** What the manager itself says of the throwaway service, when the check failed. */
  readonly raw?: string;
}

export interface Check extends Pick<CheckResult, "id" | "proves" | "expected"> {
  /** Without this one proved there is nothing to look at. */
  readonly needs?: string;
  /** Of the gateway: what cannot be asked was not seen. Of the throwaway service it has failed. */
  readonly asksOnly?: true;
  readonly look: () => Promise<Seen>;
}

export interface Seen {
  readonly verdict: Proof;
  readonly found: string;
}

export function judged(proved: boolean, found: string): Seen {
  return { verdict: proved ? "proved" : "failed", found };
}

export function unseen(found: string): Seen {
  return { verdict: "could not look", found };
}

export function sentence(error: unknown): string {
  if (!(error instanceof RescueError)) return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `${error.code}: ${error.message}${error.fix === undefined ? "" : ` → ${error.fix}`}`;
}

/** What could not be taken away again, and how a person does it. */
export interface LeftBehind {
  readonly what: string;
  readonly command: string;
}

export interface ForAPerson {
  readonly what: string;
  readonly commands: readonly string[];
}

export interface SelftestReport extends MachineReport {
  readonly forAPerson: readonly ForAPerson[];
}

/** What a machine can say by itself. */
export interface MachineReport {
  readonly format: 1;
  readonly selftest: "service";
  /** Version of this package. */
  readonly version: string;
  readonly machine: { readonly platform: string; readonly release: string; readonly arch: string; readonly node: string };
  readonly verdict: Proof;
  readonly manager: string;
  readonly profile: string;
  readonly throwaway: string;
  readonly startedAt: string;
  readonly tookMs: number;
  readonly interrupted: boolean;
  readonly checks: readonly CheckResult[];
  readonly leftBehind: readonly LeftBehind[];
}

/** Where a service of ours shows outside of our own code, so that what the installer says can be compared. */
export interface Footprint {
  /** What a person would look for: unit, label, task. */
  readonly title: string;
  /** The file of its definition; null when the manager keeps it to itself. */
  readonly definition: string | null;
  /** Programs that know it. */
  readonly ask: readonly (readonly string[])[];
  /** Whether such a program has it; undefined when its answer says neither. */
  readonly has: (said: { readonly exitCode: number | null; readonly stdout: string }) => boolean | undefined;
  /** What the manager can say about it when something went wrong. */
  readonly describe: readonly string[];
  readonly remove: string;
}

/** Pure. Throws `service-control` for a platform without a manager that we know. */
export function footprint(platform: NodeJS.Platform, name: string, { home, uid }: { home: string; uid: number }): Footprint {
  switch (platform) {
    case "linux": {
      const title = ownUnits(name).sentinel;
      const definition = join(home, ".config", "systemd", "user", title);
      return {
        title,
        definition,
        ask: [["systemctl", "--user", "show", title, "--property=LoadState"]],
        has: ({ exitCode, stdout }) => (exitCode === 0 && stdout.includes("LoadState=") ? !stdout.includes("=not-found") : undefined),
        describe: ["systemctl", "--user", "--no-pager", "--lines=20", "status", title],
        remove: `systemctl --user disable --now ${title}; rm -f "$HOME/.config/systemd/user/${title}"; systemctl --user daemon-reload`,
      };
    }
    case "darwin": {
      const title = agentLabel(name);
      const definition = join(agentsDirectory(home), `${title}.plist`);
      // launchctl's own: 112 and 125 no such domain, 113 no such service.
      const no: ReadonlySet<number | null> = new Set([112, 113, 125]);
      return {
        title,
        definition,
        ask: ["gui", "user"].map((domain) => ["launchctl", "print", `${domain}/${uid}/${title}`]),
        has: ({ exitCode }) => (exitCode === 0 ? true : no.has(exitCode) ? false : undefined),
        describe: ["launchctl", "print", `gui/${uid}/${title}`],
        remove: `launchctl bootout gui/${uid}/${title}; launchctl bootout user/${uid}/${title}; rm -f "$HOME/Library/LaunchAgents/${title}.plist"`,
      };
    }
    case "win32": {
      const title = watchdogTaskName(name);
      return {
        title,
        definition: null,
        ask: [["schtasks", "/Query", "/TN", title]],
        // Its words are translated. 1 is any refusal; an account's own tasks it may always see.
        has: ({ exitCode }) => (exitCode === 0 ? true : exitCode === 1 ? false : undefined),
        describe: ["schtasks", "/Query", "/TN", title],
        remove: `schtasks /End /TN "${title}" & schtasks /Delete /F /TN "${title}"`,
      };
    }
    default:
      throw new RescueError("service-control", `services of ${platform} are not supported`);
  }
}

export type RunProgram = (argv: readonly string[]) => Promise<Pick<CommandResult, "exitCode" | "stdout" | "stderr">>;

/** Whether the manager itself has it. Throws `service-control` when it cannot be told. */
export async function isKnown({ runProgram }: { readonly runProgram: RunProgram }, print: Footprint): Promise<boolean> {
  for (const argv of print.ask) {
    const said = await runProgram(argv);
    const answer = print.has(said);
    if (answer === true) return true;
    if (answer === false) continue;
    const words = (said.stderr || said.stdout).trim();
    throw new RescueError(
      "service-control",
      `whether there is a ${print.title} cannot be told: ${argv.join(" ")} ended with ${said.exitCode}, ${words}`,
    );
  }
  return false;
}

/** The same, or its definition lies there. */
export async function isThere(world: { readonly runProgram: RunProgram }, print: Footprint): Promise<boolean> {
  return (print.definition !== null && kindOf(print.definition) !== "nothing") || isKnown(world, print);
}

export function kindOf(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "nothing";
  return stat.isFile() ? `a file of mode ${(stat.mode & 0o777).toString(8)}` : "no plain file";
}

/** One verdict for all: something that failed weighs more than something that could not be looked at. */
export function overall({ checks, leftBehind }: Pick<SelftestReport, "checks" | "leftBehind">): Proof {
  if (leftBehind.length > 0 || checks.some(({ verdict }) => verdict === "failed")) return "failed";
  return checks.length > 0 && checks.every(({ verdict }) => verdict === "proved") ? "proved" : "could not look";
}

/** All texts without the home directory, whose name is mostly a person's. Pure. */
export function withoutHome(report: MachineReport, home: string): MachineReport {
  const hide = (text: string) => hideHome(text, home);
  return {
    ...report,
    checks: report.checks.map(({ raw, ...check }) => ({
      ...check,
      expected: hide(check.expected),
      found: hide(check.found),
      ...(raw === undefined ? {} : { raw: hide(raw) }),
    })),
    leftBehind: report.leftBehind.map(({ what, command }) => ({ what: hide(what), command: hide(command) })),
  };
}

function hideHome(text: string, home: string): string {
  if (/^[\\/]?$/.test(home)) return text;
  // In words that are written as JSON a backslash is two.
  const parts = home.split("\\").map((part) => part.replaceAll(/[.*+?^${}()|[\]]/g, "\\$&"));
  const literal = parts.join(String.raw`\\{1,2}`);
  // A namesake with a longer name is somebody else. Windows' paths have no case.
  const pattern = new RegExp(`${literal}(?![\\w-])`, home.includes("\\") ? "gi" : "g");
  return text.replaceAll(pattern, "~");
}

/** launchctl prints the environments of session and job: their lines are taken out. Pure. */
export function withoutEnvironment(text: string): string {
  return text.replaceAll(/^([^\n]*environment = \{)\n[\s\S]*?^\s*\}/gm, "$1 … }").replaceAll(/^(\s*Environment=).*$/gm, "$1…");
}

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
