import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { FsSafeError } from "@openclaw/fs-safe/errors";
import { createSecretFileAtomic, writeSecretFileAtomic } from "@openclaw/fs-safe/secret";
import lockfile from "proper-lockfile";
import writeFileAtomic from "write-file-atomic";
import { messageOf, RescueError, systemErrorCode } from "./errors.ts";

const LOCK_RETRY_MS = 500;

/** Replaces a file that holds no secret, atomically, mode 0600. It follows links: never for credentials or service definitions. */
export function writePlainFile(file: string, text: string): void {
  writeFileAtomic.sync(file, text, { mode: 0o600 });
}

/**
 * Writes a secret below `rootDir`: no link is followed, every directory on the way must be ours and 0700, the file becomes 0600 by an atomic
 * and synced replacement relative to pinned directory descriptors (the host's own file-safety library). Throws `refused` with the reason.
 */
export async function writeSecret(rootDir: string, filePath: string, content: string | Uint8Array): Promise<void> {
  assertOwnWay(rootDir, filePath);
  await refusing(filePath, () => writeSecretFileAtomic({ rootDir, filePath, content }));
}

/** The same, and only when nothing is there yet: of several at once exactly one wins, the others throw `refused`. */
export async function createSecret(rootDir: string, filePath: string, content: string): Promise<void> {
  assertOwnWay(rootDir, filePath);
  await refusing(filePath, () => createSecretFileAtomic({ rootDir, filePath, content }));
}

/** Every directory from the root down to the file that is there already; the library looks at modes and links, not at owners. */
function assertOwnWay(rootDir: string, filePath: string): void {
  assertOwnDirectory(rootDir);
  let directory = rootDir;
  for (const name of relative(rootDir, dirname(filePath)).split(sep)) {
    directory = join(directory, name);
    if (!isThere(directory)) return;
    assertOwnDirectory(directory);
  }
}

/** A directory that nobody but this user can have written to, and no link. Throws `refused` naming the path and what is wrong with it. */
export function assertOwnDirectory(path: string): void {
  const stat = lstatSync(path);
  const mode = (stat.mode & 0o7777).toString(8);
  const refuse = (why: string) =>
    new RescueError("refused", `${path} ${why}; nothing was written`, { fix: `look at ${path}, and make it yours alone` });
  if (stat.isSymbolicLink()) throw refuse("is a symbolic link");
  if (!stat.isDirectory()) throw refuse("is not a directory");
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) throw refuse(`belongs to user ${stat.uid}`);
  if (process.platform !== "win32" && (stat.mode & 0o022) !== 0) throw refuse(`can be written by others (mode ${mode})`);
}

/** A link counts as there: it is looked at, not through. "Could not look" is thrown. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The text of a file, or undefined when there is none. Every other failure is thrown: "could not look" is not "not there". */
export function readIfThere(file: string | URL): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The text of a plain file, or undefined when there is none. Never waits: a FIFO in its place (1Password mounts one as `.env`), a directory or a file bigger than
 * `maxBytes` throws `not-readable`.
 */
export function readPlain(file: string, maxBytes = 64 * 1024 * 1024): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.size > maxBytes) {
      const why = stat.isFile() ? `is bigger than ${maxBytes} bytes` : "is no plain file";
      throw new RescueError("not-readable", `${file} ${why}`, { fix: `look at ${file}` });
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Holds `<path>.lock` while `work` runs. Throws `busy` when another process holds it, and `waitMs` did not outlast that; the lock of a killed
 * process is stale after ten seconds. A lock that is lost meanwhile (the process was asleep for longer than the lock lives) aborts the signal
 * given to `work`: the library's own answer would be to throw from a timer.
 */
export async function withLock<T>(path: string, what: string, work: (lost: AbortSignal) => Promise<T>, waitMs = 0): Promise<T> {
  const lost = new AbortController();
  const retries = { retries: Math.ceil(waitMs / LOCK_RETRY_MS), minTimeout: LOCK_RETRY_MS, factor: 1 };
  const release = await lockfile
    .lock(path, { realpath: false, stale: 10_000, update: 2_500, retries, onCompromised: (error) => lost.abort(error) })
    .catch((error: unknown) => {
      if (systemErrorCode(error) !== "ELOCKED") throw error;
      throw new RescueError("busy", `another ${what} is running`, { fix: "wait until it has ended", cause: error });
    });
  try {
    return await work(lost.signal);
  } finally {
    if (!lost.signal.aborted) await release();
  }
}

async function refusing(filePath: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    // The library refuses with its own errors, or with plain ones that have no code; what has a system's code is an accident.
    const refusal = error instanceof FsSafeError || (error instanceof Error && systemErrorCode(error) === undefined);
    if (!refusal) throw error;
    throw new RescueError("refused", `${filePath} was not written: ${messageOf(error)}`, {
      fix: `look at ${filePath} and the directories above it`,
      cause: error,
    });
  }
}
