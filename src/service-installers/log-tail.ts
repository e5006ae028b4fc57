import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { systemErrorCode } from "../shared/errors.ts";

/** Of each log only the end is read: a gateway's may have grown to gigabytes. */
const TAIL_BYTES = 65_536;

/**
 * The last lines of a job's log files, oldest first: the file that was written last comes last, and each gets its half unless the other
 * needs less. Their lines have no common clock to sort by. A file that is not there has no lines; other trouble is thrown.
 */
export function tailOfLogs(paths: readonly string[], lines: number): string[] {
  const tails = paths
    .map((path) => tailOf(path))
    .filter((tail) => tail !== undefined)
    .sort((a, b) => a.writtenMs - b.writtenMs);
  let left = lines;
  const newestFirst = tails.reverse().map((tail, index) => {
    const others = tails.slice(index + 1).reduce((sum, other) => sum + other.lines.length, 0);
    const share = Math.max(left - others, Math.ceil(left / (tails.length - index)));
    const taken = share > 0 ? tail.lines.slice(-share) : [];
    left -= taken.length;
    return taken;
  });
  return newestFirst.reverse().flat();
}

function tailOf(path: string): { readonly writtenMs: number; readonly lines: readonly string[] } | undefined {
  let fd: number;
  try {
    // Without O_NONBLOCK a pipe of that name would hold us for ever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    const from = Math.max(0, stat.size - TAIL_BYTES);
    const buffer = Buffer.alloc(stat.size - from);
    const length = readSync(fd, buffer, 0, buffer.length, from);
    const lines = buffer.toString("utf8", 0, length).split("\n");
    // The first one was cut, unless the file begins there.
    return { writtenMs: stat.mtimeMs, lines: (from > 0 ? lines.slice(1) : lines).filter((line) => line.trim() !== "") };
  } finally {
    closeSync(fd);
  }
}
