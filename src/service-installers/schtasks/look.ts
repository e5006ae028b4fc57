import { RescueError } from "../../shared/errors.ts";
import { complaintOf, runProgram } from "./programs.ts";

/** TASK_STATE of taskschd.h, by its number. */
const STATES = ["unknown", "disabled", "queued", "ready", "running"] as const;

/** A registered task at one moment, as the Task Scheduler's own interface has it. */
export interface TaskLook {
  readonly state: Exclude<(typeof STATES)[number], "unknown">;
  readonly enabled: boolean;
  /** Exit code of the last run, or an HRESULT of the Task Scheduler; unsigned. */
  readonly lastResult: number;
  /** When it last ran, as a text that only changes with the next run. */
  readonly lastRun: string;
  /** Its definition. */
  readonly xml: string;
}

export interface TaskOptions {
  readonly name: string;
  /** Where Windows' programs are found. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long the Task Scheduler is given for what it does after a command has returned. Tests shorten it. */
  readonly patienceMs?: number;
}

/** A cold PowerShell takes seconds; the host gives up after five, on machines that were merely slow. */
const LOOK_WITHIN_MS = 15_000;
/** ERROR_FILE_NOT_FOUND and ERROR_PATH_NOT_FOUND as HRESULT: no such task, no such folder. */
const NO_SUCH_TASK: readonly number[] = [0x8007_0002, 0x8007_0003];
const ACCESS_DENIED = 0x8007_0005;

/**
 * The task, or null when there is none. Asked through the scripting interface `Schedule.Service`, in PowerShell: RegisteredTask.State and
 * LastTaskResult are numbers in every language, an error is an HRESULT, and the XML comes as base64 of UTF-8.
 *
 * Not asked, and why: `schtasks /Query` translates its column names and states, `/FO CSV /NH` still its states and dates (openclaw issues
 * 39057, 53668, 136123); its `/XML` arrives in the console's code page, in which a user's name may have no letters; `Get-ScheduledTask`
 * gives the state as a word or a number, depending on the PowerShell (PowerShell issue 14595).
 *
 * @throws RescueError `service-control` when it cannot be known: access denied, the Task Scheduler stopped, PowerShell forbidden
 */
export async function lookAtTask({ name, env }: TaskOptions): Promise<TaskLook | null> {
  const script = Buffer.from(lookScript(name), "utf16le").toString("base64");
  const args = ["-NoLogo", "-NoProfile", "-NonInteractive", "-OutputFormat", "Text", "-EncodedCommand", script];
  const result = await runProgram("powershell", args, { env, timeoutMs: LOOK_WITHIN_MS });
  // What PowerShell itself has to say goes to stderr, and may be progress only.
  if (result.exitCode !== 0 || result.stdout.trim() === "") throw blind(name, `PowerShell ${complaintOf(result)}`);
  return parseLook(name, result.stdout);
}

/** Pure. The name goes in as base64: PowerShell takes five characters for a quote. What comes out is ASCII. */
export function lookScript(name: string): string {
  return `$ErrorActionPreference = 'Stop'
$at = 'service'
try {
  $name = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('${Buffer.from(name).toString("base64")}'))
  $service = New-Object -ComObject 'Schedule.Service'
  $service.Connect()
  $at = 'task'
  $task = $service.GetFolder('\\').GetTask($name)
  $at = 'properties'
  $answer = @{
    state = [int]$task.State
    enabled = [bool]$task.Enabled
    lastResult = [int]$task.LastTaskResult
    lastRun = $task.LastRunTime.ToString('o', [Globalization.CultureInfo]::InvariantCulture)
    xml = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($task.Xml))
  }
} catch {
  $cause = $_.Exception
  while ($null -ne $cause.InnerException) { $cause = $cause.InnerException }
  $answer = @{ failedAt = $at; hresult = [int]$cause.HResult }
}
[Console]::Out.Write((ConvertTo-Json -Compress -InputObject $answer))
`;
}

/** Pure. Null: there is no such task. Throws for every other failure, and for text that is no answer of that script. */
export function parseLook(name: string, text: string): TaskLook | null {
  const answer = parseJson(name, text);
  if ("failedAt" in answer && "hresult" in answer && typeof answer.hresult === "number") {
    const code = answer.hresult >>> 0;
    if (answer.failedAt === "task" && NO_SUCH_TASK.includes(code)) return null;
    if (code === ACCESS_DENIED) throw blind(name, "access denied", "run this as the account that installed it");
    throw blind(name, `the Task Scheduler answers 0x${code.toString(16).toUpperCase()}`, "Get-Service Schedule");
  }
  if (
    "state" in answer &&
    "enabled" in answer &&
    "lastResult" in answer &&
    "lastRun" in answer &&
    "xml" in answer &&
    typeof answer.state === "number" &&
    typeof answer.enabled === "boolean" &&
    typeof answer.lastResult === "number" &&
    typeof answer.lastRun === "string" &&
    typeof answer.xml === "string"
  ) {
    const state = STATES[answer.state];
    if (state === undefined || state === "unknown") throw blind(name, `its state is ${answer.state}, which says nothing`);
    const xml = Buffer.from(answer.xml, "base64").toString("utf8");
    return { state, enabled: answer.enabled, lastResult: answer.lastResult >>> 0, lastRun: answer.lastRun, xml };
  }
  throw blind(name, `no answer that can be read: ${JSON.stringify(text.slice(0, 200))}`);
}

function parseJson(name: string, text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof value === "object" && value !== null) return value;
  throw blind(name, `no answer that can be read: ${JSON.stringify(text.slice(0, 200))}`);
}

function blind(name: string, why: string, fix?: string): RescueError {
  return new RescueError("service-control", `the scheduled task ${name} cannot be looked at: ${why}`, fix === undefined ? {} : { fix });
}
