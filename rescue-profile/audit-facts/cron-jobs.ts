import type { DatabaseSync } from "node:sqlite";
import { asObject } from "../../src/shared/gateway-config.ts";
import { jsonObject } from "../../src/shared/json.ts";
import type { CronJob } from "../audit/facts.ts";
import type { Reading } from "../core/model.ts";
import { showable } from "../observe/mask.ts";
import { seen, unseen } from "../observe/reading.ts";
import { columnsOf, readSqlite } from "../observe/sqlite.ts";

const JOBS = ["job_id", "name", "enabled", "payload_kind", "job_json", "state_json", "declaration_key"] as const;
const RECEIPTS = ["job_id", "status", "started_at_ms", "finished_at_ms"] as const;
/** Of the newest receipts: enough for 50 of each of some hundred jobs. */
const MAX_RECEIPTS = 20_000;
const RUNS = 50;
/** Declared by the host itself (2026.9.6). */
const HOSTS = /^(?:heartbeat|skill-collection-review|memory-core):/;

/** All scheduled jobs, by the host's state database, with how their runs went. */
export function readCronJobs(databasePath: string): Reading<readonly CronJob[]> {
  const reading = readSqlite(databasePath, "the state database", jobsIn);
  if (reading.ok) return reading;
  // A gateway that never ran has no jobs; a database that was lost is told as such.
  return reading.fault === "missing" ? seen([]) : unseen(reading.why);
}

function jobsIn(database: DatabaseSync): Reading<readonly CronJob[]> {
  const columns = columnsOf(database, "cron_jobs");
  const missing = JOBS.find((column) => !columns.includes(column));
  if (missing !== undefined) return unseen(`the state database has no cron_jobs.${missing}`);
  const runs = runsIn(database);
  if (!runs.ok) return runs;
  const rows = database.prepare(`SELECT ${JOBS.join(", ")} FROM cron_jobs`).all();
  return seen(rows.map((row) => jobOf(row, runs.value.get(String(row["job_id"])) ?? [])));
}

function runsIn(database: DatabaseSync): Reading<ReadonlyMap<string, CronJob["runs"][number][]>> {
  const columns = columnsOf(database, "cron_run_receipts");
  const missing = RECEIPTS.find((column) => !columns.includes(column));
  if (missing !== undefined) return unseen(`the state database has no cron_run_receipts.${missing}`);
  const found = database
    .prepare(
      `SELECT ${RECEIPTS.join(", ")} FROM cron_run_receipts WHERE finished_at_ms IS NOT NULL ORDER BY started_at_ms DESC LIMIT ${MAX_RECEIPTS}`,
    )
    .iterate();
  const runs = new Map<string, CronJob["runs"][number][]>();
  for (const { job_id: id, status, started_at_ms: started, finished_at_ms: finished } of found) {
    const of = runs.get(String(id)) ?? [];
    if (of.length < RUNS) of.push({ status: String(status), tookMs: Number(finished) - Number(started) });
    runs.set(String(id), of);
  }
  return seen(runs);
}

function jobOf(row: Readonly<Record<string, unknown>>, runs: CronJob["runs"]): CronJob {
  const job = jsonObject(row["job_json"]);
  const state = jsonObject(row["state_json"]);
  const payload = asObject(job["payload"]);
  const schedule = asObject(job["schedule"]);
  const disabled = asObject(state["autoDisabled"]);
  const timeoutSeconds = number(payload["timeoutSeconds"]);
  const error = state["lastError"] ?? state["lastRunError"];
  return {
    id: showable(String(row["job_id"])),
    name: showable(String(row["name"])),
    enabled: Number(row["enabled"]) === 1,
    hosts: HOSTS.test(String(row["declaration_key"] ?? "")) || row["payload_kind"] === "heartbeat",
    payload: showable(String(row["payload_kind"])),
    sessionTarget: showable(String(job["sessionTarget"] ?? "")),
    model: text(payload["model"]),
    fallbacks: (Array.isArray(payload["fallbacks"]) ? payload["fallbacks"] : []).flatMap((each) => text(each) ?? []),
    schedule: {
      kind: showable(String(schedule["kind"] ?? "")),
      everyMs: number(schedule["everyMs"]),
      atMs: number(schedule["atMs"]) ?? date(schedule["at"]),
      expr: text(schedule["expr"]),
    },
    timeoutMs: timeoutSeconds === null ? null : timeoutSeconds * 1000,
    createdMs: number(job["createdAtMs"]) ?? 0,
    nextRunMs: number(state["nextRunAtMs"]),
    lastRunMs: number(state["lastRunAtMs"]),
    runningSinceMs: number(state["runningAtMs"]),
    consecutiveErrors: number(state["consecutiveErrors"]) ?? 0,
    lastError: typeof error === "string" ? showable(error) : null,
    errorReason: text(state["lastErrorReason"]),
    autoDisabled: typeof disabled["atMs"] === "number" ? { reason: text(disabled["reason"]) ?? "", atMs: disabled["atMs"] } : null,
    runs,
  };
}

const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? showable(value) : null);

function date(value: unknown): number | null {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
