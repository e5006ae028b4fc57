import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RescueError, systemErrorCode } from "../shared/errors.ts";
import { assertOwnDirectory, isThere, readIfThere, writeSecret } from "../shared/secure-file.ts";

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
export function readDefinitionFile(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new RescueError("refused", `${path} is no plain file; nothing was written`, { fix: `look at ${path}` });
  return readIfThere(path);
}

/**
 * Replaces a definition atomically, mode 0600. The managers' directories are 0755 and stay so, while secrets are only written
 * into 0700: so it is written in a directory of its own beside it and renamed, which follows no link.
 */
export async function writeDefinitionFile(directory: string, name: string, text: string): Promise<void> {
  const staging = stagingOf(directory, name);
  usableDirectory(staging, 0o700);
  const fresh = join(staging, name);
  await writeSecret(staging, fresh, text);
  renameSync(fresh, join(directory, name));
  rmSync(staging, { recursive: true });
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Also what a crash in the middle of a writing left. False when there was nothing. */
export function removeDefinitionFile(directory: string, name: string): boolean {
  const paths = [join(directory, name), stagingOf(directory, name)].filter(isThere);
  for (const path of paths) rmSync(path, { recursive: true });
  return paths.length > 0;
}

/** False when there is none, or no plain file. */
export function removeLog(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  rmSync(path);
  return true;
}

/** No manager takes it for a definition: launchd wants `*.plist`, systemd the suffix of a unit's type. */
function stagingOf(directory: string, name: string): string {
  return join(directory, `.${name}.new`);
}
