import { closeSync, constants, fchmodSync, fsyncSync, lstatSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { assertOwnDirectory } from "../../src/shared/secure-file.ts";

/**
 * Replaces or creates a file as a whole: whoever reads it sees the old or the new one. As `writeSecret` it follows no link and asks that the
 * directory is ours; other than that it takes bytes, because a broken configuration may end within a character, and leaves the mode of a
 * directory alone, because an included file may lie in one that others may read. Throws `refused` for a link or anything else but a file.
 */
export function writeWhole(path: string, bytes: Uint8Array, mode: number): void {
  const directory = dirname(path);
  assertOwnDirectory(directory);
  assertReplaceable(path);
  removeDraft(path);
  const draft = draftOf(path);
  createWhole(draft, bytes, mode);
  renameSync(draft, path);
  syncDirectory(directory);
}

/** Takes away what a kill during {@link writeWhole} left beside a file. */
export function removeDraft(path: string): void {
  rmSync(draftOf(path), { force: true });
}

/** One name, not one for each process, so that the next run finds it. Only one repair runs at a time. */
function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.rescue-watchdog.tmp`);
}

/** A new file in a directory of ours, synced. It must not be there yet. */
export function createWhole(path: string, bytes: Uint8Array, mode: number): void {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Moves a file into a directory of ours, also on another file system. It is at one of the two places at each moment, or at both. */
export function moveWhole(from: string, to: string): void {
  assertOwnDirectory(dirname(to));
  try {
    renameSync(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== "EXDEV") throw error;
    writeWhole(to, readFileSync(from), 0o600);
    rmSync(from);
  }
}

export function syncDirectory(directory: string): void {
  // A directory cannot be opened on Windows, and its rename is durable without.
  if (process.platform === "win32") return;
  const descriptor = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function assertReplaceable(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isFile()) return;
  const what = stat.isSymbolicLink() ? "a symbolic link" : "no file";
  throw new RescueError("refused", `${path} is ${what}; nothing was written`, { fix: `look at ${path}, and put a file there` });
}
