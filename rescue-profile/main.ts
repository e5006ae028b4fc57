import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ServiceControl } from "../src/service-installers/installer.ts";
import { selectControl } from "../src/service-installers/select.ts";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { scrubbedEnv } from "../src/shared/openclaw-home.ts";
import { watchdogDir } from "../src/shared/rescue-home.ts";
import { type PolicySettings, parsePolicy, toPolicy } from "./config.ts";
import type { Observation, ProcessIdentity } from "./core/model.ts";
import type { WatchState } from "./core/state.ts";
import {
  isJournalTrouble,
  Journal,
  type JournalClock,
  type Lease,
  LeaseLost,
  type LeaseResult,
  type RequestRow,
} from "./journal/journal.ts";
import { createLog, type WriteLog } from "./journal/log.ts";
import { openJournal } from "./journal/open.ts";
import { type LoopPorts, watch } from "./loop.ts";
import { newsLines } from "./news.ts";
import { bootId, monotonicMs, wallMs } from "./observe/clock.ts";
import { look } from "./observe/look.ts";
import { readIdentity } from "./observe/process.ts";
import { refreshTarget, resolveTarget, type Target } from "./observe/target.ts";
import { recallTarget, rememberTarget } from "./remembered-target.ts";
import { loadSettings, rememberPluginSettings } from "./settings.ts";

/** Longer than a watcher sleeps and looks between two renewals, short enough that a frozen watcher is replaced soon. */
function leaseMs({ watch: { baselineSeconds, identitySeconds, recheckSeconds, slowRecheckSeconds } }: PolicySettings): number {
  return 3_000 * Math.max(10, baselineSeconds, identitySeconds, recheckSeconds, 5 * slowRecheckSeconds);
}

/** How long a request waits for whoever watches. */
const ANSWER_MS = 60_000;
const STANDBY_POLL_MS = 2_000;
/** A runner that was just spawned has not claimed its repair yet. */
const RUNNER_START_MS = 10_000;
/** A repair whose runner was killed is taken up again this often before it counts as lost. */
const MAX_RUNS = 3;

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
  /** The plugin's configuration; without it `<dir>/config.json5` is read. */
  readonly fromPlugin?: unknown;
  readonly overrides?: readonly string[];
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
  const opened = openJournal(dir, { isAlive, wallMs: wallMs() });
  const journal = new Journal(opened.db, journalClock(), selfIdentity());
  if (opened.setAside !== undefined) {
    log({ event: "journal-set-aside", level: "error", success: false, details: opened.setAside });
    journal.beginWithLittleBudget(options.profile, settings.limits.repairsPerHour - 1);
  }
  const service = selectControl({ profile: options.profile, stateDir: target.stateDir, env: options.env, platform: process.platform });
  return { dir, target, settings, journal, service, log, options };
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

/**
 * Watches until the signal aborts. When another process watches already, waits for its lease: whoever dies or freezes is replaced.
 * `onStandby` is called with who watches, once per holder.
 */
export async function watchForever(
  dog: Watchdog,
  signal: AbortSignal,
  onStandby: (by: { pid: number; what: string }) => void,
): Promise<void> {
  let standbyFor = 0;
  while (!signal.aborted) {
    const taken = await acquireWatch(dog, signal);
    if (taken === undefined) continue;
    if (!taken.held) {
      if (taken.by.pid !== standbyFor) onStandby(taken.by);
      standbyFor = taken.by.pid;
      await sleep(STANDBY_POLL_MS, signal);
      continue;
    }
    standbyFor = 0;
    dog.log({
      event: "watch-started",
      trigger: dog.options.what,
      details: { profile: dog.target.profile, port: dog.target.port, pid: process.pid },
    });
    try {
      await watch(dog.journal.loadState(dog.options.profile), toPolicy(dog.settings), loopPorts(dog, taken.lease), signal);
      dog.log({ event: "watch-ended", trigger: dog.options.what });
    } catch (error) {
      if (error instanceof LeaseLost) dog.log({ event: "watch-lost-lease", level: "warn", details: error.message });
      else if (isJournalTrouble(error)) await troubled(dog, error, signal);
      else throw error;
    } finally {
      releaseQuietly(dog, taken.lease);
    }
  }
}

async function acquireWatch(dog: Watchdog, signal: AbortSignal): Promise<LeaseResult | undefined> {
  try {
    return dog.journal.acquire("watch", dog.options.what, leaseMs(dog.settings), isAlive);
  } catch (error) {
    if (!isJournalTrouble(error)) throw error;
    await troubled(dog, error, signal);
    return undefined;
  }
}

const TROUBLE_MS = 5_000;

/** What is done must be written first; while nothing can be written nothing is done, and it is tried again. */
async function troubled(dog: Watchdog, error: unknown, signal: AbortSignal): Promise<void> {
  dog.log({ event: "journal-not-written", level: "error", success: false, details: messageOf(error) });
  await sleep(TROUBLE_MS, signal);
}

function releaseQuietly(dog: Watchdog, lease: Lease): void {
  try {
    dog.journal.release(lease);
  } catch (error) {
    // It runs out by itself.
    if (!isJournalTrouble(error)) throw error;
  }
}

export type TickResult =
  | { readonly watched: true; readonly state: WatchState }
  | { readonly watched: false; readonly by: { pid: number; what: string } };

/**
 * One round: looks until nothing is suspicious, or a repair is on its way, or `maxMs` has passed. For cron jobs and timers. When another
 * process watches, looks away and says who.
 */
export async function tick(dog: Watchdog, maxMs: number, signal: AbortSignal): Promise<TickResult> {
  const taken = dog.journal.acquire("watch", dog.options.what, leaseMs(dog.settings), isAlive);
  if (!taken.held) return { watched: false, by: taken.by };
  const endMs = monotonicMs() + maxMs;
  try {
    const state = await watch(
      dog.journal.loadState(dog.options.profile),
      toPolicy(dog.settings),
      loopPorts(dog, taken.lease),
      signal,
      (decision, seen) => {
        const calm = seen.verdict === "up" || seen.condition === "stopped-cleanly";
        return monotonicMs() >= endMs || (calm && decision.state.incident === null && decision.state.phase.name === "watching");
      },
    );
    return { watched: true, state };
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    return { watched: false, by: { pid: 0, what: "another watcher, which took over" } };
  } finally {
    releaseQuietly(dog, taken.lease);
  }
}

/**
 * Leaves a request for whoever watches and waits for the answer; when nobody watches, watches for one round itself.
 * Resolves to the decision's reason.
 */
export async function request(
  dog: Watchdog,
  kind: RequestRow["kind"],
  payload: RequestRow["payload"],
  by: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const id = dog.journal.addRequest(kind, payload, by);
  const endMs = monotonicMs() + ANSWER_MS;
  while (monotonicMs() < endMs && !signal.aborted) {
    const answer = dog.journal.requestAnswer(id);
    if (answer !== undefined) return answer;
    // Short rounds: a living watcher answers within a second, and keeps its lease.
    await tick(dog, 0, signal);
    if (dog.journal.requestAnswer(id) === undefined) await sleep(200, signal);
  }
  return dog.journal.withdrawRequest(id);
}

/** One fresh full look, without deciding anything; for `status`. */
export async function lookOnce(dog: Pick<Watchdog, "target" | "service" | "settings">): Promise<Observation> {
  return look({
    target: dog.target,
    depth: "full",
    lateMs: 0,
    clockGapMs: 0,
    probeTimeoutMs: dog.settings.watch.probeTimeoutSeconds * 1000,
    resources: true,
    serviceStatus: () => dog.service.status(),
  });
}

function loopPorts(dog: Watchdog, lease: Lease): LoopPorts {
  let target = dog.target;
  let lastWarning = "";
  let lastClocks: { monotonicMs: number; wallMs: number } | undefined;
  const spawnedAt = new Map<number, number>();
  return {
    monotonicMs,
    sleep,
    look: async (depth, lateMs) => {
      const clocks = { monotonicMs: monotonicMs(), wallMs: wallMs() };
      const gap = lastClocks === undefined ? 0 : clocks.wallMs - lastClocks.wallMs - (clocks.monotonicMs - lastClocks.monotonicMs);
      lastClocks = clocks;
      if (depth === "full") {
        const refreshed = await refreshTarget(target);
        target = refreshed.target;
        if (refreshed.warning === undefined) rememberTarget(dog.dir, target);
        if (refreshed.warning !== undefined && refreshed.warning !== lastWarning) {
          dog.log({ event: "config-warning", level: "warn", details: refreshed.warning });
        }
        lastWarning = refreshed.warning ?? "";
      }
      return look({
        target,
        depth,
        lateMs,
        clockGapMs: gap,
        probeTimeoutMs: dog.settings.watch.probeTimeoutSeconds * 1000,
        resources: true,
        serviceStatus: () => dog.service.status(),
      });
    },
    commit: (state, actions) => dog.journal.commit(dog.options.profile, lease, state, actions),
    renewLease: () => dog.journal.renew(lease, leaseMs(dog.settings)),
    startRepair: (id) => {
      spawnedAt.set(id, monotonicMs());
      spawnRunner(dog, id);
    },
    repairOutcome: (incident) => {
      const repair = dog.journal.latestRepair(incident);
      if (repair === undefined) return { state: "lost", id: 0, note: "the journal does not know it" };
      const { id, outcome, runner, runs } = repair;
      if (outcome !== null) return { state: outcome, id, note: repair.note ?? "" };
      if (runner !== null && isAlive(runner.pid, runner.startTime)) return { state: "running", id, note: "" };
      if (monotonicMs() - (spawnedAt.get(id) ?? Number.NEGATIVE_INFINITY) < RUNNER_START_MS) return { state: "running", id, note: "" };
      if (runs < MAX_RUNS) return { state: "orphaned", id, note: "" };
      dog.journal.endRepair(id, "lost", `its runner was ended ${runs} times`);
      return { state: "lost", id, note: `its runner was ended ${runs} times` };
    },
    requests: () => dog.journal.openRequests(),
    answer: (id, text) => dog.journal.answerRequest(id, text),
    told: (news) => {
      for (const line of newsLines(news)) dog.log(line);
    },
  };
}

/** The repair runs in a process of its own, in its own session: it must outlive whoever decided on it. */
function spawnRunner(dog: Watchdog, id: number): void {
  const entry = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./runner-main.ts" : "./runner-main.js", import.meta.url));
  const child = spawn(process.execPath, [entry, dog.options.profile, String(id)], {
    detached: true,
    stdio: "ignore",
    cwd: dog.options.home,
    env: { ...scrubbedEnv(dog.options.env), HOME: dog.options.home },
  });
  child.on("error", (error) => dog.log({ event: "runner-not-started", level: "error", success: false, details: error.message }));
  child.unref();
}

export function journalClock(): JournalClock {
  return { boot: bootId(), monotonicMs, wallMs };
}

export function selfIdentity(): ProcessIdentity {
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
