import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Action } from "../../rescue-profile/core/event.ts";
import type { ProcessIdentity } from "../../rescue-profile/core/model.ts";
import type { ProposalRecord } from "../../rescue-profile/core/proposal.ts";
import { initialState, type WatchState } from "../../rescue-profile/core/state.ts";
import { Journal, type Lease } from "../../rescue-profile/journal/journal.ts";
import { openJournal, openJournalReader } from "../../rescue-profile/journal/open.ts";

export const TARGET = "default";
export const WALL_MS = Date.UTC(2026, 10, 21, 3, 4, 5);

/** A clock that stands still until a test moves it. */
export function fakeClock(boot = "boot-1", mono = 5_000_000, wall = WALL_MS) {
  return {
    boot,
    mono,
    wall,
    monotonicMs() {
      return this.mono;
    },
    wallMs() {
      return this.wall;
    },
    /** Time passes on both clocks. */
    pass(ms: number) {
      this.mono += ms;
      this.wall += ms;
    },
  };
}

export type FakeClock = ReturnType<typeof fakeClock>;

/** In memory where there is such a place: hundreds of commits, each synced, would wait for the disk alone, and a kill -9 leaves both alike. */
const FAST = "/dev/shm";

export function scratch(): { readonly dir: string } & Disposable {
  const dir = mkdtempSync(join(existsSync(FAST) ? FAST : tmpdir(), "journal-test-"));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/**
 * Starts children of this test quickly: what they import is compiled once, because a child that is killed leaves no compiled code to the
 * next one. Standard input is empty; standard output and error are pipes.
 */
export function children(name: string): { start(...args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> } & Disposable {
  const at = scratch();
  const fixture = (file: string) => join(import.meta.dirname, "../fixtures", file);
  const env = { ...process.env, NODE_COMPILE_CACHE: at.dir };
  spawnSync(process.execPath, [fixture("journal-process.ts")], { env });
  return {
    start: (...args) => spawn(process.execPath, [fixture(name), ...args], { env, stdio: ["ignore", "pipe", "pipe"] }),
    [Symbol.dispose]: () => at[Symbol.dispose](),
  };
}

/** What a child printed, once it has ended well. */
export async function outputOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new Error(`a child ended with ${code}: ${errors}`);
  return output;
}

export const everybodyLives = () => true;
export const nobodyLives = () => false;

/** A process with a connection of its own, as far as SQLite can tell. */
export function processAt(dir: string, clock: FakeClock, self: ProcessIdentity): Journal & Disposable {
  const { db } = openJournal(dir, { isAlive: everybodyLives, wallMs: clock.wallMs() });
  const journal = new Journal(db, clock, self);
  return Object.assign(journal, { [Symbol.dispose]: () => journal.close() });
}

export function take(journal: Journal, ttlMs = 30_000, isAlive: (pid: number) => boolean = everybodyLives): Lease {
  const taken = journal.acquire("watch", "test", ttlMs, isAlive);
  if (!taken.held) throw new Error(`the lease is held by pid ${taken.by.pid}`);
  return taken.lease;
}

export function rows(dir: string, table: string): Record<string, unknown>[] {
  const db = openJournalReader(dir);
  if (db === undefined) throw new Error(`no journal in ${dir}`);
  try {
    return db.prepare(`SELECT * FROM ${table}`).all();
  } finally {
    db.close();
  }
}

export const stateWith = (changes: Partial<WatchState>): WatchState => ({ ...initialState(5_000_000), ...changes });

export const opened = (incident: number, evidence: readonly string[] = ["pid 7 is gone"]): Action => ({
  kind: "open-incident",
  incident,
  cause: "process-gone",
  firstSeenMs: 4_999_000,
  evidence,
});

export const repairOf = (incident: number): Action => ({
  kind: "start-repair",
  incident,
  attempt: 1,
  tier: 1,
  cause: "process-frozen",
  subject: null,
  evidence: [],
  confidence: "certain",
  identity: { pid: 7, startTime: 70 },
  by: "watchdog",
});

export const toldOf = (incident: number): Action => ({
  kind: "tell",
  severity: "critical",
  incident,
  cause: "process-gone",
  text: "look at it",
  evidence: [],
});

/** One doctor, accepted, that waits for a minute. */
export function proposalFor(incident: number, more: Partial<ProposalRecord> = {}): ProposalRecord {
  return {
    incident,
    cause: "process-gone",
    atMs: WALL_MS,
    untilMs: WALL_MS + 60_000,
    by: null,
    engine: "local",
    asked: "local answered after 2 s",
    diagnosis: "keys that it does not know",
    human: null,
    judged: [{ command: "openclaw doctor --fix", verdict: { accepted: true, entry: "doctor-fix" } }],
    refusal: null,
    actions: "doctor",
    ends: null,
    state: "waiting",
    answer: null,
    ...more,
  };
}
