import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { RescueError, systemErrorCode } from "../../shared/errors.ts";
import { type Answer, MAX_REQUEST_BYTES, type Operation, PROTOCOL_VERSION, parseRequest } from "./protocol.ts";

/** A client that has not asked or not taken its answer by then is not one of ours. */
const CONNECTION_DEADLINE_MS = 5_000;
const MAX_CONNECTIONS = 32;

export interface ControlServer {
  /** Stops listening, drops open connections and removes the socket. */
  close(): Promise<void>;
}

/**
 * Listens on the control socket, 0600. A socket that a dead supervisor left is replaced, but only after nobody answered on it.
 * `onError` hears of connections that could not be accepted.
 * @throws RescueError `busy` when somebody answers, `refused` when the path is something else than a socket.
 */
export async function serveControl(
  path: string,
  answer: (operation: Operation) => Answer,
  onError: (error: Error) => void,
): Promise<ControlServer> {
  await removeStaleSocket(path);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    converse(socket, answer);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listenPrivately(server, path);
  // A connection that could not be accepted (EMFILE) is the client's loss; without a listener it would end the supervisor.
  server.on("error", onError);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

function converse(socket: Socket, answer: (operation: Operation) => Answer): void {
  let received = Buffer.alloc(0);
  const deadline = setTimeout(() => socket.destroy(), CONNECTION_DEADLINE_MS);
  socket.once("close", () => clearTimeout(deadline));
  // A client that goes away mid-sentence (EPIPE, ECONNRESET) has lost its answer, nothing else; `close` follows.
  socket.on("error", () => socket.destroy());
  const say = (reply: Answer) => {
    socket.removeListener("data", listen);
    // Whatever still comes is dropped unread, so that the answer is not lost to a reset.
    socket.resume();
    socket.end(`${JSON.stringify(reply)}\n`);
  };
  const listen = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf("\n");
    if (end > MAX_REQUEST_BYTES || (end < 0 && received.length > MAX_REQUEST_BYTES)) {
      return say(badRequest(`a request is at most ${MAX_REQUEST_BYTES} bytes`));
    }
    if (end < 0) return undefined;
    const request = parseRequest(received.toString("utf8", 0, end));
    return say(typeof request === "string" ? answer(request) : badRequest(request.problem));
  };
  socket.on("data", listen);
}

const badRequest = (message: string): Answer => ({ v: PROTOCOL_VERSION, ok: false, code: "bad-request", message });

/** Binding happens within `listen`, so that the mask makes the socket private from its first moment on. */
function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener("error", reject);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new RescueError("refused", `${path} is in the way and is not a socket`);
  if (await somebodyAnswers(path)) throw new RescueError("busy", `Another supervisor already listens on ${path}`);
  unlinkSync(path);
}

function somebodyAnswers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const done = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.once("connect", () => done(true));
    socket.once("error", (error) => {
      const code = systemErrorCode(error);
      if (code === "ECONNREFUSED" || code === "ENOENT") return done(false);
      // A full backlog: somebody listens and is too busy to accept.
      return code === "EAGAIN" ? done(true) : reject(error);
    });
  });
}
