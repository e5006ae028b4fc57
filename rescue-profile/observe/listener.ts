import { readFileSync } from "node:fs";
import net from "node:net";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { readDescriptors } from "../../src/shared/proc-files.ts";
import { runCommand } from "../../src/shared/run-command.ts";
import type { ListenerReading, Reading } from "../core/model.ts";
import { listPids } from "./proc.ts";
import { seen, unseen, unseenBecause } from "./reading.ts";

/** A listening socket as `/proc/net/tcp` and `tcp6` show it. */
export interface ListeningSocket {
  /** Hexadecimal, in the kernel's byte order. */
  readonly address: string;
  readonly port: number;
  readonly inode: number;
}

const LISTEN = "0A";
const LOOPBACK = "0100007F";
const ANY = "00000000";
/** `::`, which takes IPv4 too unless it was told not to. */
const ANY_V6 = "0".repeat(32);

/**
 * Which process answers on 127.0.0.1:`port`. The processes in `expected` are examined first, all others only when it is none
 * of them. `unattributed`: somebody listens whose descriptors we may not see. One look, no retry.
 */
export async function observeListener(port: number, expected: readonly number[], timeoutMs = 2000): Promise<Reading<ListenerReading>> {
  if (process.platform === "win32") return unseen("the owner of a port cannot be looked up on Windows yet");
  return process.platform === "linux" ? listenerByProc(port, expected) : listenerByLsof(port, expected, timeoutMs);
}

function listenerByProc(port: number, expected: readonly number[]): Reading<ListenerReading> {
  try {
    const inodes = answering([...readTable("tcp"), ...readTable("tcp6")], port);
    if (inodes.length === 0) return seen({ state: "none" });
    const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
    const owner = expected.find((pid) => holdsOne(pid, sockets)) ?? listPids().find((pid) => holdsOne(pid, sockets));
    return seen(owner === undefined ? { state: "unattributed" } : { state: "owned", pid: owner });
  } catch (error) {
    return unseenBecause(error, "looking up listening sockets");
  }
}

/** The sockets that an IPv4 client of the loopback address reaches: the exact address before the wildcards. */
function answering(sockets: readonly ListeningSocket[], port: number): number[] {
  for (const address of [LOOPBACK, ANY, ANY_V6]) {
    const inodes = sockets.filter((socket) => socket.port === port && socket.address === address).map(({ inode }) => inode);
    if (inodes.length > 0) return inodes;
  }
  return [];
}

/** Rows of state LISTEN. Format: the kernel's networking/proc_net_tcp. */
export function parseListening(table: string): ListeningSocket[] {
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [address, port] = (fields[1] ?? "").split(":");
    if (fields[3] !== LISTEN || address === undefined || port === undefined) return [];
    return [{ address, port: Number.parseInt(port, 16), inode: Number(fields[9]) }];
  });
}

function readTable(name: "tcp" | "tcp6"): ListeningSocket[] {
  try {
    return parseListening(readFileSync(`/proc/net/${name}`, "utf8"));
  } catch (error) {
    // A kernel without IPv6 has no tcp6.
    if (name === "tcp6" && systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** A process that does not let itself be examined may hold it; that is what `unattributed` means. */
function holdsOne(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    return readDescriptors(pid)?.some((target) => sockets.has(target)) ?? false;
  } catch (error) {
    if (systemErrorCode(error) === "EACCES" || systemErrorCode(error) === "EPERM") return false;
    throw error;
  }
}

async function listenerByLsof(port: number, expected: readonly number[], timeoutMs: number): Promise<Reading<ListenerReading>> {
  const argv = ["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fp"];
  const lsof = await runCommand(argv, { timeoutMs, maxBytes: 65_536 });
  if (lsof.notStarted !== undefined) return unseen(`lsof: ${lsof.notStarted}`);
  if (lsof.timedOut) return unseen(`lsof did not answer within ${timeoutMs} ms`);
  const pids = parseLsofPids(lsof.stdout);
  const owner = expected.find((pid) => pids.includes(pid)) ?? pids[0];
  if (owner !== undefined) return seen({ state: "owned", pid: owner });
  // lsof is silent about other users' sockets, and about there being none.
  return seen((await accepts(port, timeoutMs)) ? { state: "unattributed" } : { state: "none" });
}

/** Field output of lsof: a line `p<pid>` for each process. */
export function parseLsofPids(output: string): number[] {
  return output.split("\n").flatMap((line) => (/^p\d+$/.test(line) ? [Number(line.slice(1))] : []));
}

async function accepts(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: "127.0.0.1", port, timeout: timeoutMs });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    // A full accept queue drops the attempt: somebody is there.
    socket.once("timeout", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
