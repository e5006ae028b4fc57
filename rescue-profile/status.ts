import type { LogWindow } from "../src/service-installers/installer.ts";
import { nativeControl, selectControl } from "../src/service-installers/select.ts";
import { RescueError } from "../src/shared/errors.ts";
import { watchdogDir } from "../src/shared/rescue-home.ts";
import { toPolicy } from "./config.ts";
import { isWithdrawn } from "./consent.ts";
import { assess } from "./core/assess.ts";
import { nextAllowedMs } from "./core/limits.ts";
import type { Condition, ServiceReading, Verdict } from "./core/model.ts";
import { openJournalReader } from "./journal/open.ts";
import { type IncidentSummary, isHolding, readIncidents, readWatch } from "./journal/read.ts";
import { lookOnce } from "./loop-ports.ts";
import { bootId, monotonicMs } from "./observe/clock.ts";
import { findTarget, isAlive } from "./open-watchdog.ts";
import { loadSettings } from "./settings.ts";

export interface Status {
  readonly profile: string;
  readonly port: number;
  readonly stateDir: string;
  readonly watchdogDir: string;
  readonly verdict: Verdict;
  readonly condition: Condition;
  readonly evidence: readonly string[];
  readonly gateway: { readonly pid: number; readonly uptimeMs: number; readonly rssBytes: number } | null;
  readonly service: ServiceReading | null;
  /** Null: nobody watches. */
  readonly watcher: { readonly pid: number; readonly what: string } | null;
  /** The plugin is disabled or was uninstalled in this profile: the rescue gateway and its cron job do nothing. */
  readonly withdrawn: boolean;
  readonly phase: string | null;
  readonly lastLookAgoMs: number | null;
  readonly pause: { readonly by: string; readonly reason: string | null; readonly remainingMs: number | null } | null;
  readonly lastIncident: IncidentSummary | null;
  readonly repairsLastHour: number;
  /** 0: now. */
  readonly nextRepairInMs: number;
}

/** A fresh look and the journal's word, read-only. Throws RescueError when the profile was never
 * seen, and as the journal's reader does. */
export async function readStatus(options: { profile: string; home: string; env: NodeJS.ProcessEnv }): Promise<Status> {
  const dir = watchdogDir(options.profile, options.home, options.env);
  const { target, warning } = await findTarget(dir, { ...options, whatever: true });
  const settings = loadSettings(dir);
  const policy = toPolicy(settings);
  const service = selectControl({ profile: options.profile, stateDir: target.stateDir, env: options.env, platform: process.platform });
  const db = openJournalReader(dir);
  const observation = await lookOnce({ target, service, settings, journal: { isHolding: () => db !== undefined && isHolding(db) } });
  const seen = assess(observation, policy);
  const process_ = observation.process.ok && observation.process.value.state === "alive" ? observation.process.value : undefined;
  const manager = observation.probes?.service;

  const snapshot = db === undefined ? undefined : readWatch(db, options.profile);
  const lastIncident = db === undefined ? undefined : readIncidents(db, { limit: 1 })[0];
  db?.close();

  const now = monotonicMs();
  // Times of an earlier boot say nothing about now.
  const sameBoot = snapshot !== undefined && snapshot.boot === bootId();
  const state = snapshot?.state;
  const watcher = snapshot?.watcher;
  const watched =
    watcher != null && watcher.boot === bootId() && watcher.expiresMonotonicMs > now && isAlive(watcher.pid, watcher.startTime);
  const pause = state?.pause ?? null;
  const cause = state?.incident?.cause ?? "process-gone";
  return {
    profile: options.profile,
    port: target.port,
    stateDir: target.stateDir,
    watchdogDir: dir,
    verdict: seen.verdict,
    condition: seen.condition,
    evidence: warning === undefined ? seen.evidence : [warning, ...seen.evidence],
    gateway:
      process_ === undefined ? null : { pid: process_.identity.pid, uptimeMs: Math.round(process_.ageMs), rssBytes: process_.rssBytes },
    service: manager?.ok === true ? manager.value : null,
    watcher: watched ? { pid: watcher.pid, what: watcher.what } : null,
    withdrawn: isWithdrawn(options.profile, options.home),
    phase: state?.phase.name ?? null,
    lastLookAgoMs: sameBoot ? Math.max(0, Math.round(now - snapshot.state.track.lastMs)) : null,
    pause:
      pause === null || !sameBoot
        ? null
        : {
            by: pause.by,
            reason: pause.reason,
            remainingMs: pause.untilMs === null ? null : Math.max(0, Math.round(pause.untilMs - now)),
          },
    lastIncident: lastIncident ?? null,
    repairsLastHour: sameBoot && state !== undefined ? state.repairs.filter((at) => now - at < 3_600_000).length : 0,
    nextRepairInMs: sameBoot && state !== undefined ? Math.max(0, Math.round(nextAllowedMs(state, cause, now, policy) - now)) : 0,
  };
}

/** What the platform's service manager wrote about the gateway in a time, oldest first. Throws `service-control` when it cannot be asked. */
export async function readServiceLog(
  options: { profile: string; env: NodeJS.ProcessEnv },
  window: LogWindow,
  lines: number,
): Promise<readonly string[]> {
  const manager = nativeControl({ ...options, platform: process.platform });
  if (manager === undefined) throw new RescueError("service-control", `services of ${process.platform} are not supported`);
  return manager.logs(lines, window);
}
