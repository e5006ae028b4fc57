import { accessSync, constants, readdirSync, type Stats, statSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import { seen, unseenBecause } from "./reading.ts";
import type { Target } from "./target.ts";

interface Wanted {
  readonly path: string;
  /** The configuration may be read-only on purpose. */
  readonly write: boolean;
}

const MAX_LOOKS = 500;
const MAX_FOUND = 5;

/**
 * Files of the state directory that the gateway's account cannot use, at most five: `why` is like "belongs to uid 0, mode 600". We run as
 * the same account and ask the kernel; root may do everything, so for root owner and mode are compared with the state directory's owner.
 */
export function readLockedOut(target: Target): Reading<readonly { readonly path: string; readonly why: string }[]> {
  try {
    const account = statOf(target.stateDir)?.uid;
    if (account === undefined || process.platform === "win32") return seen([]);
    const found: { path: string; why: string }[] = [];
    let left = MAX_LOOKS;
    for (const wanted of wantedFiles(target)) {
      if (found.length >= MAX_FOUND || left-- <= 0) break;
      const why = lockedOut(wanted, account);
      if (why !== undefined) found.push({ path: wanted.path, why });
    }
    return seen(found);
  } catch (error) {
    return unseenBecause(error, `looking at who owns the files in ${target.stateDir}`);
  }
}

/** Outer ones before inner ones: of a directory that is locked only itself can be told. */
function* wantedFiles({ stateDir, configPath, databasePath, lockDir }: Target): Generator<Wanted> {
  const both = (file: string): Wanted => ({ path: file, write: true });
  yield both(stateDir);
  yield { path: configPath, write: false };
  const state = path.dirname(databasePath);
  yield both(state);
  for (const name of namesIn(state)) if (name.includes(".sqlite")) yield both(path.join(state, name));
  yield both(path.dirname(lockDir));
  yield both(lockDir);
  for (const name of namesIn(lockDir)) yield both(path.join(lockDir, name));
  const agents = path.join(stateDir, "agents");
  yield both(agents);
  for (const agent of namesIn(agents)) {
    yield both(path.join(agents, agent));
    for (const part of ["agent", "sessions"]) {
      const directory = path.join(agents, agent, part);
      yield both(directory);
      for (const name of namesIn(directory)) if (part === "sessions" || name.includes(".sqlite")) yield both(path.join(directory, name));
    }
  }
}

function lockedOut({ path: file, write }: Wanted, account: number): string | undefined {
  const stat = statOf(file);
  if (stat === undefined) return undefined;
  const own = process.getuid?.();
  const free = own === 0 ? mayUse(stat, account, write) : kernelLets(file, stat, write);
  return free ? undefined : `belongs to ${ownerOf(stat.uid)}, mode ${(stat.mode & 0o7777).toString(8)}`;
}

/** Groups are left out: whoever belongs to one is looked at by the kernel, except by root, who must not raise an alarm about it. */
function mayUse(stat: Stats, account: number, write: boolean): boolean {
  if (account === 0) return true;
  const bits = (write ? 6 : 4) | (stat.isDirectory() ? 1 : 0);
  const mode = stat.uid === account ? stat.mode >> 6 : stat.mode | (stat.mode >> 3);
  return (mode & bits) === bits;
}

function kernelLets(file: string, stat: Stats, write: boolean): boolean {
  const search = stat.isDirectory() ? constants.X_OK : 0;
  try {
    accessSync(file, constants.R_OK | (write ? constants.W_OK : 0) | search);
    return true;
  } catch (error) {
    // A file system that is mounted read-only is another fault, and the disk's.
    if (systemErrorCode(error) === "EACCES") return false;
    if (systemErrorCode(error) === "EROFS" || systemErrorCode(error) === "ENOENT") return true;
    throw error;
  }
}

function ownerOf(uid: number): string {
  const self = userInfo();
  if (uid === 0) return "root (uid 0)";
  return uid === self.uid ? `${self.username} (uid ${uid})` : `uid ${uid}`;
}

/** Undefined: not there, or behind a directory that was told already. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch (error) {
    if (isOutOfSight(error)) return undefined;
    throw error;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isOutOfSight(error)) return [];
    throw error;
  }
}

function isOutOfSight(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EACCES"].includes(systemErrorCode(error) ?? "");
}
