import { RescueError } from "../../shared/errors.ts";
import { escapeXml, isXmlText } from "../xml-cursor.ts";
import { commandLine } from "./argv.ts";
import { objectionsToTask, TASK_NAMESPACE } from "./task-schema.ts";
import { parseXml, type XmlElement } from "./xml.ts";

/** A small task of our own, as data. */
export interface TaskSpec {
  readonly description: string;
  /** `DOMAIN\name` or `name`: at whose logon it starts and as whom it runs. A trigger for everybody's logon would need an administrator. */
  readonly user: string;
  /** Absolute Windows program and its arguments. */
  readonly argv: readonly string[];
  readonly workingDirectory: string;
}

/** What is read of a task, the host's or ours. Settings that are not written have the schema's defaults. */
export interface TaskDefinition {
  readonly description: string;
  readonly command: string;
  readonly arguments: string;
  readonly workingDirectory: string;
  /** An enabled trigger at logon or boot; whether the task itself is enabled is another question. */
  readonly startsByItself: boolean;
  readonly settings: Readonly<Record<(typeof SETTINGS)[number]["name"], string>>;
}

/** The settings that decide how a task lives, and what holds when they are left out (Task Scheduler Schema, settingsType). */
const SETTINGS = [
  { name: "MultipleInstancesPolicy", otherwise: "IgnoreNew" },
  { name: "DisallowStartIfOnBatteries", otherwise: "true" },
  { name: "StopIfGoingOnBatteries", otherwise: "true" },
  { name: "AllowStartOnDemand", otherwise: "true" },
  { name: "Enabled", otherwise: "true" },
  { name: "ExecutionTimeLimit", otherwise: "PT72H" },
] as const;

/**
 * The XML of our own task, version 1.2. Pure. Started at logon with the account's own rights and no password, one instance, no time limit,
 * batteries ignored; the Task Scheduler tries a failed start again three times, a minute apart.
 *
 * The Task Scheduler itself expands `%NAME%` and `$(Arg0)` in what it runs, and knows no escape for them (IExecAction, IRegisteredTask::Run).
 * @throws RescueError `refused` for what a task cannot carry unchanged
 */
export function renderTask(spec: TaskSpec): string {
  const [program = "", ...args] = spec.argv;
  const line = commandLine(args);
  for (const text of [spec.description, spec.user, program, line, spec.workingDirectory]) {
    if (!isXmlText(text)) throw refusal(`${JSON.stringify(text)} holds a character that XML cannot carry`);
  }
  for (const path of [program, spec.workingDirectory]) {
    if (!isWindowsPath(path)) throw refusal(`${JSON.stringify(path)} is no absolute Windows path`);
  }
  // cmd.exe would read their arguments by rules of its own, in which quotes do not protect.
  if (/\.(?:cmd|bat)$/i.test(program)) throw refusal(`${program} is a batch file, whose arguments cannot be quoted safely`);
  for (const text of [program, line, spec.workingDirectory]) {
    const [expanded] = /%[^%]+%|\$\(Arg\d+\)/i.exec(text) ?? [];
    if (expanded !== undefined) throw refusal(`the Task Scheduler would expand ${expanded}`);
  }
  const xml = template({ ...spec, program, line });
  const [objection] = objectionsToTask(xml);
  if (objection !== undefined) throw refusal(objection);
  return xml;
}

/** Priority 5 is an ordinary process's; the default of 7 would let the watchdog starve with the machine it watches. */
function template({ description, user, program, line, workingDirectory }: TaskSpec & { program: string; line: string }): string {
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="${TASK_NAMESPACE}">
  <RegistrationInfo>
    <Description>${escapeXml(description)}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>${escapeXml(user)}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>${escapeXml(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>false</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>3</Count>
    </RestartOnFailure>
    <Priority>5</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${escapeXml(program)}</Command>${line === "" ? "" : `\n      <Arguments>${escapeXml(line)}</Arguments>`}
      <WorkingDirectory>${escapeXml(workingDirectory)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`;
}

/** As `schtasks /Create /XML` wants the file: what it declares, UTF-16 with its mark. */
export function encodeTask(xml: string): Buffer {
  return Buffer.from(`\uFEFF${xml}`, "utf16le");
}

/** Pure. Throws `service-control` for what is no task, or a task of another kind than the host's and ours: one program. */
export function parseTask(xml: string): TaskDefinition {
  const task = parseXml(xml);
  if (task.name !== "Task" || task.attributes.get("xmlns") !== TASK_NAMESPACE) throw unreadable("it is no task");
  const actions = child(task, "Actions")?.children ?? [];
  const [exec] = actions;
  if (exec === undefined || exec.name !== "Exec" || actions.length > 1) throw unreadable("it does not run exactly one program");
  const command = unquoted(textAt(exec, ["Command"]) ?? "");
  if (command === "") throw unreadable("it names no program");
  const triggers = child(task, "Triggers")?.children ?? [];
  return {
    description: textAt(task, ["RegistrationInfo", "Description"]) ?? "",
    command,
    arguments: textAt(exec, ["Arguments"]) ?? "",
    workingDirectory: textAt(exec, ["WorkingDirectory"]) ?? "",
    startsByItself: triggers.some(
      (trigger) => ["LogonTrigger", "BootTrigger"].includes(trigger.name) && isTrue(textAt(trigger, ["Enabled"]) ?? "true"),
    ),
    settings: settingsOf(task),
  };
}

function settingsOf(task: XmlElement): TaskDefinition["settings"] {
  const value = ({ name, otherwise }: (typeof SETTINGS)[number]) => textAt(task, ["Settings", name])?.trim() ?? otherwise;
  const [policy, startsOnBattery, stopsOnBattery, onDemand, enabled, limit] = SETTINGS;
  return {
    MultipleInstancesPolicy: value(policy),
    DisallowStartIfOnBatteries: value(startsOnBattery),
    StopIfGoingOnBatteries: value(stopsOnBattery),
    AllowStartOnDemand: value(onDemand),
    Enabled: value(enabled),
    ExecutionTimeLimit: value(limit),
  };
}

/** The Task Scheduler ends it without anybody's wish: after a time (the host's older tasks had three days), or off the mains. Pure. */
export function mayBeEndedByScheduler({ settings }: TaskDefinition): boolean {
  return settings.ExecutionTimeLimit !== "PT0S" || isTrue(settings.StopIfGoingOnBatteries);
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  const found = element.children.filter((each) => each.name === name);
  if (found.length > 1) throw unreadable(`${name} stands there twice`);
  return found[0];
}

function textAt(from: XmlElement, path: readonly string[]): string | undefined {
  let at: XmlElement | undefined = from;
  for (const name of path) at = at && child(at, name);
  return at?.text;
}

const isTrue = (text: string) => ["true", "1"].includes(text.trim());
/** People quote a program with spaces; the Task Scheduler takes both. */
const unquoted = (text: string) => text.trim().replace(/^"(.*)"$/, "$1");
const isWindowsPath = (path: string) => /^(?:[A-Za-z]:\\|\\\\[^\\?.])[^"<>|*?\n\r]*$/.test(path);
const refusal = (why: string) => new RescueError("refused", `no scheduled task can be made of this: ${why}`);
const unreadable = (why: string) => new RescueError("service-control", `the task's definition is not understood: ${why}`);
