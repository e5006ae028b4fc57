import { constants } from "node:os";
import type { ServiceReading, ServiceState } from "../../../rescue-profile/core/model.ts";
import { RescueError } from "../../shared/errors.ts";
import { parseTimeSpanMs } from "./time-span.ts";

/** What `systemctl show` is asked for. A property that this systemd does not know is left out of its answer. */
export const SHOWN_PROPERTIES = [
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "Result",
  "Job",
  "MainPID",
  "NRestarts",
  "Restart",
  "RestartUSec",
  "RestartUSecNext",
  "StartLimitBurst",
  "TimeoutStopUSec",
  "ExecMainCode",
  "ExecMainStatus",
  "ExecMainStartTimestampMonotonic",
  "ExecMainExitTimestampMonotonic",
  "StateChangeTimestampMonotonic",
] as const;

type Properties = ReadonlyMap<string, string>;

/** A unit at one moment: the reading everybody gets, and what only the control of this folder needs. */
export interface UnitLook {
  readonly reading: ServiceReading;
  /** A process is being ended right now, or its remains are; a start waits for that. */
  readonly ending: boolean;
  /** How long an orderly stop may take, the manager's SIGKILL included. `Infinity` when the unit sets no limit. */
  readonly stopWithinMs: number;
  /** While backing off: when the manager starts it by itself, CLOCK_MONOTONIC in ms. */
  readonly retryAtMs?: number;
}

/** The host asks with it not to be started again before its configuration is mended. */
const EXIT_REFUSED = 78;
/** `CLD_EXITED` of waitid(2); the other values name a signal. */
const CLD_EXITED = 1;
const DEFAULT_STOP_MS = 90_000;
/** A pause shorter than this cannot be told from the time the manager itself takes. */
const SHORTEST_TELLING_PAUSE_MS = 50;

/**
 * `systemctl --user show UNIT -p …` → what it says. Pure. Facts recorded from systemd 252 in the lab, newer sub-states from its manual.
 *
 * With the host's `Restart=always` the manager itself restarts after every end but 78, so a dead unit means that it gave up, or that
 * somebody asked it to stop:
 * | dead, and | state | on purpose |
 * |---|---|---|
 * | main process exited with 78 | parked | |
 * | `start-limit-hit`, or failed only after it had waited out the pause before a restart | latched | |
 * | failed at the moment the process ended: a stop that ended badly (exit code, SIGKILL at the deadline) | failed | yes |
 * | inactive: ended cleanly, or stopped while it was backing off | stopped | yes |
 * | inactive, last exit not clean, yet the result is success: `reset-failed` by somebody, and no start after it | stopped | |
 * | inactive and never started since the manager began: only if it is not enabled (so nobody wants it started) | stopped | or not |
 *
 * Cannot be told apart: who asked for a stop (a person, the host's doctor, another unit). A stop of a unit that is dead already
 * leaves no trace. With another `Restart=` a clean end may be the process's own, so nothing is said of purpose.
 *
 * @throws RescueError `service-control` for text that is no such output or names an unknown state
 */
export function parseShow(text: string): UnitLook {
  const properties = toProperties(text);
  const state = stateOf(properties);
  const mainPid = Number(properties.get("MainPID") ?? 0);
  const lastExit = lastExitOf(properties);
  const changedMs = microseconds(properties, "StateChangeTimestampMonotonic");
  return {
    reading: {
      manager: "systemd",
      state,
      ...(mainPid > 0 ? { mainPid } : {}),
      ...(lastExit === undefined ? {} : { lastExit }),
      ...(stoppedOnPurpose(properties, state) ? { stoppedOnPurpose: true } : {}),
      ...(properties.get("LoadState") === "masked" ? { masked: true } : {}),
      ...(properties.has("NRestarts") ? { restarts: Number(properties.get("NRestarts")) } : {}),
    },
    ending: properties.get("ActiveState") === "deactivating",
    stopWithinMs: span(properties, "TimeoutStopUSec") ?? DEFAULT_STOP_MS,
    ...(state === "backing-off" && changedMs !== undefined ? { retryAtMs: changedMs + nextPauseMs(properties) } : {}),
  };
}

function stateOf(properties: Properties): ServiceState {
  const active = properties.get("ActiveState");
  const sub = properties.get("SubState") ?? "";
  // From systemd 254 on a unit passes through `failed-before-auto-restart`, and is `failed` for that moment.
  if (sub.includes("auto-restart")) return "backing-off";
  switch (active) {
    case "active":
    case "reloading":
    case "refreshing":
    case "deactivating":
      return "running";
    case "activating":
      return "starting";
    case "inactive":
      if (properties.get("LoadState") === "not-found") return "not-installed";
      // A queued job can only be a start here. A boot has many of them.
      return hasJob(properties) ? "starting" : "stopped";
    case "failed":
      // Its file was deleted while it ran; the manager keeps the name only to tell how it ended.
      if (properties.get("LoadState") === "not-found") return "not-installed";
      if (hasJob(properties)) return "starting";
      if (exitCode(properties) === EXIT_REFUSED) return "parked";
      return gaveUp(properties) ? "latched" : "failed";
    default:
      throw new RescueError("service-control", `systemctl names a state that is not known here: ${JSON.stringify(active ?? "none")}`);
  }
}

/**
 * The manager waited out the pause before a restart and then did not restart. `Result` alone does not tell: it keeps the reason of
 * the last failure. Nor does `NRestarts`, which a unit may collect in weeks, or not reach when people had a part in the starts.
 */
function gaveUp(properties: Properties): boolean {
  if (properties.get("Result") === "start-limit-hit") return true;
  if (properties.get("Restart") === "no") return false;
  const failedMs = microseconds(properties, "StateChangeTimestampMonotonic");
  const endedMs = microseconds(properties, "ExecMainExitTimestampMonotonic");
  // With growing pauses (`RestartSteps`) this is the shortest of them.
  const pause = span(properties, "RestartUSec") ?? 0;
  if (failedMs === undefined || endedMs === undefined || pause < SHORTEST_TELLING_PAUSE_MS) {
    const burst = Number(properties.get("StartLimitBurst") ?? 0);
    return burst > 0 && Number(properties.get("NRestarts") ?? 0) >= burst;
  }
  return failedMs - endedMs >= pause;
}

function stoppedOnPurpose(properties: Properties, state: ServiceState): boolean {
  if (properties.get("LoadState") === "masked") return state === "stopped" || state === "failed";
  if (properties.get("Restart") !== "always") return false;
  if (state === "failed") return properties.get("LoadState") === "loaded";
  if (state !== "stopped") return false;
  const everStarted = microseconds(properties, "ExecMainStartTimestampMonotonic") !== undefined;
  // An inactive unit that is not enabled is forgotten by the manager, its history with it.
  if (!everStarted) return properties.get("UnitFileState") === "disabled";
  return properties.get("Result") !== "success" || endedCleanly(properties);
}

/** As systemd counts it, plus the host's `SuccessExitStatus=0 143`. */
function endedCleanly(properties: Properties): boolean {
  const exit = lastExitOf(properties);
  if (exit === undefined) return true;
  if (exit.code !== undefined) return exit.code === 0 || exit.code === 143;
  return exit.signal !== undefined && ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"].includes(exit.signal);
}

function lastExitOf(properties: Properties): { code: number } | { code?: never; signal: string } | undefined {
  const how = Number(properties.get("ExecMainCode") ?? 0);
  const status = Number(properties.get("ExecMainStatus") ?? 0);
  if (how === 0) return undefined;
  if (how === CLD_EXITED) return { code: status };
  const name = Object.entries(constants.signals).find(([, number]) => number === status)?.[0];
  return { signal: name ?? `signal ${status}` };
}

function exitCode(properties: Properties): number | undefined {
  return lastExitOf(properties)?.code;
}

function hasJob(properties: Properties): boolean {
  return (properties.get("Job") ?? "") !== "";
}

function nextPauseMs(properties: Properties): number {
  return span(properties, "RestartUSecNext") ?? span(properties, "RestartUSec") ?? 0;
}

/** Undefined for a moment that never came, which systemd writes as 0. */
function microseconds(properties: Properties, name: string): number | undefined {
  const value = Number(properties.get(name) ?? 0);
  return value > 0 ? value / 1000 : undefined;
}

function span(properties: Properties, name: string): number | undefined {
  const text = properties.get(name);
  return text === undefined ? undefined : parseTimeSpanMs(text);
}

function toProperties(text: string): Properties {
  const properties = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) properties.set(line.slice(0, at), line.slice(at + 1));
  }
  if (!properties.has("ActiveState") || !properties.has("LoadState")) {
    throw new RescueError("service-control", `systemctl show gave no answer that can be read: ${JSON.stringify(text.slice(0, 200))}`);
  }
  return properties;
}
