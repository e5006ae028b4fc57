// @ts-check
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { codeOf } from "./child.mjs";

/** A process, told apart from a later one with the same pid. @typedef {{ pid: number, born: string }} Identity */

/**
 * @param {number} pid
 * @returns {Identity | undefined} undefined when no such process runs (a zombie does not run)
 */
export function identify(pid) {
  if (process.platform === "linux") {
    const stat = readIfThere(`/proc/${pid}/stat`);
    // "pid (any text) S ppid …": the name may hold spaces and brackets, so count the fields from its end.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields === undefined || fields[0] === "Z" ? undefined : { pid, born: String(fields[19]) };
  }
  try {
    const born = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return { pid, born: born.trim() };
  } catch (error) {
    // ps ends with 1 when there is no such process; anything else is no answer.
    if (error instanceof Error && "status" in error && error.status === 1) return undefined;
    throw error;
  }
}

/** @param {Identity} identity */
export function isAlive(identity) {
  return identify(identity.pid)?.born === identity.born;
}

/** @param {string} path @returns {string | undefined} undefined when it does not exist */
export function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // ESRCH: the process went away while /proc was being read.
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
