import type { ProcessIdentity } from "../core/model.ts";

/** What the fence asks, each answered at this very moment. Functions throw when they could not look; undefined means "not found". */
export interface FencePorts {
  readonly identityOf: (pid: number) => (ProcessIdentity & { readonly uid: number; readonly cpuMs?: number }) | undefined;
  /** The process that the gateway's own lock names, and the state directory it was taken for. */
  readonly lockHolder: () => (ProcessIdentity & { readonly stateDir: string }) | undefined;
  readonly serviceMainPid: () => Promise<number | undefined>;
  /** Undefined: nothing listens, or its owner is not visible. */
  readonly listenerPid: () => Promise<number | undefined>;
  /** Ourselves and every ancestor: never to be signalled. */
  readonly ownLineage: () => ReadonlySet<number>;
  /** Does it answer as a healthy gateway right now? A repair is decided seconds before it is done, and a stall may have ended since. */
  readonly serves: () => Promise<boolean>;
  readonly uid: number;
  readonly stateDir: string;
}

export type FenceVerdict = { readonly pass: "go" } | { readonly pass: "gone" } | { readonly pass: "stop"; readonly why: string };

/**
 * Immediately before a signal: is this still the very process that was judged? (Pacemaker: unresponsive is not the same as harmless.)
 * `go` only when the pid still has its start time, is ours by user, is named by the gateway's own lock for our state directory or by the
 * service manager, and no other process owns the port. `gone`: it has ended meanwhile. Node has no pidfd, so a reuse of the pid within
 * the microseconds between this check and the signal remains possible.
 */
export async function fence(expected: ProcessIdentity, ports: FencePorts): Promise<FenceVerdict> {
  const stop = (why: string): FenceVerdict => ({ pass: "stop", why });
  const [servicePid, listenerPid, serves] = await Promise.all([ports.serviceMainPid(), ports.listenerPid(), ports.serves()]);
  const lock = ports.lockHolder();
  const lineage = ports.ownLineage();
  const now = ports.identityOf(expected.pid);
  // First of all: when it has ended, whoever has its port or its lock now may well be its rightful successor.
  if (now === undefined || now.startTime !== expected.startTime) return { pass: "gone" };

  if (listenerPid !== undefined && listenerPid !== expected.pid) return stop(`the port now belongs to pid ${listenerPid}`);
  const byLock = lock !== undefined && lock.pid === expected.pid && lock.startTime === expected.startTime;
  if (byLock && lock.stateDir !== ports.stateDir) return stop(`pid ${expected.pid} serves ${lock.stateDir}, not ${ports.stateDir}`);
  if (lineage.has(expected.pid)) return stop(`pid ${expected.pid} is the watchdog itself or one of its parents`);
  if (now.uid !== ports.uid) return stop(`pid ${expected.pid} belongs to user ${now.uid}`);
  if (!byLock && servicePid !== expected.pid) {
    return stop(`pid ${expected.pid} is named neither by the gateway's lock nor by the service manager any more`);
  }
  if (serves) return stop("it serves again");
  return { pass: "go" };
}
