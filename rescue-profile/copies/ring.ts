import { renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RescueError } from "../../src/shared/errors.ts";
import { type Copy, namesIn, type Proof, readEntry, writeEntry } from "./entry.ts";
import { readThrough } from "./fingerprint.ts";

export interface Damaged {
  readonly directory: string;
  readonly why: string;
}

/** Zero-padded, so that names sort by age. */
const ENTRY = /^\d{8}-[0-9a-f]{8}$/;

/** The kept copies, newest first. One that is damaged is left out and reported: nobody must restore half of a configuration. */
export function listCopies(dir: string): { readonly copies: readonly Copy[]; readonly damaged: readonly Damaged[] } {
  const copies: Copy[] = [];
  const damaged: Damaged[] = [];
  for (const name of entryNames(dir).reverse()) {
    const directory = join(ringOf(dir), name);
    try {
      const entry = readEntry(directory);
      // Taken away by another process between the listing and the reading.
      if (entry === undefined) continue;
      const { fingerprint, proof } = entry;
      if (fingerprint === undefined || proof === undefined) damaged.push({ directory, why: `the copy ${directory} says not what it is` });
      else copies.push({ ...entry, fingerprint, proof });
    } catch (error) {
      if (!(error instanceof RescueError)) throw error;
      damaged.push({ directory, why: messageOf(error) });
    }
  }
  return { copies, damaged };
}

/**
 * Keeps what lies at `configPath`, unless the newest copy is the same. What an older copy holds becomes the newest again, with today's date:
 * by dates alone a user was rolled back eight days (fork alphaclaw, issue 76). Beyond `limit` the oldest go, never the newest that booted.
 * Returns why nothing was kept, as one sentence, or undefined.
 */
export function keepCopy(dir: string, configPath: string, proof: Proof, wallMs: number, limit = 8): string | undefined {
  removeLitter(dir);
  const { print, files } = readThrough(configPath);
  const { fingerprint } = print;
  if (fingerprint === null) return print.why;
  const { copies } = listCopies(dir);
  const [newest] = copies;
  const older = copies.filter((copy) => copy.fingerprint === fingerprint);
  const best: Proof = older.some((copy) => copy.proof === "booted") ? "booted" : proof;
  const known = newest !== undefined && newest.fingerprint === fingerprint && newest.proof === best;
  if (!known) {
    const sources = [...files].map(([path, bytes]) => ({ path, bytes, mode: statSync(path).mode & 0o777 }));
    const name = `${nextNumber(dir)}-${fingerprint.slice(0, 8)}`;
    writeEntry(join(ringOf(dir), name), { takenWallMs: wallMs, fingerprint, proof: best }, sources);
  }
  prune(dir, limit);
  return undefined;
}

/** Takes a copy out of the ring again, named by its directory as `listCopies` has it. */
export function forgetCopy(directory: string): void {
  removeEntry(directory);
}

/** Also what a kill left undone the last time: an older copy of the same, or one too many. */
function prune(dir: string, limit: number): void {
  const { copies, damaged } = listCopies(dir);
  const again = copies.filter((copy, at) => copies.findIndex(({ fingerprint }) => fingerprint === copy.fingerprint) < at);
  for (const { directory } of again) removeEntry(directory);
  const kept = copies.filter((copy) => !again.includes(copy));
  const newestBooted = kept.find(({ proof }) => proof === "booted");
  const places = [...kept.filter((copy) => copy !== newestBooted), ...damaged].map(({ directory }) => directory).sort();
  const room = Math.max(newestBooted === undefined ? limit : limit - 1, 1);
  for (const directory of places.slice(0, Math.max(places.length - room, 0))) removeEntry(directory);
}

/** Out of the list first: a kill while it is removed leaves litter and no half entry. */
function removeEntry(directory: string): void {
  renameSync(directory, `${directory}.old`);
  rmSync(`${directory}.old`, { recursive: true, force: true });
}

function removeLitter(dir: string): void {
  for (const name of namesIn(ringOf(dir))) {
    if (/\.(new|old)$/.test(name)) rmSync(join(ringOf(dir), name), { recursive: true, force: true });
  }
}

function nextNumber(dir: string): string {
  const newest = entryNames(dir).at(-1);
  return String(newest === undefined ? 1 : Number.parseInt(newest, 10) + 1).padStart(8, "0");
}

function entryNames(dir: string): string[] {
  return namesIn(ringOf(dir))
    .filter((name) => ENTRY.test(name))
    .sort();
}

function ringOf(dir: string): string {
  return join(dir, "copies");
}
