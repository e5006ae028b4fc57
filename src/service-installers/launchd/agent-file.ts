import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RescueError, systemErrorCode } from "../../shared/errors.ts";
import { assertOwnDirectory, readIfThere, writeSecret } from "../../shared/secure-file.ts";

/** Makes the directory if it is missing (not its parents), and refuses one that others can write to. */
export function usableDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") {
      throw new RescueError("refused", `${path} cannot be made (${systemErrorCode(error) ?? "unknown"}); nothing was written`, {
        cause: error,
      });
    }
  }
  assertOwnDirectory(path);
}

/** Undefined when there is none. Throws `refused` for anything but a plain file: a link's target is not ours to compare or replace. */
export function readAgentFile(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new RescueError("refused", `${path} is no plain file; nothing was written`, { fix: `look at ${path}` });
  return readIfThere(path);
}

/**
 * Replaces `LABEL.plist` atomically, mode 0600. `~/Library/LaunchAgents` is 0755 on every Mac and stays so, while secrets are only written
 * into 0700: so it is written in a directory of its own beside it and renamed, which follows no link.
 */
export async function writeAgentFile(directory: string, label: string, text: string): Promise<void> {
  const staging = stagingOf(directory, label);
  usableDirectory(staging, 0o700);
  const fresh = join(staging, `${label}.plist`);
  await writeSecret(staging, fresh, text);
  renameSync(fresh, join(directory, `${label}.plist`));
  rmSync(staging, { recursive: true });
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Also what a crash in the middle of a writing left. False when there was nothing. */
export function removeAgentFile(directory: string, label: string): boolean {
  const paths = [join(directory, `${label}.plist`), stagingOf(directory, label)].filter(isThere);
  for (const path of paths) rmSync(path, { recursive: true });
  return paths.length > 0;
}

/** False when there is none, or no plain file. */
export function removeLog(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  rmSync(path);
  return true;
}

/** launchd takes only `*.plist` from the directory at login. */
function stagingOf(directory: string, label: string): string {
  return join(directory, `.${label}.new`);
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
