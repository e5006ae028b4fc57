import type { DatabaseSync } from "node:sqlite";
import { asObject } from "../../src/shared/gateway-config.ts";
import type { Reading } from "../core/model.ts";
import { showable } from "./mask.ts";
import { seen, unseen } from "./reading.ts";
import { columnsOf, readSqlite } from "./sqlite.ts";

type FailingJob = { readonly name: string; readonly failures: number };

/** Once is an accident, twice a coincidence. The host itself waits 30 s, 60 s, 5 min after one, two, three. */
const FAILURES = 3;
const COLUMNS = ["name", "enabled", "state_json"] as const;

/** Jobs that are switched on and failed three times in a row or more, the worst first. Host: `cron_jobs`, whose `state_json` counts (measured). */
export function readFailingJobs(databasePath: string): Reading<readonly FailingJob[]> {
  const reading = readSqlite(databasePath, "the state database", failingJobs);
  return reading.ok ? reading : unseen(reading.why);
}

function failingJobs(database: DatabaseSync): Reading<readonly FailingJob[]> {
  const columns = columnsOf(database, "cron_jobs");
  const missing = COLUMNS.find((column) => !columns.includes(column));
  if (missing !== undefined) return unseen(`the state database has no cron_jobs.${missing}`);
  const rows = database.prepare(`SELECT ${COLUMNS.join(", ")} FROM cron_jobs WHERE enabled = 1`).all();
  const jobs = rows.map(({ name, state_json }) => ({ name: showable(String(name)), failures: consecutive(state_json) }));
  return seen(jobs.filter(({ failures }) => failures >= FAILURES).sort((a, b) => b.failures - a.failures));
}

function consecutive(state: unknown): number {
  if (typeof state !== "string") return 0;
  try {
    const failures = asObject(JSON.parse(state))["consecutiveErrors"];
    return typeof failures === "number" ? failures : 0;
  } catch (error) {
    if (error instanceof SyntaxError) return 0;
    throw error;
  }
}
