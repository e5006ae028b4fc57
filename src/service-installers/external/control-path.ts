import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { RescueError, systemErrorCode } from "../../shared/errors.ts";

const SOCKET_NAME = "rescue-supervise.sock";
/** `sun_path` without its final NUL: 108 bytes on Linux, 104 on macOS and the BSDs. */
const MAX_SOCKET_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/**
 * Where the supervisor of a state directory listens: `<stateDir>/tmp/rescue-supervise.sock`, or, when that is too long for a
 * socket, a name made of the state directory's hash in a private directory under the system's temporary one. The latter
 * depends on TMPDIR, so that supervisor and client must agree on it.
 */
export function controlSocketPath(stateDir: string): string {
  const path = join(stateDir, "tmp", SOCKET_NAME);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  const hash = createHash("sha256").update(realpathOf(stateDir)).digest("hex").slice(0, 32);
  return join(tmpdir(), `rescue-supervise-${process.getuid?.() ?? "user"}`, `${hash}.sock`);
}

/** The supervisor's lock and memory. Always in the state directory, whatever its length. */
export function recordPath(stateDir: string): string {
  return join(stateDir, "tmp", "rescue-supervise.sqlite");
}

/**
 * Creates the directories of both, 0700, and refuses those in which somebody else could put a socket of their own.
 * @throws RescueError `profile-missing` without a state directory, `refused` for one that others may write to.
 */
export function prepareDirectories(stateDir: string): void {
  if (statSync(stateDir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new RescueError("profile-missing", `${stateDir} is not a directory`, { fix: "openclaw onboard" });
  }
  for (const directory of new Set([join(stateDir, "tmp"), dirname(controlSocketPath(stateDir))])) {
    makePrivate(directory);
    const objection = objectionTo(directory, stateDir);
    if (objection !== null) throw new RescueError("refused", objection, { fix: `chmod go-w '${directory}'` });
  }
}

/** Why a socket in the directory cannot be trusted, as a sentence, or null. A missing directory is nothing to object to. */
export function objectionTo(directory: string, stateDir: string): string | null {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (!found.isDirectory()) return `${directory} is not a directory`;
  if (directory !== join(stateDir, "tmp")) {
    // In a shared temporary directory anybody may have made this name.
    return found.uid === process.getuid?.() && (found.mode & 0o077) === 0 ? null : `${directory} is not a private directory of ours`;
  }
  // With umask 002 the host makes a group-writable `tmp`, which is harmless behind the 0700 of the state directory.
  const reachable = ((statSync(stateDir, { throwIfNoEntry: false })?.mode ?? 0) & 0o011) !== 0;
  return reachable && (found.mode & 0o022) !== 0 ? `${directory} can be written by other users` : null;
}

function makePrivate(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  }
}

function realpathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return path;
    throw error;
  }
}
