import { RescueError } from "../../shared/errors.ts";
import { parseXml, type XmlElement } from "./xml.ts";

export const TASK_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task";

/** What may stand in an element: a text of some form, or other elements. */
type Shape = ((text: string) => boolean) | Elements;
interface Elements {
  readonly children: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  /** These may stand there several times, in any number. */
  readonly repeated?: true;
  /** The children keep the order in which they are listed. */
  readonly ordered?: true;
  /** At least one child. */
  readonly filled?: true;
  readonly attributes?: Readonly<Record<string, (value: string) => boolean>>;
}

const text = () => true;
const named = (value: string) => value !== "";
const flag = oneOf("true", "false", "1", "0");
const duration = (value: string) =>
  /^P(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?$/.test(value.trim());
const whole = (from: number, to: number) => (value: string) =>
  /^\d+$/.test(value.trim()) && Number(value.trim()) >= from && Number(value.trim()) <= to;

const TRIGGER: Shape = {
  ordered: true,
  children: {
    Enabled: flag,
    StartBoundary: (value) => /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?$/.test(value.trim()),
    Repetition: { required: ["Interval"], children: { Interval: duration, Duration: duration, StopAtDurationEnd: flag } },
    UserId: named,
    Delay: duration,
  },
};

/** Task Scheduler schema 1.2, as much of it as a gateway's or a watchdog's task uses (MS-TSCH 2.5; the tests hold an XSD of the same). */
const TASK: Elements = {
  required: ["Actions"],
  attributes: { version: text, xmlns: oneOf(TASK_NAMESPACE) },
  children: {
    RegistrationInfo: { children: { Description: text, Author: text, URI: text } },
    Triggers: { repeated: true, children: { LogonTrigger: TRIGGER, BootTrigger: TRIGGER, TimeTrigger: TRIGGER } },
    Principals: {
      required: ["Principal"],
      children: {
        Principal: {
          attributes: { id: isNcName },
          children: {
            UserId: named,
            GroupId: named,
            LogonType: oneOf("S4U", "Password", "InteractiveToken", "InteractiveTokenOrPassword"),
            RunLevel: oneOf("LeastPrivilege", "HighestAvailable"),
          },
        },
      },
    },
    Settings: {
      children: {
        MultipleInstancesPolicy: oneOf("Parallel", "Queue", "IgnoreNew", "StopExisting"),
        DisallowStartIfOnBatteries: flag,
        StopIfGoingOnBatteries: flag,
        AllowHardTerminate: flag,
        StartWhenAvailable: flag,
        RunOnlyIfNetworkAvailable: flag,
        AllowStartOnDemand: flag,
        Enabled: flag,
        Hidden: flag,
        RunOnlyIfIdle: flag,
        WakeToRun: flag,
        IdleSettings: { children: { StopOnIdleEnd: flag, RestartOnIdle: flag } },
        ExecutionTimeLimit: duration,
        RestartOnFailure: { required: ["Interval", "Count"], children: { Interval: restartPause, Count: whole(1, 255) } },
        Priority: whole(0, 10),
      },
    },
    Actions: {
      repeated: true,
      filled: true,
      attributes: { Context: isNcName },
      children: { Exec: { required: ["Command"], children: { Command: named, Arguments: text, WorkingDirectory: text } } },
    },
  },
};

/** Why the Task Scheduler would not take this XML, in sentences; empty when it would. Pure. */
export function objectionsToTask(xml: string): string[] {
  let task: XmlElement;
  try {
    task = parseXml(xml);
  } catch (error) {
    if (error instanceof RescueError) return [error.message];
    throw error;
  }
  if (task.name !== "Task") return [`the root is <${task.name}>, not <Task>`];
  if (!task.attributes.has("xmlns")) return ["<Task> has no namespace"];
  const context = task.children.find(({ name }) => name === "Actions")?.attributes.get("Context");
  const principals = task.children.find(({ name }) => name === "Principals")?.children ?? [];
  const stranger = context !== undefined && !principals.some(({ attributes }) => attributes.get("id") === context);
  return [...objections(task, TASK), ...(stranger ? [`<Actions> names the principal ${context}, which is not there`] : [])];
}

function objections(element: XmlElement, shape: Shape): string[] {
  const own = attributeObjections(element, typeof shape === "function" ? {} : (shape.attributes ?? {}));
  if (typeof shape === "function") {
    const nested = element.children.map(({ name }) => `<${name}> has no place in <${element.name}>`);
    return [...own, ...nested, ...(shape(element.text) ? [] : [`<${element.name}> may not be ${JSON.stringify(element.text)}`])];
  }
  const names = element.children.map(({ name }) => name);
  const allowed = Object.keys(shape.children);
  const places = names.map((name) => allowed.indexOf(name));
  return [
    ...own,
    ...(element.text.trim() === "" ? [] : [`<${element.name}> holds text`]),
    ...(shape.required ?? []).filter((name) => !names.includes(name)).map((name) => `<${element.name}> lacks <${name}>`),
    ...(shape.filled === true && names.length === 0 ? [`<${element.name}> is empty`] : []),
    ...(shape.repeated === true ? [] : [...duplicates(names)].map((name) => `<${name}> stands twice in <${element.name}>`)),
    ...(shape.ordered === true && places.some((place, at) => place < (places[at - 1] ?? place))
      ? [`<${element.name}> has another order`]
      : []),
    ...element.children.flatMap((child) => {
      const inner = Object.hasOwn(shape.children, child.name) ? shape.children[child.name] : undefined;
      return inner === undefined ? [`<${child.name}> has no place in <${element.name}>`] : objections(child, inner);
    }),
  ];
}

function attributeObjections({ name, attributes }: XmlElement, allowed: Readonly<Record<string, (value: string) => boolean>>): string[] {
  return [...attributes].flatMap(([key, value]) => {
    const takes = Object.hasOwn(allowed, key) ? allowed[key] : undefined;
    if (takes === undefined) return [`<${name}> takes no attribute ${key}`];
    return takes(value) ? [] : [`${key} of <${name}> may not be ${JSON.stringify(value)}`];
  });
}

function duplicates(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.filter((name, at) => names.indexOf(name) !== at));
}

function oneOf(...values: readonly string[]): (value: string) => boolean {
  return (value) => values.includes(value);
}

function isNcName(value: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(value);
}

/** From a minute to 31 days, as far as it can be told without a calendar. */
function restartPause(value: string): boolean {
  const [, days = "0", hours = "0", minutes = "0", seconds = "0"] =
    /^P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(value.trim()) ?? [];
  const total = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
  return total >= 60 && total <= 31 * 86_400;
}
