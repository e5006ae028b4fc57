import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf, RescueError, systemErrorCode } from "../../../src/shared/errors.ts";
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
    const wanted = text(call, "lines") ?? "50";
    const count = Number(wanted);
    if (wanted.trim() === "" || !Number.isInteger(count) || count < 0) throw new RescueError("usage", "-n wants a number of lines");
    const file = join(watchdogDir(call.profile, call.home, call.env), "logs", "watchdog.jsonl");
    const rotated = ifThere(dirname(file), () => rotatedLogs(file)) ?? [];
    const files = [...rotated.slice(-1), file];
    const lines = files.flatMap((each) => ifThere(each, () => readFileSync(each, "utf8").split("\n")) ?? []).filter((line) => line !== "");
    for (const line of count === 0 ? [] : lines.slice(-count)) call.out(call.json ? `${line}\n` : logLine(line, call.style));
    if (lines.length === 0 && call.values["follow"] !== true && !call.json) call.out("nothing logged yet\n");
    if (call.values["follow"] === true) await follow(file, call);
    return 0;
  },
};

/** What `read` gives; undefined when there is nothing (yet, or no more after a rotation). Throws `not-readable` otherwise. */
function ifThere<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new RescueError("not-readable", `the log ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

const POLL_MS = 250;

/** Like tail -F: goes on with the new file after a rotation, having read the old one to its end. */
async function follow(file: string, call: Call): Promise<void> {
  let fd: number | undefined;
  let offset = 0;
  let rest = "";
  const decoder = new StringDecoder("utf8");
  const drain = () => {
    if (fd === undefined) return;
    const buffer = Buffer.alloc(65_536);
    for (let read = readSync(fd, buffer, 0, buffer.length, offset); read > 0; read = readSync(fd, buffer, 0, buffer.length, offset)) {
      offset += read;
      const parts = (rest + decoder.write(buffer.subarray(0, read))).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) call.out(call.json ? `${line}\n` : logLine(line, call.style));
    }
  };
  fd = ifThere(file, () => openSync(file, "r"));
  if (fd !== undefined) offset = fstatSync(fd).size;
  while (!call.signal.aborted) {
    drain();
    const newest = ifThere(file, () => statSync(file).ino);
    if (newest !== undefined && (fd === undefined || newest !== fstatSync(fd).ino)) {
      drain();
      if (fd !== undefined) closeSync(fd);
      fd = ifThere(file, () => openSync(file, "r"));
      offset = 0;
      continue;
    }
    await delay(POLL_MS, undefined, { signal: call.signal }).catch((error: unknown) => {
      if (!call.signal.aborted) throw error;
    });
  }
}
