import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SPEECH } from "./speech.ts";

/** This file, which is also the program behind the fake schtasks, taskkill and powershell: `node fake-programs.ts DIRECTORY PROGRAM …`. */
export const FAKE_PROGRAMS = fileURLToPath(import.meta.url);

/** One task as the fake Task Scheduler keeps it. `lastResult` is signed, as COM has it. */
export interface FakeTask {
  state: number;
  enabled: boolean;
  lastResult: number;
  lastRun: string;
  xml: string;
}

/** What the machine speaks, and how `/Run` goes: an instance that stays, one that ends with a code, or none at all. */
export interface FakeMachine {
  locale: keyof typeof SPEECH;
  run: "stays" | "refused" | "ignored" | { endsWith: number };
  /** Verbs that are denied: `/Create`, `/Run`, `/End`, `/Delete`, `taskkill`. */
  denied: string[];
  /** Instead of an answer, PowerShell says this. */
  powershell?: { stdout: string; stderr: string; exitCode: number };
}

export function taskFile(directory: string, name: string): string {
  return join(directory, `${name}.task.json`);
}

export function readTask(directory: string, name: string): FakeTask | undefined {
  const file = taskFile(directory, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function writeTask(directory: string, name: string, task: FakeTask): void {
  writeFileSync(taskFile(directory, name), JSON.stringify(task));
}

function main(directory: string, program: string, args: readonly string[]): number {
  const machine: FakeMachine = JSON.parse(readFileSync(join(directory, "machine.json"), "utf8"));
  const say = (key: keyof (typeof SPEECH)["en"], to: NodeJS.WriteStream = process.stdout) => to.write(SPEECH[machine.locale][key]);
  if (program === "powershell") return powershell(directory, machine, args);
  appendFileSync(join(directory, "asked"), `${[program, ...args].join("|")}\n`);
  if (program === "taskkill") {
    if (machine.denied.includes("taskkill")) {
      say("accessDenied", process.stderr);
      return 1;
    }
    try {
      process.kill(Number(args[args.indexOf("/PID") + 1]), "SIGKILL");
    } catch {
      say("noProcess", process.stderr);
      return 128;
    }
    say("killed");
    return 0;
  }
  const [verb = ""] = args;
  if (machine.denied.includes(verb)) {
    say("accessDenied", process.stderr);
    return 1;
  }
  const name = args[args.indexOf("/TN") + 1] ?? "";
  const task = readTask(directory, name);
  if (verb === "/Create") return create(directory, name, args, () => say("created"));
  if (task === undefined) {
    say("noFile", process.stderr);
    return 1;
  }
  if (verb === "/Delete") rmSync(taskFile(directory, name));
  else if (verb === "/End") writeTask(directory, name, { ...task, state: 3, lastResult: 0x4_1306 });
  else if (verb === "/Run") writeTask(directory, name, afterRun(task, machine.run));
  else return 1;
  say(verb === "/Run" ? "runTried" : verb === "/End" ? "ended" : "deleted");
  return 0;
}

function afterRun(task: FakeTask, run: FakeMachine["run"]): FakeTask {
  if (run === "ignored") return task;
  if (run === "refused") return { ...task, lastResult: 0x8007_10e0 | 0 };
  const lastRun = new Date(Date.parse(task.lastRun) + 1000).toISOString();
  if (run === "stays") return { ...task, state: 4, lastResult: 0x4_1301, lastRun };
  return { ...task, state: 3, lastResult: run.endsWith | 0, lastRun };
}

/** The Task Scheduler refuses XML that is not in the encoding it declares, and adds to what it takes. */
function create(directory: string, name: string, args: readonly string[], done: () => void): number {
  const bytes = readFileSync(args[args.indexOf("/XML") + 1] ?? "");
  const text = bytes.subarray(2).toString("utf16le");
  if (bytes[0] !== 0xff || bytes[1] !== 0xfe || !text.startsWith('<?xml version="1.0" encoding="UTF-16"?>')) return 1;
  if (!args.includes("/F") && readTask(directory, name) !== undefined) return 1;
  const xml = text
    .replaceAll("\n", "\r\n")
    .replace("<RegistrationInfo>", `<RegistrationInfo>\r\n    <URI>\\${name}</URI>`)
    .replace(/(<Principal id="Author">\s*<UserId>)[^<]*/, "$1S-1-5-21-1085031214-1563985344-725345543-1001")
    .replace(/\s*<Priority>7<\/Priority>|\s*<AllowStartOnDemand>true<\/AllowStartOnDemand>/g, "");
  writeTask(directory, name, { state: 3, enabled: true, lastResult: 0x4_1303, lastRun: "1999-11-30T00:00:00.000Z", xml });
  done();
  return 0;
}

/** Understands only the one question that is asked of it, and answers in ASCII as that script would. */
function powershell(directory: string, machine: FakeMachine, args: readonly string[]): number {
  const script = Buffer.from(args[args.indexOf("-EncodedCommand") + 1] ?? "", "base64").toString("utf16le");
  const name = Buffer.from(/FromBase64String\('([^']*)'\)/.exec(script)?.[1] ?? "", "base64").toString("utf8");
  appendFileSync(join(directory, "asked"), `look|${name}\n`);
  if (machine.powershell !== undefined) {
    process.stdout.write(machine.powershell.stdout);
    process.stderr.write(machine.powershell.stderr);
    return machine.powershell.exitCode;
  }
  const task = readTask(directory, name);
  const answer =
    task === undefined
      ? { failedAt: "task", hresult: 0x8007_0002 | 0 }
      : { ...task, xml: Buffer.from(task.xml, "utf8").toString("base64") };
  process.stderr.write('#< CLIXML\r\n<Objs Version="1.1.0.1"><Obj S="progress"></Obj></Objs>');
  process.stdout.write(JSON.stringify(answer));
  return 0;
}

const [, file, directory, program, ...args] = process.argv;
if (file === FAKE_PROGRAMS && directory !== undefined && program !== undefined) process.exitCode = main(directory, program, args);
