import { readFileSync } from "node:fs";
import { endianness } from "node:os";
import { identityOf, isRunning } from "../../service-installers/external/processes.ts";
import { RescueError, systemErrorCode } from "../../shared/errors.ts";
import { readDescriptors, readProcFile } from "../../shared/proc-files.ts";
import type { Connection, Holder, PeerProcess, Prover, SocketHolders } from "./prove.ts";

/**
 * Asks /proc; nothing in here waits, so nothing of ours runs between the answer and what follows from it.
 * 1 to 5 ms with a few hundred descriptors.
 */
export const proveLinux: Prover = {
  async identify(pid) {
    return identify(pid);
  },
  async holders(connection, pid) {
    // The kernel prints its tables bucket by bucket, so a row can be missed while others come and go; and an accepted socket has
    // its inode a moment before its descriptor. So an objection is looked at twice, and descriptors after the tables.
    const look = () => holdersOf(readTables(), descriptorSockets(pid), connection);
    const first = look();
    return first.peers.length === 1 && first.peers[0] !== "other" ? first : look();
  },
};

/** A row of /proc/net/tcp or tcp6. Addresses are `HEX:PORT` as the kernel prints them. Format: the kernel's networking/proc_net_tcp. */
export interface TcpRow {
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  /** "0" until a process has accepted the connection. */
  readonly inode: string;
}

const ESTABLISHED = "01";
/** The kernel holds an answered connection in this state while the queue of unaccepted ones is full. */
const SYN_RECEIVED = "03";
const LISTEN = "0A";

const LOOPBACK = [127, 0, 0, 1];
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
const ANY = [0, 0, 0, 0];
const ANY_V6 = [...ANY, ...ANY, ...ANY, ...ANY];

export function parseTcpTable(table: string): TcpRow[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [, local, remote, state] = fields;
      const inode = fields[9];
      if (local === undefined || remote === undefined || state === undefined || inode === undefined) return [];
      return [{ local, remote, state, inode }];
    });
}

/** `held`: inodes of the sockets among the expected process's descriptors. */
export function holdersOf(rows: readonly TcpRow[], held: ReadonlySet<string>, { localPort, remotePort }: Connection): SocketHolders {
  const holder = ({ inode }: TcpRow): Holder => (inode === "0" ? "nobody" : held.has(inode) ? "expected" : "other");
  // A listener on :: sees an IPv4 client under the mapped address.
  const theirs = [LOOPBACK, [...MAPPED_PREFIX, ...LOOPBACK]].map((address) => [hex(address, remotePort), hex(address, localPort)]);
  const isPeer = ({ local, remote, state }: TcpRow) =>
    (state === ESTABLISHED || state === SYN_RECEIVED) && theirs.some(([here, there]) => local === here && remote === there);
  const taking = [LOOPBACK, [...MAPPED_PREFIX, ...LOOPBACK], ANY, ANY_V6].map((address) => hex(address, remotePort));
  return {
    peers: rows.filter(isPeer).map(holder),
    listeners: rows.filter(({ local, state }) => state === LISTEN && taking.includes(local)).map(holder),
  };
}

/** Each 32-bit word of the address is printed as the host's number, so its bytes are reversed on most machines. */
function hex(address: readonly number[], port: number): string {
  const digits = (value: number, width: number) => value.toString(16).toUpperCase().padStart(width, "0");
  const words = address.map((_, at) => address[endianness() === "LE" ? (at & ~3) + 3 - (at & 3) : at] ?? 0);
  return `${words.map((byte) => digits(byte, 2)).join("")}:${digits(port, 4)}`;
}

function readTables(): TcpRow[] {
  return ["tcp", "tcp6"].flatMap((name) => {
    try {
      return parseTcpTable(readFileSync(`/proc/net/${name}`, "utf8"));
    } catch (error) {
      // A kernel without IPv6 has no tcp6.
      if (name === "tcp6" && systemErrorCode(error) === "ENOENT") return [];
      throw error;
    }
  });
}

function descriptorSockets(pid: number): Set<string> {
  return new Set(readDescriptors(pid)?.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

function identify(pid: number): PeerProcess | undefined {
  const identity = identityOf(pid);
  const status = readProcFile(pid, "status");
  const command = readProcFile(pid, "cmdline");
  if (identity === null || status === undefined || command === undefined || !isRunning(identity)) return undefined;
  const ourUser = process.getuid?.();
  // Real, effective, saved and file system uid: one that differs is a process on its way to or from another user.
  const users = new Set(/^Uid:\s+(.+)$/m.exec(status)?.[1]?.split(/\s+/));
  const [user] = users;
  if (user === undefined || users.size > 1 || ourUser === undefined) throw new RescueError("not-readable", `pid ${pid} has no one user`);
  return { startTime: identity.startTime, user, ourUser: String(ourUser), title: command.replaceAll("\0", " ").trim() };
}
