import { join } from "node:path";
import { asObject, type JsonObject } from "../shared/gateway-config.ts";
import { OWN_COMMAND } from "../shared/rescue-home.ts";

/** One job per rescue profile, whoever declares it and how often. */
export const CRON_DECLARATION = "rescue-watchdog:tick";
const EVERY_MS = 60_000;

/** What the rescue gateway's cron job runs: one bounded round for the primary, while that still wants to be watched. */
export function tickArgv(packageRoot: string, primary: string): readonly string[] {
  return [process.execPath, join(packageRoot, OWN_COMMAND), "tick", "--profile", primary, "--for", "20s", "--while-enabled"];
}

/**
 * The backstop as the host stores it: a `command`, argv only; its exit is 0 by contract, because the host disables a job that fails.
 * `argv` is absolute, no shell.
 */
export function backstopJob(argv: readonly string[]): JsonObject {
  return {
    declarationKey: CRON_DECLARATION,
    name: "rescue-watchdog tick",
    enabled: true,
    schedule: { kind: "every", everyMs: EVERY_MS },
    sessionTarget: "isolated",
    wakeMode: "now",
    payload: { kind: "command", argv, timeoutSeconds: 45 },
    delivery: { mode: "none" },
  };
}

/**
 * What mends a job whose next run lies absurdly far ahead, or undefined when it is fine. After a clock that ran ahead was set back, the host keeps the
 * old `nextRunAtMs`, through restarts and through declaring the job again; only a new anchor moves it (docs/host-onboarding.md, 4).
 */
export function reanchored(job: unknown, nowMs: number): JsonObject | undefined {
  const nextRunMs = asObject(asObject(job)["state"])["nextRunAtMs"];
  if (typeof nextRunMs !== "number" || nextRunMs <= nowMs + 2 * EVERY_MS) return undefined;
  return { schedule: { kind: "every", everyMs: EVERY_MS, anchorMs: nowMs } };
}

/** The backstop among the jobs of a gateway. */
export function findBackstop(jobs: unknown): JsonObject | undefined {
  return Array.isArray(jobs) ? jobs.map(asObject).find((job) => job["declarationKey"] === CRON_DECLARATION) : undefined;
}
