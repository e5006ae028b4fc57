import {
  closeSync,
  constants,
  createWriteStream,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { RescueError } from "../../../src/shared/errors.ts";
import { assertOwnDirectory } from "../../../src/shared/secure-file.ts";
import type { Fix } from "../finding.ts";
import type { Remedy } from "../fixing.ts";
import type { RemedyPorts } from "./ports.ts";
import { realPlace } from "./real-place.ts";

const CHUNK = 1 << 20;
/** What may be written to a log while it is compressed; more would never end. */
const MOST_MEANWHILE = 64 * CHUNK;

/** One rotation by ourselves, where nothing can do it each day. Deletes nothing: with `keep` copies there already it is refused. */
export function rotateOnce(
  { files, keep: most }: Extract<Fix, { kind: "rotate-logs" }>,
  { folder, keep }: Pick<RemedyPorts, "folder" | "keep">,
): Remedy {
  const paths = files.map(realPlace);
  const rotated: string[] = [];
  return {
    changesConfig: false,
    async plan() {
      for (const path of paths) freeNumber(path, most);
      return {
        what: `rotate ${paths.join(", ")} once, into .1.gz beside each; there is no logrotate or no user's systemd here, so they will grow again`,
        files: [],
        commands: [],
        changes: paths.map((path) => ({ kind: "rotate", path })),
        undoByHand: `nothing is lost: ${paths.map((path) => `${path}.1.gz`).join(", ")}`,
      };
    },
    async save() {
      await keep(folder, "was.json", { logs: paths.map((path) => ({ path, bytes: lstatSync(path).size })) });
      return `${folder}; the logs are copied beside themselves`;
    },
    async apply() {
      const said: string[] = [];
      for (const path of paths) {
        const bytes = await rotate(path, most);
        rotated.push(path);
        said.push(`${path}: ${bytes} bytes are in ${path}.1.gz now; this was once only`);
      }
      return said.join("\n");
    },
    async undo() {
      return rotated.length === 0
        ? "no log was emptied"
        : `the logs stay rotated, nothing is lost: ${rotated.map((path) => `${path}.1.gz`).join(", ")}`;
    },
  };
}

/** Compresses it beside itself, then empties it in place, as logrotate's copytruncate does; what is written meanwhile stays in it. Returns how many bytes were copied. */
async function rotate(path: string, most: number): Promise<number> {
  assertOwnDirectory(dirname(path));
  const free = freeNumber(path, most);
  const fd = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const draft = `${path}.0.gz`;
  try {
    const stat = fstatSync(fd);
    assertOwnLog(path, stat);
    rmSync(draft, { force: true });
    const copied = await compress(fd, draft, stat.size + MOST_MEANWHILE);
    for (let number = free; number > 1; number--) renameSync(`${path}.${number - 1}.gz`, `${path}.${number}.gz`);
    renameSync(draft, `${path}.1.gz`);
    syncDirectory(dirname(path));
    const rest = Buffer.alloc(Math.max(0, Math.min(fstatSync(fd).size - copied, MOST_MEANWHILE)));
    const length = readSync(fd, rest, 0, rest.length, copied);
    ftruncateSync(fd, 0);
    for (let written = 0; written < length; ) written += writeSync(fd, rest, written, length - written);
    return copied;
  } finally {
    closeSync(fd);
    rmSync(draft, { force: true });
  }
}

async function compress(fd: number, to: string, most: number): Promise<number> {
  let copied = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const length = readSync(fd, chunk, 0, CHUNK, copied);
      if (length === 0) return;
      copied += length;
      if (copied > most) throw new RescueError("refused", "the log grows faster than it can be copied; it was left alone");
      yield chunk.subarray(0, length);
    }
  }
  await pipeline(chunks, createGzip(), createWriteStream(to, { flags: "wx", mode: 0o600, flush: true }));
  return copied;
}

/** The first number whose `.N.gz` is not there; those below move up by one. */
function freeNumber(path: string, most: number): number {
  for (let number = 1; number <= most; number++) if (!existsSync(`${path}.${number}.gz`)) return number;
  throw new RescueError("refused", `${most} rotated copies of ${path} are kept already; the oldest would have to be deleted`, {
    fix: `remove ${path}.${most}.gz`,
  });
}

function assertOwnLog(path: string, stat: Stats): void {
  const uid = process.getuid?.();
  const why = !stat.isFile()
    ? "is no file"
    : uid !== undefined && stat.uid !== uid
      ? `belongs to user ${stat.uid}`
      : stat.nlink !== 1
        ? "has a second name"
        : undefined;
  if (why !== undefined) throw new RescueError("refused", `${path} ${why}; it was left alone`, { fix: `look at ${path}` });
}

function syncDirectory(directory: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
