import { isAbsolute, join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import type { ServiceSpec } from "../installer.ts";
import { isDict, type PlistDict, type PlistValue, parsePlist, renderPlist } from "./plist.ts";

/** What launchd.plist(5) takes for the keys we write. A key of another type is ignored by launchd without a word. */
const KEYS: ReadonlyMap<string, (value: PlistValue) => boolean> = new Map([
  ["Label", isLabel],
  ["Comment", isText],
  ["ProgramArguments", (value: PlistValue) => isTextList(value) && isAbsolutePath(value[0])],
  ["EnvironmentVariables", isEnvironment],
  ["WorkingDirectory", isAbsolutePath],
  ["RunAtLoad", isFlag],
  ["KeepAlive", isFlag],
  ["ThrottleInterval", isWhole],
  ["ExitTimeOut", isWhole],
  ["ProcessType", (value: PlistValue) => typeof value === "string" && PROCESS_TYPES.has(value)],
  ["StandardInPath", isAbsolutePath],
  ["StandardOutPath", isAbsolutePath],
  ["StandardErrorPath", isAbsolutePath],
  ["Umask", (value: PlistValue) => isWhole(value) && Number(value) <= 0o777],
]);
const REQUIRED = ["Label", "ProgramArguments", "RunAtLoad", "KeepAlive"] as const;
const PROCESS_TYPES: ReadonlySet<string> = new Set(["Background", "Standard", "Adaptive", "Interactive"]);

/** Label of the small agent that watches a profile. */
export function agentLabel(profile: string): string {
  const label = `ai.openclaw.rescue-watchdog.${profile}`;
  if (isLabel(label)) return label;
  throw new RescueError("refused", `${JSON.stringify(profile)} cannot be part of a launchd label`, {
    fix: "use letters, digits, - and _ in the profile's name",
  });
}

/** Where launchd lets the agent of this profile write; nothing else has these names. */
export function agentLogs(logDirectory: string, profile: string): { readonly out: string; readonly err: string } {
  const label = agentLabel(profile);
  return { out: join(logDirectory, `${label}.log`), err: join(logDirectory, `${label}.err.log`) };
}

/**
 * The plist of our own agent. Pure. `Interactive`, as the host's: launchd holds back the starts of background jobs on battery and in
 * low-power mode for hours. No shell, no globbing; the umask keeps its logs to the account.
 * @throws RescueError `refused` for a value that the file cannot carry, or that launchd would not take
 */
export function renderAgent(spec: ServiceSpec): string {
  const logs = agentLogs(spec.logDirectory, spec.profile);
  const agent: PlistDict = new Map<string, PlistValue>([
    ["Label", agentLabel(spec.profile)],
    ["Comment", spec.description],
    ["ProgramArguments", spec.argv],
    ["EnvironmentVariables", new Map(Object.entries(spec.environment))],
    ["WorkingDirectory", spec.workingDirectory],
    ["RunAtLoad", true],
    ["KeepAlive", true],
    ["ThrottleInterval", 10],
    ["ExitTimeOut", 20],
    ["ProcessType", "Interactive"],
    ["StandardInPath", "/dev/null"],
    ["StandardOutPath", logs.out],
    ["StandardErrorPath", logs.err],
    ["Umask", 0o077],
  ]);
  const text = renderPlist(agent);
  const [objection] = objectionsToAgent(text, agentLabel(spec.profile));
  if (objection !== undefined) throw new RescueError("refused", `no launchd agent can be made of this: ${objection}`);
  return text;
}

/** Why launchd would not take this file as our agent, in sentences; empty when it would. Pure. */
export function objectionsToAgent(text: string, label: string): string[] {
  let agent: PlistDict;
  try {
    agent = parsePlist(text);
  } catch (error) {
    if (error instanceof RescueError && error.code === "not-readable") return [error.message];
    throw error;
  }
  return [
    ...REQUIRED.filter((key) => !agent.has(key)).map((key) => `${key} is missing`),
    ...[...agent].flatMap(([key, value]) => {
      const takes = KEYS.get(key);
      if (takes === undefined) return [`the key ${JSON.stringify(key)} is not one of ours`];
      return takes(value) ? [] : [`${key} has a value that launchd does not take`];
    }),
    ...(agent.get("Label") === label ? [] : [`its label is not ${label}`]),
  ];
}

function isText(value: PlistValue | undefined): value is string {
  // A program's arguments and environment end at a NUL; XML has none.
  return typeof value === "string";
}

function isTextList(value: PlistValue): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every(isText);
}

function isAbsolutePath(value: PlistValue | undefined): boolean {
  return isText(value) && isAbsolute(value);
}

/** The host's own rule, which keeps the label out of the way of launchctl's slashes. */
function isLabel(value: PlistValue): boolean {
  return isText(value) && /^[A-Za-z0-9._-]{1,200}$/.test(value);
}

function isEnvironment(value: PlistValue): boolean {
  return isDict(value) && [...value].every(([name, text]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && isText(text));
}

function isFlag(value: PlistValue): boolean {
  return typeof value === "boolean";
}

function isWhole(value: PlistValue): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
