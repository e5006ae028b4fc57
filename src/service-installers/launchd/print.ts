import type { ServiceReading, ServiceState } from "../../../rescue-profile/core/model.ts";
import { RescueError } from "../../shared/errors.ts";

/** A loaded job at one moment: the reading everybody gets, and what only this folder needs. */
export interface JobLook {
  readonly reading: ServiceReading;
  /** Its process is being ended (`state = SIGTERMed`): after a bootout the job is still there until it has died. */
  readonly ending: boolean;
  /** Spawns since the job was loaded, the first one included. */
  readonly runs: number;
  /** From the orderly signal to launchd's SIGKILL (`ExitTimeOut`). */
  readonly stopWithinMs: number;
  /** launchd could not even execute the program (missing, not signed as it was): its 78 is then its own, not the host's. */
  readonly spawnFailed: boolean;
  /** Why launchd holds back a start that nobody asked for (`inefficient`, `speculative`); it may do so for hours, a kickstart ends it. */
  readonly heldBack?: string;
}

/** The host asks with it not to be started again before its configuration is mended; launchd does not honour it. */
const EXIT_REFUSED = 78;
const DEFAULT_STOP_MS = 20_000;

/** Darwin's numbers (signal.h), which are not Linux's: this file must read a Mac's output anywhere. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGBUS",
  11: "SIGSEGV",
  12: "SIGSYS",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  30: "SIGUSR1",
  31: "SIGUSR2",
};

/** What is read; everything else differs between versions and is not looked at. */
const FIELDS: ReadonlySet<string> = new Set([
  "state",
  "pid",
  "runs",
  "exit timeout",
  "last exit code",
  "last terminating signal",
  "pended nondemand spawn",
  "job state",
  "properties",
]);

type Fields = ReadonlyMap<string, string>;

/**
 * `launchctl print DOMAIN/LABEL` of a loaded job → what it says. Pure. Apple calls the format "NOT API in any sense at all"
 * (launchctl(1)), so whatever is not known here is "could not look", never a guess.
 *
 * | launchd says | state |
 * |---|---|
 * | running, or another word and a pid | running; `ending` for SIGTERMed, SIGKILLed |
 * | xpcproxy, spawning: launchd's helper before the program | starting |
 * | spawn scheduled, never exited | starting |
 * | no process, last exit 78 | parked, though launchd tries again every ThrottleInterval |
 * | spawn scheduled | backing-off |
 * | waiting, not running, exited; KeepAlive | failed: launchd owes a start and holds it back |
 * | waiting, not running, exited; no KeepAlive | stopped |
 *
 * @throws RescueError `service-control` for text that is no such output, names a field twice or names an unknown state
 */
export function parsePrint(text: string): JobLook {
  const fields = toFields(text);
  const pid = count(fields, "pid") ?? 0;
  const runs = count(fields, "runs") ?? 0;
  const lastExit = lastExitOf(fields);
  const ending = /^SIG[A-Z]+ed$/.test(fields.get("state") ?? "");
  const heldBack = fields.get("pended nondemand spawn");
  return {
    reading: {
      manager: "launchd",
      state: stateOf(fields, pid, lastExit?.code),
      ...(pid > 0 ? { mainPid: pid } : {}),
      ...(lastExit === undefined ? {} : { lastExit }),
      restarts: Math.max(0, runs - 1),
    },
    ending,
    runs,
    stopWithinMs: (count(fields, "exit timeout") ?? DEFAULT_STOP_MS / 1000) * 1000,
    spawnFailed: fields.get("job state") === "spawn failed",
    ...(heldBack === undefined || heldBack === "false" ? {} : { heldBack }),
  };
}

function stateOf(fields: Fields, pid: number, lastCode: number | undefined): ServiceState {
  const said = fields.get("state") ?? "none";
  switch (said) {
    case "running":
      return "running";
    case "SIGTERMed":
    case "SIGKILLed":
      return pid > 0 ? "running" : "stopped";
    case "xpcproxy":
    case "spawning":
      return "starting";
    case "spawn scheduled":
      if (pid > 0) return "starting";
      if (lastCode === EXIT_REFUSED) return "parked";
      return fields.has("last terminating signal") || lastCode !== undefined ? "backing-off" : firstSpawn(fields);
    case "waiting":
    case "not running":
    case "exited":
      if (lastCode === EXIT_REFUSED) return "parked";
      return hasProperty(fields, "keepalive") ? "failed" : "stopped";
    default:
      throw failure(`launchctl names a state that is not known here: ${JSON.stringify(said)}`);
  }
}

/** A job that was killed by the system has neither code nor signal (`last exit reason = JETSAM_…`), but it has run. */
function firstSpawn(fields: Fields): ServiceState {
  return (count(fields, "runs") ?? 0) > 1 ? "backing-off" : "starting";
}

/** A signal replaces the code; where both stand, the signal is the newer one. */
function lastExitOf(fields: Fields): { code: number } | { code?: never; signal: string } | undefined {
  const killed = fields.get("last terminating signal");
  if (killed !== undefined) {
    // `Killed: 9`, `Segmentation fault: 11`
    const number = Number(/(\d+)$/.exec(killed)?.[1]);
    return { signal: SIGNALS[number] ?? `signal ${killed}` };
  }
  // `0`, `78: EX_CONFIG`, `(never exited)`
  const code = /^(\d+)(?::|$)/.exec(fields.get("last exit code") ?? "")?.[1];
  return code === undefined ? undefined : { code: Number(code) };
}

function hasProperty(fields: Fields, name: string): boolean {
  return (fields.get("properties") ?? "").split("|").some((word) => word.trim() === name);
}

function count(fields: Fields, name: string): number | undefined {
  const text = fields.get(name);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw failure(`launchctl print says ${name} = ${JSON.stringify(text)}`);
  return Number(text);
}

/**
 * The job's own fields stand one tab deep; coalitions and endpoints repeat `state` deeper. Arguments are printed raw, line breaks
 * included, so that one could pose as a field: then the field is there twice, and nothing is believed.
 */
function toFields(text: string): Fields {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name = "", value = ""] = /^\t([^\t=][^=]*?) = (.*)$/.exec(line) ?? [];
    if (!FIELDS.has(name)) continue;
    const before = fields.get(name);
    if (before !== undefined && before !== value) throw failure(`launchctl print names ${name} twice`);
    fields.set(name, value);
  }
  if (!fields.has("state")) throw failure(`launchctl print gave no answer that can be read: ${JSON.stringify(text.slice(0, 200))}`);
  return fields;
}

/**
 * `launchctl print-disabled DOMAIN` → whether the label is disabled. Pure. Since macOS 13 the word is `disabled`, before it was `true`.
 * A label that is not listed was never touched. Throws `service-control` for text that is no such list.
 */
export function parseDisabled(text: string, label: string): boolean {
  const [, list] = /disabled services = \{\n([^}]*)\}/.exec(text) ?? [];
  if (list === undefined) throw failure(`launchctl print-disabled gave no list: ${JSON.stringify(text.slice(0, 200))}`);
  const line = list.split("\n").find((entry) => entry.trim().startsWith(`"${label}" =>`));
  if (line === undefined) return false;
  const word = line.slice(line.indexOf("=>") + 2).trim();
  if (word === "disabled" || word === "true") return true;
  if (word === "enabled" || word === "false") return false;
  throw failure(`launchctl print-disabled says ${JSON.stringify(word)} of ${label}`);
}

const failure = (message: string) => new RescueError("service-control", message);
