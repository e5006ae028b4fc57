import { watchdogDir } from "../src/shared/rescue-home.ts";
import { peekJournal } from "./journal/open.ts";
import { readOpenRepair, readWatch } from "./journal/read.ts";
import { bootId, monotonicMs } from "./observe/clock.ts";
import { isAlive } from "./open-watchdog.ts";

/** What the gateway that is itself watched knows of its watcher, when it is about to judge that watcher. */
export interface OtherSide {
  /** How long this process has run. */
  readonly ownAgeMs: number;
  /** A living watcher has an incident of ours open. */
  readonly watchedInIncident: boolean;
  /** A living runner repairs us. */
  readonly underRepair: boolean;
}

/** A boot, and whatever made it necessary, may still be going on. */
const SETTLED_MS = 300_000;

/**
 * Two gateways that watch each other must not repair each other in turns. The rescue goes first: the primary's plugin does nothing while it is being
 * repaired or was started only minutes ago, so after each repair of the primary the rescue has five minutes in which nobody ends it. A rescue that
 * is dead holds nothing back. Pure; undefined: it may act.
 */
export function yieldsTo({ ownAgeMs, watchedInIncident, underRepair }: OtherSide): string | undefined {
  if (underRepair) return "the rescue is repairing this gateway";
  if (watchedInIncident) return "the rescue has an incident of this gateway open";
  if (ownAgeMs < SETTLED_MS) return `this gateway itself has run for only ${Math.round(ownAgeMs / 1000)} s`;
  return undefined;
}

/** The other side as `profile`, which runs in this process, finds it in the journal of its own watcher. */
export function otherSide(profile: string, home: string, env: NodeJS.ProcessEnv): OtherSide {
  const ownAgeMs = process.uptime() * 1000;
  const nothing = { ownAgeMs, watchedInIncident: false, underRepair: false };
  const db = peekJournal(watchdogDir(profile, home, env));
  if (db === undefined) return nothing;
  try {
    const snapshot = readWatch(db, profile);
    const watcher = snapshot?.watcher;
    const lives =
      watcher != null && watcher.boot === bootId() && watcher.expiresMonotonicMs > monotonicMs() && isAlive(watcher.pid, watcher.startTime);
    const runner = readOpenRepair(db)?.runner;
    return {
      ownAgeMs,
      watchedInIncident: lives && snapshot?.state.incident != null,
      underRepair: runner != null && isAlive(runner.pid, runner.startTime),
    };
  } catch (error) {
    // A journal that is damaged or locked says nothing: it must not keep a dead rescue dead.
    if (error instanceof Error && "errcode" in error) return nothing;
    throw error;
  } finally {
    db.close();
  }
}
