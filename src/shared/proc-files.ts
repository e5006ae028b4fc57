import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { systemErrorCode } from "./errors.ts";

/** A small text file of a process; undefined when the process does not exist (any more). */
export function readProcFile(pid: number, name: string): string | undefined {
  return unlessGone(() => readFileSync(`/proc/${pid}/${name}`, "utf8"));
}

/** Where `/proc/PID/exe`, `cwd` or `fd/N` points; undefined when it does not exist (any more). */
export function readProcLink(pid: number, name: string): string | undefined {
  return unlessGone(() => readlinkSync(`/proc/${pid}/${name}`));
}

/** What the process' descriptors point to, such as `socket:[123]` or a path. undefined: no such process. */
export function readDescriptors(pid: number): string[] | undefined {
  const names = unlessGone(() => readdirSync(`/proc/${pid}/fd`));
  return names?.flatMap((name) => readProcLink(pid, `fd/${name}`) ?? []);
}

/** ESRCH: it ended between the opening and the reading of its file. A descriptor that is closed meanwhile is gone, too. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}
