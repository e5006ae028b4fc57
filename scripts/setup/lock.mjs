// @ts-check
import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, say, signalProcess } from "./child.mjs";
import { identify, isAlive, readIfThere } from "./process.mjs";

/** @typedef {import("./process.mjs").Identity} Identity */
/** @typedef {{ id: string, task: string, holder: Identity, child?: Identity }} Owner */

const POLL_MS = 200;
/** Breaking a dead owner's lock takes milliseconds, or the seconds its orphan needs to die; longer means the breaker died too. */
const BREAKER_TTL_MS = 30_000;

/**
 * Runs `work` while no other process of this clone does. A lock whose holder died is taken over; the program that the dead holder had
 * started (an npm that still writes into node_modules) is ended first.
 *
 * @template T
 * @param {string} lockDir
 * @param {string} task for the message that a waiting process shows
 * @param {(recordChild: (pid: number) => void) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(lockDir, task, work) {
  const holder = identify(process.pid);
  if (holder === undefined) throw new Error("cannot read this process's own start time");
  /** @type {Owner} */
  const owner = { id: randomUUID(), task, holder };
  await acquire(lockDir, owner);
  try {
    return await work((pid) => {
      const child = identify(pid);
      if (child !== undefined) writeOwner(lockDir, { ...owner, child });
    });
  } finally {
    discard(lockDir, owner.id);
  }
}

/** @param {string} lockDir @param {Owner} owner */
async function acquire(lockDir, owner) {
  // The directory is complete before it gets its name, so nobody ever sees a lock without an owner.
  const prepared = `${lockDir}.${owner.id}`;
  mkdirSync(prepared, { recursive: true });
  writeOwner(prepared, owner);
  let told = false;
  try {
    while (!renamed(prepared, lockDir)) {
      const other = readOwner(lockDir);
      if (other !== undefined && !isAlive(other.holder)) {
        await breakLock(lockDir, other.id);
        continue;
      }
      if (other !== undefined && !told) say(`waiting for the set-up of "${other.task}" (pid ${other.holder.pid}) in this clone`);
      told ||= other !== undefined;
      await sleep(POLL_MS);
    }
  } finally {
    rmSync(prepared, { recursive: true, force: true });
  }
}

/** @param {string} lockDir @param {string} deadId */
async function breakLock(lockDir, deadId) {
  const breaker = `${lockDir}.breaker`;
  if (!made(breaker)) return sleep(POLL_MS);
  try {
    // Only now is nobody else breaking it: the owner may have changed since we looked.
    const owner = readOwner(lockDir);
    if (owner?.id !== deadId) return;
    if (owner.child !== undefined) await endOrphan(owner.child);
    discard(lockDir, deadId);
  } finally {
    rmdirSync(breaker);
  }
}

/** @param {Identity} orphan the leader of its own process group */
async function endOrphan(orphan) {
  while (isAlive(orphan)) {
    say(`ending npm (pid ${orphan.pid}), left over from an interrupted set-up`);
    signalProcess(-orphan.pid, "SIGKILL");
    await sleep(POLL_MS);
  }
}

/** @param {string} lockDir @param {string} id */
function discard(lockDir, id) {
  const trash = `${lockDir}.${id}.done`;
  if (readOwner(lockDir)?.id === id && renamed(lockDir, trash)) rmSync(trash, { recursive: true, force: true });
}

/** @param {string} dir @param {Owner} owner */
function writeOwner(dir, owner) {
  const draft = `${dir}/owner.json.${owner.id}`;
  writeFileSync(draft, JSON.stringify(owner));
  renameSync(draft, `${dir}/owner.json`);
}

/** @param {string} dir @returns {Owner | undefined} undefined when the lock was released meanwhile */
function readOwner(dir) {
  const text = readIfThere(`${dir}/owner.json`);
  return text === undefined ? undefined : JSON.parse(text);
}

/** @param {string} from @param {string} to @returns {boolean} false when `to` is taken or `from` is gone */
function renamed(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}

/** @param {string} breaker @returns {boolean} false when another process is breaking the lock */
function made(breaker) {
  try {
    mkdirSync(breaker);
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  const madeAtMs = statSync(breaker, { throwIfNoEntry: false })?.mtimeMs;
  if (madeAtMs !== undefined && Date.now() - madeAtMs > BREAKER_TTL_MS) rmSync(breaker, { recursive: true, force: true });
  return false;
}
