import { messageOf } from "../src/shared/errors.ts";
import { alerting, alertOnce } from "./alerting.ts";
import { auditIfDue, auditing } from "./auditing.ts";
import { toPolicy } from "./config.ts";
import type { WatchState } from "./core/state.ts";
import { isJournalTrouble, type Lease, LeaseLost, type LeaseResult, REQUEST_MS, type RequestRow } from "./journal/journal.ts";
import { watch } from "./loop.ts";
import { leaseMs, loopPorts } from "./loop-ports.ts";
import { monotonicMs } from "./observe/clock.ts";
import { isAlive, sleep, type Watchdog } from "./open-watchdog.ts";
import { expireProposals, expiring } from "./proposing.ts";
import { wakeBell } from "./wake.ts";

export { alertStatus, alertTest } from "./alerting.ts";
export { type HostDoor, openChat, openHostDoor } from "./chatting.ts";
export { isWithdrawn } from "./consent.ts";
export { openWatchdog, sleep, type Watchdog, type WatchdogOptions } from "./open-watchdog.ts";
export { ringBell } from "./wake.ts";
export { otherSide, yieldsTo } from "./yielding.ts";

const STANDBY_POLL_MS = 2_000;
const LAST_WORD_MS = 2_000;
/**
 * Watches until the signal aborts. When another process watches already, waits for its lease: whoever dies or freezes is replaced.
 * `onStandby` is called with who watches, once per holder.
 */
export async function watchForever(
  dog: Watchdog,
  signal: AbortSignal,
  onStandby: (by: { pid: number; what: string }) => void,
): Promise<void> {
  let standbyFor = 0;
  while (!signal.aborted) {
    const taken = await acquireWatch(dog, signal);
    if (taken === undefined) continue;
    dog.options.onBeat?.();
    if (!taken.held) {
      if (taken.by.pid !== standbyFor) onStandby(taken.by);
      standbyFor = taken.by.pid;
      await sleep(STANDBY_POLL_MS, signal);
      continue;
    }
    standbyFor = 0;
    dog.log({
      event: "watch-started",
      trigger: dog.options.what,
      details: { profile: dog.target.profile, port: dog.target.port, pid: process.pid },
    });
    const bell = wakeBell(dog.dir);
    const ended = new AbortController();
    const told = alerting(dog, AbortSignal.any([signal, ended.signal]));
    void auditing(dog, AbortSignal.any([signal, ended.signal]));
    void expiring(dog, AbortSignal.any([signal, ended.signal]));
    try {
      await watch(dog.journal.loadState(dog.options.profile), toPolicy(dog.settings), loopPorts(dog, taken.lease, bell), signal);
      dog.log({ event: "watch-ended", trigger: dog.options.what });
    } catch (error) {
      if (error instanceof LeaseLost) dog.log({ event: "watch-lost-lease", level: "warn", details: error.message });
      else if (isJournalTrouble(error)) await troubled(dog, error, signal);
      else throw error;
    } finally {
      bell.close();
      ended.abort();
      // What is under way is recorded if it is quick; else it is told again by the next.
      await withinTime(told, LAST_WORD_MS);
      releaseQuietly(dog, taken.lease);
    }
  }
}

/** Waits for it so long at most, and leaves no timer behind that would keep the process. */
async function withinTime(work: Promise<void>, ms: number): Promise<void> {
  const done = new AbortController();
  await Promise.race([work.finally(() => done.abort()), sleep(ms, done.signal)]);
}

async function acquireWatch(dog: Watchdog, signal: AbortSignal): Promise<LeaseResult | undefined> {
  try {
    return dog.journal.acquire("watch", dog.options.what, leaseMs(dog.settings), isAlive);
  } catch (error) {
    if (!isJournalTrouble(error)) throw error;
    await troubled(dog, error, signal);
    return undefined;
  }
}

const TROUBLE_MS = 5_000;

/** What is done must be written first; while nothing can be written nothing is done, and it is tried again. */
async function troubled(dog: Watchdog, error: unknown, signal: AbortSignal): Promise<void> {
  dog.log({ event: "journal-not-written", level: "error", success: false, details: messageOf(error) });
  await sleep(TROUBLE_MS, signal);
}

function releaseQuietly(dog: Watchdog, lease: Lease): void {
  try {
    dog.journal.release(lease);
  } catch (error) {
    // It runs out by itself.
    if (!isJournalTrouble(error)) throw error;
  }
}

export type TickResult =
  | { readonly watched: true; readonly state: WatchState }
  | { readonly watched: false; readonly by: { pid: number; what: string } };

/**
 * One round: looks until nothing is suspicious and no incident is open, or `maxMs` has passed. For cron jobs and timers. When another
 * process watches, looks away and says who. `tells`: then tells whoever is to be told.
 */
export async function tick(dog: Watchdog, maxMs: number, signal: AbortSignal, tells = false): Promise<TickResult> {
  const taken = dog.journal.acquire("watch", dog.options.what, leaseMs(dog.settings), isAlive);
  if (!taken.held) return { watched: false, by: taken.by };
  const endMs = monotonicMs() + maxMs;
  try {
    const state = await watch(
      dog.journal.loadState(dog.options.profile),
      toPolicy(dog.settings),
      loopPorts(dog, taken.lease),
      signal,
      (decision, seen) => {
        const calm = seen.verdict === "up" || seen.condition === "stopped-cleanly";
        return monotonicMs() >= endMs || (calm && decision.state.incident === null && decision.state.phase.name === "watching");
      },
    );
    expireProposals(dog);
    if (tells) {
      auditIfDue(dog);
      await alertOnce(dog, signal);
    }
    return { watched: true, state };
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    return { watched: false, by: { pid: 0, what: "another watcher, which took over" } };
  } finally {
    releaseQuietly(dog, taken.lease);
  }
}

/**
 * Leaves a request for whoever watches and waits for the answer; when nobody watches, watches for one round itself.
 * Resolves to the decision's reason.
 */
export async function request(
  dog: Watchdog,
  kind: RequestRow["kind"],
  payload: RequestRow["payload"],
  by: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const id = dog.journal.addRequest(kind, payload, by);
  const endMs = monotonicMs() + REQUEST_MS;
  while (monotonicMs() < endMs && !signal.aborted) {
    const answer = dog.journal.requestAnswer(id);
    if (answer !== undefined) return answer;
    // Short rounds: a living watcher answers within a second, and keeps its lease.
    await tick(dog, 0, signal);
    if (dog.journal.requestAnswer(id) === undefined) await sleep(200, signal);
  }
  return dog.journal.withdrawRequest(id);
}
