import type { ServiceReading, ServiceState } from "../../../rescue-profile/core/model.ts";
import type { SupervisePolicy } from "./policy.ts";
import type { ChildExit, ChildPhase, Supervision, Verb } from "./state.ts";

/**
 * The control socket's language: one JSON line asks, one JSON line answers, then the supervisor closes.
 *
 *     {"v":1,"op":"status"}  {"v":1,"op":"start"}  {"v":1,"op":"stop"}  {"v":1,"op":"restart"}
 *     {"v":1,"ok":true,"status":{…}}
 *     {"v":1,"ok":false,"code":"bad-request","message":"…"}
 *
 * An answer to a verb says that it was taken and how things stand now; whoever wants to know the end asks for the status again.
 */
export const PROTOCOL_VERSION = 1;
/** Requests are a few dozen bytes. A longer line is not one of ours and is not read to its end. */
export const MAX_REQUEST_BYTES = 4_096;
export const MAX_ANSWER_BYTES = 65_536;

export type Operation = "status" | Verb;
const OPERATIONS: readonly string[] = ["status", "start", "stop", "restart"] satisfies Operation[];

const PHASES: readonly string[] = ["idle", "spawning", "up", "ending", "sweeping", "backing-off", "parked"] satisfies ChildPhase["is"][];

export interface SupervisorStatus {
  readonly supervisorPid: number;
  readonly want: Supervision["want"];
  readonly phase: ChildPhase["is"];
  readonly childPid: number | null;
  /** Children that ran so far. Grows by one with every start. */
  readonly spawned: number;
  readonly lastExit: ChildExit | null;
  /** How long an orderly stop may take at most, the kill included. */
  readonly stopWithinMs: number;
}

export type Answer =
  | { readonly v: number; readonly ok: true; readonly status: SupervisorStatus }
  | { readonly v: number; readonly ok: false; readonly code: "bad-request" | "refused"; readonly message: string };

/** An operation, or why the line is none, as a sentence. */
export function parseRequest(line: string): Operation | { readonly problem: string } {
  const value = parseObject(line);
  if (value === null) return { problem: "a request is one line with one JSON object" };
  const version = value.v ?? PROTOCOL_VERSION;
  if (version !== PROTOCOL_VERSION) return { problem: `this supervisor speaks version ${PROTOCOL_VERSION} of the protocol` };
  return isOperation(value.op) ? value.op : { problem: `op is one of ${OPERATIONS.join(", ")}` };
}

/** An answer, or null for anything that is none. */
export function parseAnswer(line: string): Answer | null {
  const value = parseObject(line);
  if (value === null || value.v !== PROTOCOL_VERSION) return null;
  if (value.ok === false && typeof value.message === "string") {
    return { v: PROTOCOL_VERSION, ok: false, code: value.code === "refused" ? "refused" : "bad-request", message: value.message };
  }
  const status = value.ok === true ? parseStatus(value.status) : null;
  return status === null ? null : { v: PROTOCOL_VERSION, ok: true, status };
}

export function statusOf(state: Supervision, policy: SupervisePolicy, supervisorPid: number): SupervisorStatus {
  const { phase } = state;
  return {
    supervisorPid,
    want: state.want,
    phase: phase.is,
    childPid: phase.is === "up" || phase.is === "ending" ? phase.child.pid : null,
    spawned: state.spawned,
    lastExit: state.lastExit,
    stopWithinMs: policy.stopTimeoutMs + policy.killTimeoutMs + policy.sweepGraceMs,
  };
}

export function readingOf(status: SupervisorStatus): ServiceReading {
  return {
    manager: "external",
    state: serviceState(status),
    restarts: Math.max(0, status.spawned - 1),
    ...(status.childPid === null ? {} : { mainPid: status.childPid }),
    ...(status.lastExit === null ? {} : { lastExit: status.lastExit }),
    ...(status.want === "up" ? {} : { stoppedOnPurpose: true }),
  };
}

function serviceState(status: SupervisorStatus): ServiceState {
  switch (status.phase) {
    case "up":
    case "ending":
      return "running";
    case "spawning":
      return "starting";
    case "parked":
      return "parked";
    case "idle":
      return status.want === "up" ? "starting" : "stopped";
    case "sweeping":
    case "backing-off":
      return status.want === "up" ? "backing-off" : "stopped";
  }
}

function parseStatus(value: unknown): SupervisorStatus | null {
  if (!isRecord(value)) return null;
  const { supervisorPid, want, phase, childPid, spawned, lastExit, stopWithinMs } = value;
  if (want !== "up" && want !== "down" && want !== "exit") return null;
  if (!isPhase(phase)) return null;
  if (typeof supervisorPid !== "number" || typeof spawned !== "number" || typeof stopWithinMs !== "number") return null;
  if (childPid !== null && typeof childPid !== "number") return null;
  return { supervisorPid, want, phase, childPid, spawned, lastExit: isRecord(lastExit) ? parseExit(lastExit) : null, stopWithinMs };
}

function parseExit({ code, signal }: Record<string, unknown>): ChildExit {
  return { ...(typeof code === "number" ? { code } : {}), ...(typeof signal === "string" ? { signal } : {}) };
}

const isOperation = (value: unknown): value is Operation => typeof value === "string" && OPERATIONS.includes(value);
const isPhase = (value: unknown): value is ChildPhase["is"] => typeof value === "string" && PHASES.includes(value);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
