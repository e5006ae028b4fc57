import { connect } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, RescueError, systemErrorCode } from "../../shared/errors.ts";
import type { ServiceControl } from "../installer.ts";
import { controlSocketPath, objectionTo } from "./control-path.ts";
import {
  type Answer,
  MAX_ANSWER_BYTES,
  type Operation,
  PROTOCOL_VERSION,
  parseAnswer,
  readingOf,
  type SupervisorStatus,
} from "./protocol.ts";

/** One question and its answer. The supervisor answers from memory; only a starved machine takes longer than milliseconds. */
const ANSWER_WITHIN_MS = 5_000;
/** From "start" to a process: a spawn, or at most the end of what the last child left behind. */
const START_WITHIN_MS = 20_000;
const POLL_MS = 200;

/**
 * Control over a gateway that `rescue-watchdog supervise` keeps alive. `status` says `not-installed` when no supervisor runs;
 * the other calls throw then. `stop` and `restart` return when it is done, at the latest after the supervisor's own deadline.
 * @throws RescueError `service-control`
 */
export function externalControl(stateDir: string): ServiceControl {
  const path = process.platform === "win32" ? "(unsupported on Windows)" : controlSocketPath(stateDir);
  return {
    manager: "external",
    name: path,
    async status() {
      const status = process.platform === "win32" ? null : await ask(path, stateDir, "status");
      return status === null ? { manager: "external", state: "not-installed" } : readingOf(status);
    },
    async start() {
      const before = await demand(path, stateDir, "start");
      await until(path, stateDir, before, Math.max(START_WITHIN_MS, endsWithin(before)), "started", (now) => {
        if (now.phase === "up" || now.spawned > before.spawned) return true;
        if (now.want !== "up") throw failure(`${path}: somebody stopped the gateway while it was being started`);
        return false;
      });
    },
    async stop() {
      const before = await demand(path, stateDir, "stop");
      await until(path, stateDir, before, before.stopWithinMs + START_WITHIN_MS, "stopped", (now) => {
        if (now.want === "up") throw failure(`${path}: somebody started the gateway while it was being stopped`);
        return now.phase === "idle";
      });
    },
    async restart() {
      const first = await demand(path, stateDir, "status");
      const before = await demand(path, stateDir, "restart");
      await until(path, stateDir, before, before.stopWithinMs + START_WITHIN_MS, "restarted", (now) => {
        if (now.spawned > first.spawned) return true;
        if (now.want !== "up") throw failure(`${path}: somebody stopped the gateway while it was being restarted`);
        if (now.phase === "parked") throw failure(`${path}: the gateway ended with 78 and was not started again`);
        return false;
      });
    },
  };
}

/** A child that is on its way out is waited for before the next one starts. */
const endsWithin = (status: SupervisorStatus) => (status.phase === "ending" ? status.stopWithinMs + START_WITHIN_MS : 0);

async function until(
  path: string,
  stateDir: string,
  first: SupervisorStatus,
  withinMs: number,
  what: string,
  reached: (now: SupervisorStatus) => boolean,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let now = first; !reached(now); now = await demand(path, stateDir, "status")) {
    if (performance.now() > deadline) throw failure(`${path}: the gateway was not ${what} within ${withinMs} ms`);
    await sleep(POLL_MS);
  }
}

async function demand(path: string, stateDir: string, operation: Operation): Promise<SupervisorStatus> {
  if (process.platform === "win32") throw failure("The supervisor is not supported on Windows; install the gateway as a scheduled task");
  const status = await ask(path, stateDir, operation);
  if (status !== null) return status;
  throw new RescueError("service-control", `No supervisor answers on ${path}`, {
    fix: "rescue-watchdog supervise -- openclaw gateway run",
  });
}

/** Null: no supervisor. Everything else that is not a good answer is an error. */
async function ask(path: string, stateDir: string, operation: Operation): Promise<SupervisorStatus | null> {
  let answer: Answer | null;
  try {
    const objection = objectionTo(dirname(path), stateDir);
    if (objection !== null) throw failure(objection);
    const line = await exchange(path, `${JSON.stringify({ v: PROTOCOL_VERSION, op: operation })}\n`);
    answer = parseAnswer(line);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ECONNREFUSED") return null;
    if (error instanceof RescueError) throw error;
    throw new RescueError("service-control", `Cannot ask the supervisor on ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (answer === null) throw failure(`${path} gave no answer that a supervisor gives`);
  if (!answer.ok) throw failure(`${path}: ${answer.message}`);
  return answer.status;
}

const failure = (message: string) => new RescueError("service-control", message);

function exchange(path: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(path, () => socket.write(request));
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const deadline = setTimeout(() => fail(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)), ANSWER_WITHIN_MS);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      received += chunk;
      if (received.length > MAX_ANSWER_BYTES) fail(new Error("the answer is too long"));
    });
    socket.on("error", fail);
    socket.on("end", () => resolve(received));
    socket.on("close", () => {
      clearTimeout(deadline);
      reject(new Error("the connection closed without an answer"));
    });
  });
}
