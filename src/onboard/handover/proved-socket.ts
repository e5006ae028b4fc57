import { once } from "node:events";
import type net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf, RescueError } from "../../shared/errors.ts";
import { type Connection, type ExpectedPeer, type LockReader, type Prover, prove } from "./prove.ts";
import { proveLinux } from "./prove-linux.ts";
import { proveLsof } from "./prove-lsof.ts";
import { proveNetTcp } from "./prove-net-tcp.ts";

export interface Peer {
  /** On 127.0.0.1, without TLS. */
  readonly port: number;
  readonly expected: ExpectedPeer;
  /** Read anew for each proof. */
  readonly lockHolder: LockReader;
}

/** Throws `not-running` when nobody accepts, `refused` when it would leave the loopback interface. */
export async function connect(socket: net.Socket, port: number): Promise<Connection> {
  try {
    const connected = once(socket, "connect");
    socket.connect({ host: "127.0.0.1", port });
    await connected;
  } catch (error) {
    throw new RescueError("not-running", `Nothing accepts connections on port ${port}: ${messageOf(error)}`, { cause: error });
  }
  // Later errors end in the close of the WebSocket, or in a proof that fails.
  socket.on("error", () => socket.destroy());
  const { localAddress, localPort, remoteAddress } = socket;
  if (localAddress !== "127.0.0.1" || remoteAddress !== "127.0.0.1" || localPort === undefined) {
    throw new RescueError("refused", `The connection to port ${port} is not one of the loopback interface; the token was not sent`);
  }
  return { localPort, remotePort: port };
}

/** A busy gateway may take a while to accept. This is how long, unless the whole conversation ends earlier. */
const ACCEPT_WITHIN_MS = 10_000;
const ASK_AGAIN_MS = 20;

/** Resolves when the peer is proved, and throws `refused` otherwise. Without `patience` "not accepted yet" is a refusal, too. */
export async function insist(connection: Connection, { port, expected, lockHolder }: Peer, prover: Prover, patience?: AbortSignal) {
  const giveUpAt = performance.now() + ACCEPT_WITHIN_MS;
  for (;;) {
    const proof = await prove(prover, connection, expected, lockHolder);
    if (proof.state === "proved") return;
    if (proof.state === "refused" || patience === undefined || performance.now() > giveUpAt) {
      throw new RescueError(
        "refused",
        `Whoever answers on port ${port} is not proved to be the gateway with pid ${expected.pid}: ${proof.why}; the token was not sent`,
      );
    }
    await delay(ASK_AGAIN_MS, undefined, { signal: patience });
  }
}

export function platformProver(): Prover {
  if (process.platform === "linux") return proveLinux;
  return process.platform === "win32" ? proveNetTcp : proveLsof;
}
