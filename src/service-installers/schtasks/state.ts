import type { ServiceReading, ServiceState } from "../../../rescue-profile/core/model.ts";
import type { TaskLook } from "./look.ts";
import { mayBeEndedByScheduler, parseTask } from "./task-xml.ts";

/** The host asks with it not to be started again before its configuration is mended. */
const EXIT_REFUSED = 78;

/**
 * LastTaskResult where it is no exit code ("Task Scheduler Error and Success Constants", winerror.h, ntstatus.h). A program may end with
 * any of these numbers too; none of the host's does.
 */
const RESULT = {
  /** SCHED_S_TASK_RUNNING; of a task that does not run: it never came to record an end (power loss). */
  running: 0x4_1301,
  /** SCHED_S_TASK_HAS_NOT_RUN */
  neverRan: 0x4_1303,
  /** SCHED_S_TASK_TERMINATED: `/End`, or the End in the Task Scheduler's window; also a time limit's, where there is one. */
  ended: 0x4_1306,
  /** ERROR_REQUEST_REFUSED as HRESULT: a condition of the task (battery, no logon, an instance that runs already) forbade the start. */
  startRefused: 0x8007_10e0,
} as const;

/** NTSTATUS of a console program: Ctrl+C, its window closed, the user logged off. Which of them cannot be told. */
const CONTROL_C = 0xc000_013a;
/** DBG_TERMINATE_PROCESS: ended with the session, at logoff or shutdown. */
const SESSION_ENDED = 0x4001_0004;

/**
 * What the task says, together with the process that holds the gateway's own lock: a task has no pid, and both outlive each other (`/End`
 * leaves the gateway alive, openclaw's older launchers returned at once). Pure.
 *
 * | task | lock held | last result | state | on purpose |
 * |---|---|---|---|---|
 * | any | yes | | running | |
 * | running, queued | no | | starting | |
 * | disabled | no | | stopped | yes |
 * | ready | no | never ran, 0 | stopped | |
 * | | | 0x41306 and nothing but a person could end it | stopped | yes |
 * | | | 78 | parked | |
 * | | | 0x41306 otherwise, 0x41301, 0x800710E0, 0xC000013A, any other | failed | |
 *
 * Never `backing-off`: the Task Scheduler starts a run anew that it could not start, not one that ended badly (duolahypercho/codex-router
 * issue 581: not after 0xFFFFFFFF, with 999 restarts allowed). Never `latched`: it keeps no count that can be read.
 *
 * @throws RescueError `service-control` when the definition has to be understood for an answer, and is not
 */
export function readingOf(look: TaskLook, mainPid: number | undefined): ServiceReading {
  const exit = mainPid === undefined && look.state === "ready" ? exitOf(look.lastResult) : undefined;
  const state = stateOf(look, mainPid);
  const onPurpose = state === "stopped" && (look.state === "disabled" || look.lastResult === RESULT.ended);
  return {
    manager: "schtasks",
    state,
    ...(mainPid === undefined ? {} : { mainPid }),
    ...(exit === undefined ? {} : { lastExit: exit }),
    ...(onPurpose ? { stoppedOnPurpose: true } : {}),
  };
}

function stateOf(look: TaskLook, mainPid: number | undefined): ServiceState {
  if (mainPid !== undefined) return "running";
  switch (look.state) {
    case "running":
    case "queued":
      return "starting";
    case "disabled":
      return "stopped";
    case "ready":
      break;
  }
  switch (look.lastResult) {
    case 0:
    case RESULT.neverRan:
      return "stopped";
    case RESULT.ended:
      return mayBeEndedByScheduler(parseTask(look.xml)) ? "failed" : "stopped";
    case EXIT_REFUSED:
      return "parked";
    default:
      return "failed";
  }
}

/** How its process ended; undefined when the number is the Task Scheduler's own and there was no end to speak of. */
function exitOf(result: number): ServiceReading["lastExit"] {
  if (result === CONTROL_C) return { signal: "STATUS_CONTROL_C_EXIT" };
  if (result === SESSION_ENDED) return { signal: "DBG_TERMINATE_PROCESS" };
  if (result >>> 16 === RESULT.running >>> 16 || isHresult(result)) return undefined;
  // A crash, as Windows numbers it: 0xC0000005 is an access violation.
  return result >>> 28 === 0xc ? { signal: hex(result) } : { code: result };
}

/** What the last result means where it explains why nothing runs; for error messages. Pure. */
export function resultText(result: number): string {
  if (result === RESULT.startRefused) return `${hex(result)}: a condition of the task forbids the start, or the user is not logged on`;
  if (result === RESULT.running) return `${hex(result)}: running`;
  if (result === RESULT.neverRan) return `${hex(result)}: it has never run`;
  if (result === RESULT.ended) return `${hex(result)}: it was ended`;
  return hex(result);
}

/** Facility 7 with the error bit: a Windows error in the Task Scheduler's hands, such as 0x80070002, no such program. 4 is its own. */
function isHresult(result: number): boolean {
  return [0x8007, 0x8004].includes(result >>> 16);
}

const hex = (result: number) => `0x${result.toString(16).toUpperCase()}`;
