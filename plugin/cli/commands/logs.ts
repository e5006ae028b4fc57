import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { RescueError } from "../../../src/shared/errors.ts";
import { watchdogDir } from "../../../src/shared/rescue-home.ts";
import { type Call, type Command, text } from "../command.ts";
import { logLine } from "../render.ts";

export const logsCommand: Command = {
  name: "logs",
  summary: "the watchdog's own log",
  usage: "[--profile NAME] [-n 50] [-f] [--json]",
  help: `
Prints the last lines (-n, default 50) of the watchdog's JSON log, readable, or as they are with --json. -f goes on as lines are written.

Exit codes: 0 read; 4 the log cannot be read.
`,
  options: { follow: { type: "boolean", short: "f" }, lines: { type: "string", short: "n" } },
  run: async (call) => {
    const { rotatedLogs } = await import("../../../rescue-profile/journal/log.ts");
    const count = Number(text(call, "lines") ?? "50");
    if (!Number.isInteger(count) || count < 0) throw new RescueError("usage", "-n wants a number of lines");
    const file = join(watchdogDir(call.profile, call.home, call.env), "logs", "watchdog.jsonl");
    const files = existsSync(file) ? [...rotatedLogs(file).slice(-1), file] : [];
    const lines = files.flatMap((each) => readFileSync(each, "utf8").split("\n")).filter((line) => line !== "");
    for (const line of count === 0 ? [] : lines.slice(-count)) call.out(call.json ? `${line}\n` : logLine(line, call.style));
    if (lines.length === 0 && call.values["follow"] !== true && !call.json) call.out("nothing logged yet\n");
    if (call.values["follow"] === true) await follow(file, call);
    return 0;
  },
};

const POLL_MS = 250;

/** Like tail -F: goes on with the new file after a rotation, having read the old one to its end. */
async function follow(file: string, call: Call): Promise<void> {
  let fd: number | undefined;
  let offset = 0;
  let rest = "";
  const drain = () => {
    if (fd === undefined) return;
    const buffer = Buffer.alloc(65_536);
    for (let read = readSync(fd, buffer, 0, buffer.length, offset); read > 0; read = readSync(fd, buffer, 0, buffer.length, offset)) {
      offset += read;
      const parts = (rest + buffer.toString("utf8", 0, read)).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) call.out(call.json ? `${line}\n` : logLine(line, call.style));
    }
  };
  if (existsSync(file)) {
    fd = openSync(file, "r");
    offset = fstatSync(fd).size;
  }
  while (!call.signal.aborted) {
    drain();
    if (existsSync(file) && (fd === undefined || statSync(file).ino !== fstatSync(fd).ino)) {
      drain();
      if (fd !== undefined) closeSync(fd);
      fd = openSync(file, "r");
      offset = 0;
      continue;
    }
    await delay(POLL_MS, undefined, { signal: call.signal }).catch((error: unknown) => {
      if (!call.signal.aborted) throw error;
    });
  }
}
