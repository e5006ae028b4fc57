import { identityOf, isRunning } from "../../service-installers/external/processes.ts";
import { RescueError } from "../../shared/errors.ts";
import { runCommand } from "../../shared/run-command.ts";
import type { Connection, Holder, Prover, SocketHolders } from "./prove.ts";

/** Everything our own user may see of the port; more than a few processes there would be refused anyway. */
const LIMITS = { timeoutMs: 5_000, maxBytes: 262_144, env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" } };

/** macOS and the BSDs. lsof shows no connection that nobody has accepted, so that looks like one without a holder: refused. */
export const proveLsof: Prover = {
  async identify(pid) {
    const identity = identityOf(pid);
    const ourUser = process.getuid?.();
    if (identity === null || ourUser === undefined || !isRunning(identity)) return undefined;
    const [, user, title] = /^\s*(\d+)\s+(.*?)\s*$/.exec(await run(["ps", "-ww", "-o", "uid=,command=", "-p", String(pid)])) ?? [];
    if (user === undefined || title === undefined) return undefined;
    return { startTime: identity.startTime, user, ourUser: String(ourUser), title };
  },
  async holders(connection, pid) {
    return holdersByLsof(parseLsof(await run(["lsof", "-nP", `-iTCP:${connection.remotePort}`, "-FpfnT"])), connection, pid);
  },
};

/** One descriptor of one process. `name` is `LOCAL` or `LOCAL->REMOTE`; `state` as TCP calls it. */
export interface LsofSocket {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
}

/** Field output of lsof: `p` opens a process, `f` one of its descriptors; the rest belongs to the descriptor. */
export function parseLsof(output: string): LsofSocket[] {
  const sockets: { pid: number; name: string; state: string }[] = [];
  let pid: number | undefined;
  for (const line of output.split("\n")) {
    const value = line.slice(1);
    const socket = sockets.at(-1);
    if (line.startsWith("p")) pid = Number(value);
    else if (line.startsWith("f") && pid !== undefined) sockets.push({ pid, name: "", state: "" });
    else if (line.startsWith("n") && socket !== undefined) socket.name = value;
    else if (line.startsWith("TST=") && socket !== undefined) socket.state = value.slice(3);
  }
  return sockets;
}

export function holdersByLsof(sockets: readonly LsofSocket[], { localPort, remotePort }: Connection, pid: number): SocketHolders {
  const holder = (socket: LsofSocket): Holder => (socket.pid === pid ? "expected" : "other");
  const loopback = ["127.0.0.1", "[::ffff:127.0.0.1]"];
  const peers = loopback.map((address) => `${address}:${remotePort}->${address}:${localPort}`);
  const listeners = [...loopback, "*", "0.0.0.0", "[::]"].map((address) => `${address}:${remotePort}`);
  return {
    peers: sockets.filter(({ name, state }) => state === "ESTABLISHED" && peers.includes(name)).map(holder),
    listeners: sockets.filter(({ name, state }) => state === "LISTEN" && listeners.includes(name)).map(holder),
  };
}

/** Both tools end with 1 and say nothing when they find nothing. */
async function run(argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, notStarted, timedOut, truncated } = await runCommand(argv, LIMITS);
  if (exitCode === 0 && !truncated) return stdout;
  if (exitCode === 1 && stdout.trim() === "") return "";
  const why = notStarted ?? (timedOut ? "no answer" : truncated ? "too much output" : `exit code ${exitCode}`);
  throw new RescueError("not-readable", `${argv[0]}: ${why}`);
}
