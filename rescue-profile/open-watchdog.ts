import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceControl } from "../src/service-installers/installer.ts";
import { selectControl } from "../src/service-installers/select.ts";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { watchdogDir } from "../src/shared/rescue-home.ts";
import { type PolicySettings, parsePolicy } from "./config.ts";
import type { ProcessIdentity } from "./core/model.ts";
import { Journal, type JournalClock } from "./journal/journal.ts";
import { createLog, type WriteLog } from "./journal/log.ts";
import { openJournal } from "./journal/open.ts";
import { bootId, monotonicMs, wallMs } from "./observe/clock.ts";
import { readIdentity } from "./observe/process.ts";
import { resolveTarget, type Target } from "./observe/target.ts";
import { recallTarget, rememberTarget } from "./remembered-target.ts";
import { loadSettings, rememberPluginSettings, troubleWithChanges } from "./settings.ts";

export interface WatchdogOptions {
  readonly profile: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Who watches, for `status`: `watch`, `tick`, `plugin`. */
  readonly what: string;
  /**
   * Look even when the profile's configuration or our own settings are missing or broken: with the target of the last time and the default
   * settings. For those who must act in just that case (the runner, a pause), not for those who begin to watch.
   */
  readonly whatever?: boolean;
  /** Where the package is, when its code runs from a copy that the host throws away. */
  readonly packageRoot?: string | undefined;
  /** The plugin's configuration; without it `<dir>/config.json5` is read. */
  readonly fromPlugin?: unknown;
  readonly overrides?: readonly string[];
  /** Why nothing may be repaired at this moment, whatever is seen; see `Observation.hold`. */
  readonly hold?: () => string | undefined;
  /** Called whenever the loop moves, also while it stands by: for whoever restarts a watcher that does not. */
  readonly onBeat?: () => void;
  /** A copy of each log line, for a foreground watcher. */
  readonly onLine?: (line: string) => void;
}

export interface Watchdog {
  readonly dir: string;
  readonly target: Target;
  readonly settings: PolicySettings;
  readonly journal: Journal;
  readonly service: ServiceControl;
  readonly log: WriteLog;
  readonly options: WatchdogOptions;
}

/** Builds the real watchdog of a profile. Throws RescueError when the profile, its config, the settings or the journal cannot be used. */
export async function openWatchdog(options: WatchdogOptions): Promise<Watchdog> {
  const dir = watchdogDir(options.profile, options.home, options.env);
  const { target, warning } = await findTarget(dir, options);
  const settings = findSettings(dir, options);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (options.fromPlugin !== undefined) rememberPluginSettings(dir, options.fromPlugin);
  const log = createLog({
    file: logFile(dir),
    level: settings.log.level,
    maxBytes: settings.log.maxBytes,
    files: settings.log.files,
    ...(options.onLine === undefined ? {} : { also: options.onLine }),
  });
  if (warning === undefined) rememberTarget(dir, target);
  else log({ event: "config-warning", level: "warn", details: warning });
  const ignored = troubleWithChanges(dir);
  if (ignored !== undefined) log({ event: "changes-ignored", level: "warn", details: ignored });
  const opened = openedJournal(dir, log);
  const journal = new Journal(opened.db, journalClock(), selfIdentity());
  if (opened.setAside !== undefined) {
    log({ event: "journal-set-aside", level: "error", success: false, details: opened.setAside });
    journal.beginWithLittleBudget(options.profile, settings.limits.repairsPerHour - 1);
  }
  const service = selectControl({ profile: options.profile, stateDir: target.stateDir, env: options.env, platform: process.platform });
  return { dir, target, settings, journal, service, log, options };
}

/** Why it cannot be used stands in the log, too: who runs in a process apart has nobody who listens. */
function openedJournal(dir: string, log: WriteLog): ReturnType<typeof openJournal> {
  try {
    return openJournal(dir, { isAlive, wallMs: wallMs() });
  } catch (error) {
    log({ event: "journal-not-opened", level: "error", success: false, details: messageOf(error) });
    throw error;
  }
}

/** A config that is broken right now is a fault to watch, not a reason to look away: the target of the last time serves. */
export async function findTarget(
  dir: string,
  options: Pick<WatchdogOptions, "profile" | "home" | "env" | "whatever">,
): Promise<{ target: Target; warning?: string }> {
  try {
    return { target: await resolveTarget({ profile: options.profile, home: options.home, env: options.env }) };
  } catch (error) {
    if (!(error instanceof RescueError) || error.code === "usage") throw error;
    const remembered = error.code === "config-invalid" || options.whatever === true ? recallTarget(dir) : undefined;
    if (remembered === undefined) throw error;
    return { target: remembered, warning: messageOf(error) };
  }
}

function findSettings(dir: string, options: WatchdogOptions): PolicySettings {
  try {
    return loadSettings(dir, {
      ...(options.fromPlugin === undefined ? {} : { fromPlugin: options.fromPlugin }),
      ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
    });
  } catch (error) {
    if (options.whatever !== true || !(error instanceof RescueError)) throw error;
    return parsePolicy({});
  }
}

export function logFile(dir: string): string {
  return join(dir, "logs", "watchdog.jsonl");
}

export function journalClock(): JournalClock {
  return { boot: bootId(), monotonicMs, wallMs };
}

function selfIdentity(): ProcessIdentity {
  const self = readIdentity(process.pid);
  return { pid: process.pid, startTime: self?.startTime ?? 0 };
}

/** A process with this pid and start time. One that cannot be examined is taken for alive: nobody's lease is stolen on a guess. */
export function isAlive(pid: number, startTime: number): boolean {
  try {
    return readIdentity(pid)?.startTime === startTime;
  } catch {
    return true;
  }
}

export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
