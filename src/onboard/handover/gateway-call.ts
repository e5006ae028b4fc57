import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { messageOf, RescueError, systemErrorCode } from "../../shared/errors.ts";
import { Conversation } from "./conversation.ts";
import { connectParams, type GatewayIdentity, parseHello } from "./hello.ts";
import type { Prover } from "./prove.ts";
import { connect, insist, type Peer, platformProver } from "./proved-socket.ts";

export interface GatewayTarget extends Peer {
  readonly token: string;
  /** For all of it, the requests included. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface GatewayRequest {
  readonly method: string;
  readonly params?: object;
}

export interface GatewayHello extends GatewayIdentity {
  /** The payloads, in the order of the methods. */
  readonly results: readonly unknown[];
}

/** A gateway that was proved and took the token. Usable inside of `withGateway` only. */
export interface ProvedGateway extends GatewayIdentity {
  request(method: string, params?: object): Promise<unknown>;
}

/** Hands the token over and makes the requests one after another; the first that is refused ends it. Errors: see `withGateway`. */
export async function callGateway(
  { methods, ...target }: GatewayTarget & { readonly methods: readonly GatewayRequest[] },
  prover?: Prover,
): Promise<GatewayHello> {
  return withGateway(
    target,
    async ({ request, ...identity }) => {
      const results: unknown[] = [];
      for (const { method, params } of methods) results.push(await request(method, params));
      return { ...identity, results };
    },
    prover,
  );
}

/**
 * One connection: proved to end in the expected process before the upgrade, and once more when all that is left to do is to send
 * the token. A connection that breaks is never made again, so what was proved is what carries the token.
 * Errors, none of which repeats the token: `refused` (not proved, or not accepted by the gateway), `not-running`, `busy`, `timeout`.
 */
export async function withGateway<T>(
  target: GatewayTarget,
  use: (gateway: ProvedGateway) => Promise<T>,
  prover: Prover = platformProver(),
): Promise<T> {
  const { port, token, timeoutMs, signal } = target;
  if (token === "") throw new RescueError("usage", `There is no token to hand to the gateway on port ${port}`);
  const timeout = new AbortController();
  const late = new RescueError("timeout", `The gateway on port ${port} did not finish the conversation within ${timeoutMs} ms`);
  const timer = setTimeout(() => timeout.abort(late), timeoutMs);
  const cancel = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]);
  const socket = new net.Socket();
  try {
    return await unlessAborted(cancel, () => converse(socket, target, prover, cancel, use));
  } catch (error) {
    throw withoutToken(error, token);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function converse<T>(
  socket: net.Socket,
  target: GatewayTarget,
  prover: Prover,
  cancel: AbortSignal,
  use: (gateway: ProvedGateway) => Promise<T>,
): Promise<T> {
  const connection = await connect(socket, target.port);
  await insist(connection, target, prover, cancel);
  const { conversation, close } = upgrade(socket, target.port);
  await conversation.challenged();
  // Whoever spoke the challenge has read our upgrade, so it has accepted: no patience this time.
  await insist(connection, target, prover);
  // Aborting destroys the socket only after the current turn.
  cancel.throwIfAborted();
  const identity = parseHello(await conversation.request("connect", connectParams(target.token)));
  const result = await use({ ...identity, request: (method, params = {}) => conversation.request(method, params) });
  await close();
  return result;
}

/** The host's own limit for what it sends. */
const MAX_MESSAGE_BYTES = 26_214_400;
const CLOSE_MS = 500;

function upgrade(socket: net.Socket, port: number): { conversation: Conversation; close(): Promise<unknown> } {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/`, {
    // The very socket that was proved. Given one, Node uses no agent and so neither a pool nor a proxy.
    createConnection: () => socket,
    followRedirects: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  const conversation = new Conversation((text) => webSocket.send(text));
  const ended = (why: string) => conversation.end(new RescueError("not-running", `The gateway on port ${port} ${why}`));
  webSocket.on("message", (data, isBinary) => conversation.receive(isBinary ? "" : data.toString()));
  webSocket.on("unexpected-response", (_, { statusCode }) => ended(`answered ${statusCode} instead of opening a WebSocket`));
  webSocket.on("error", (error) => ended(`broke the connection: ${systemErrorCode(error) ?? messageOf(error)}`));
  const closed = new Promise<void>((resolve) => {
    webSocket.on("close", (code, reason) => {
      ended(`closed the connection: ${code} ${reason.toString()}`.trimEnd());
      resolve();
    });
  });
  return {
    conversation,
    close: () => {
      webSocket.close(1000);
      return Promise.race([closed, delay(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

/** The work is left to itself when `signal` aborts; its caller then takes the socket away from it. */
function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Whatever the other end said may be part of an error, and it may say the token. */
function withoutToken(error: unknown, token: string): unknown {
  if (!(error instanceof Error) || !error.message.includes(token)) return error;
  const message = error.message.replaceAll(token, "[token]");
  return error instanceof RescueError
    ? new RescueError(error.code, message, error.fix === undefined ? {} : { fix: error.fix })
    : new RescueError("internal", message);
}
