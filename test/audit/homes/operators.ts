import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { PristineHome } from "./pristine.ts";

const PLUGIN = fileURLToPath(new URL("../../fixtures/audit-plugin", import.meta.url));
const HOUR_MS = 3_600_000;
/** By which eight of twelve jobs failed, 4 to 20 times in a row each. */
export const UNKNOWN_MODEL = "local/qwen-3.5-72b";

/**
 * Everything that three operators' logs describe, in one home: a job of the wrong kind, eight jobs under one unknown model, a device that asks for a repair of its
 * pairing, no list of plugins, a configuration that others may read and of which there is no copy, webhooks with a short secret, a stale cache, a workspace that
 * drifted from its source, no backups, a log without a bound. Returns that log.
 */
export function operatorsHome(home: PristineHome): string {
  const at = (...parts: string[]) => path.join(home.home, "declared", ...parts);
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  const copyJob = (number: number) => {
    const state = JSON.stringify({
      consecutiveErrors: 2 + 2 * number,
      lastRunStatus: "error",
      lastError: `FailoverError: Unknown model: ${UNKNOWN_MODEL}`,
      lastErrorReason: "model_not_found",
      lastRunAtMs: Date.now() - HOUR_MS,
      nextRunAtMs: Date.now() + HOUR_MS,
    });
    return `INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, sort_order, updated_at)
      SELECT store_key, 'job-${number}', 'job ${number}', 1, payload_kind,
      json_set(job_json, '$.id', 'job-${number}', '$.name', 'job ${number}', '$.payload.model', '${UNKNOWN_MODEL}'), '${state}', 100 + ${number}, updated_at
      FROM cron_jobs WHERE job_id = '${home.jobs.report}'`;
  };
  home.sql(
    [
      ...Array.from({ length: 8 }, (_, index) => copyJob(index + 1)),
      `UPDATE cron_jobs SET job_json = json_set(job_json, '$.sessionTarget', 'isolated') WHERE job_id = '${home.jobs.wake}'`,
      `INSERT INTO device_pairing_pending (request_id, device_id, public_key, client_id, client_mode, role, scopes_json, is_repair, ts)
        VALUES ('req-7', 'device-7', 'key', 'gateway-client', 'backend', 'operator', '["operator.read","operator.write"]', 1, ${Date.now()})`,
    ].join(";"),
  );
  cpSync(PLUGIN, path.join(home.stateDir, "extensions", "audit-plugin"), { recursive: true });
  home.config((config) => {
    const plugins = config["plugins"] as { entries: Record<string, object> };
    plugins.entries["audit-plugin"] = { enabled: true };
    Object.assign(config["hooks"] as object, { token: "hunter2" });
  });
  rmSync(`${home.configPath}.last-good`);
  chmodSync(home.configPath, 0o644);
  write("cache.json", JSON.stringify({ updatedAt: new Date(Date.now() - 72 * HOUR_MS).toISOString() }));
  write("copy/SOUL.md", "what somebody changed here");
  write("source/SOUL.md", "the source of truth");
  mkdirSync(at("backups"), { recursive: true });
  home.settings({
    audit: {
      fresh: [{ path: at("cache.json"), field: "updatedAt", maxAgeSeconds: 86_400 }],
      sources: [{ path: at("copy"), source: at("source") }],
      backups: [{ path: at("backups"), maxAgeSeconds: 86_400 }],
      maxLogBytes: 1_048_576,
    },
  });
  const log = path.join(home.stateDir, "logs", "gateway.log");
  writeFileSync(log, "a line that says nothing\n".repeat(100_000), { mode: 0o600 });
  return log;
}
