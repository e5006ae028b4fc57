import { realpathSync } from "node:fs";
import type { ProcessIdentity } from "../../../rescue-profile/core/model.ts";
import { messageOf, RescueError, systemErrorCode } from "../../shared/errors.ts";

/** A TCP connection of ours; both ends are on 127.0.0.1. */
export interface Connection {
  readonly localPort: number;
  readonly remotePort: number;
}

/** The process that the service manager calls its main one. `startTime` is in the unit of the host's lock on this platform. */
export interface ExpectedPeer extends ProcessIdentity {
  readonly stateDir: string;
  /** Default: ours. */
  readonly uid?: number;
  /** Process title, `openclaw-gateway` once the host serves. Anybody can set one, so it only ever adds a reason to refuse. */
  readonly title?: string;
}

/** What the host's lock in the state directory says. `port` is absent in a lock that was not completed. */
export interface LockHolder extends ProcessIdentity {
  readonly stateDir: string;
  readonly port?: number;
}

/** Reads the host's lock now; undefined when nobody holds it. May throw a system error: that is "unknown", a refusal. */
export type LockReader = () => LockHolder | undefined | Promise<LockHolder | undefined>;

/** Whose a socket is. `nobody`: the kernel has the connection, and no process has accepted it yet. */
export type Holder = "expected" | "other" | "nobody";

export interface SocketHolders {
  /** Every socket that could be the other end of the connection; one, if all is well. */
  readonly peers: readonly Holder[];
  /** Every socket that takes new connections to 127.0.0.1 on the port. */
  readonly listeners: readonly Holder[];
}

export interface PeerProcess {
  readonly startTime: number;
  /** A uid in decimal, or a SID. */
  readonly user: string;
  readonly ourUser: string;
  readonly title?: string;
}

/** How a platform is asked. Both throw when they could not look, or did not understand the answer. */
export interface Prover {
  /** undefined: there is no such process any more, or only a zombie. */
  identify(pid: number): Promise<PeerProcess | undefined>;
  holders(connection: Connection, pid: number): Promise<SocketHolders>;
}

/** `pending`: nothing speaks against it and it has not accepted yet. Everything that is not known is `refused`. */
export type Proof = { readonly state: "proved" } | { readonly state: "pending" | "refused"; readonly why: string };

/**
 * Whether the other end of `connection` is the expected process, now. TCP has no SO_PEERCRED, so the kernel's tables are asked
 * who holds that socket. The identity is read on both sides of the tables: a pid that changed hands in between is noticed.
 */
export async function prove(prover: Prover, connection: Connection, expected: ExpectedPeer, lock: LockReader): Promise<Proof> {
  try {
    const objection = lockObjection(await lock(), expected, connection.remotePort) ?? (await strangeness(prover, expected));
    if (objection !== undefined) return refused(objection);
    const verdict = judgeHolders(await prover.holders(connection, expected.pid), expected.pid);
    const changed = await strangeness(prover, expected);
    return changed === undefined ? verdict : refused(changed);
  } catch (error) {
    if (systemErrorCode(error) === undefined && !(error instanceof RescueError)) throw error;
    return refused(`it could not be looked at: ${messageOf(error)}`);
  }
}

export function judgeHolders({ peers, listeners }: SocketHolders, pid: number): Proof {
  const [peer] = peers;
  if (peer === undefined) return refused("no process is known to hold the other end of the connection");
  if (peers.length > 1) return refused(`${peers.length} sockets could be the other end of the connection`);
  if (peer === "other") return refused(`the other end of the connection is not held by pid ${pid}`);
  if (listeners.length === 0) return refused("nobody is known to listen on the port any more");
  if (listeners.some((holder) => holder !== "expected")) return refused(`a process other than pid ${pid} listens on the port`);
  if (peer === "nobody") return { state: "pending", why: `pid ${pid} has not accepted the connection` };
  return { state: "proved" };
}

async function strangeness(prover: Prover, expected: ExpectedPeer): Promise<string | undefined> {
  const { pid, startTime, title } = expected;
  const found = await prover.identify(pid);
  if (found === undefined) return `pid ${pid} does not run any more`;
  if (found.startTime !== startTime) return `pid ${pid} started at ${found.startTime} and not at ${startTime}, so it is another process`;
  const user = expected.uid === undefined ? found.ourUser : String(expected.uid);
  if (found.user !== user) return `pid ${pid} belongs to user ${found.user} and not to ${user}`;
  if (title !== undefined && found.title !== title) return `pid ${pid} does not call itself ${title}`;
  return undefined;
}

function lockObjection(lock: LockHolder | undefined, expected: ExpectedPeer, port: number): string | undefined {
  const where = `the lock of ${expected.stateDir}`;
  if (lock === undefined) return `${where} is held by nobody`;
  if (lock.pid !== expected.pid || lock.startTime !== expected.startTime) return `${where} names another process than pid ${expected.pid}`;
  if (realpathSync(lock.stateDir) !== realpathSync(expected.stateDir)) return `${where} is about another directory, ${lock.stateDir}`;
  if (lock.port !== port) return `${where} names ${lock.port === undefined ? "no port" : `port ${lock.port}`}`;
  return undefined;
}

const refused = (why: string): Proof => ({ state: "refused", why });
