import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { LogLine } from "../../rescue-profile/observe/log-line.ts";
import { resolveTarget, type Target } from "../../rescue-profile/observe/target.ts";
import { tempDir } from "./support.ts";

/** A profile as the host leaves it after it served: configuration, state database and the agent's. */
export async function servedHome(config: object = {}): Promise<{ home: string; target: Target; agentDatabase: string }> {
  const { home, target } = await configuredHome(config);
  const agentDatabase = path.join(target.stateDir, "agents", "main", "agent", "openclaw-agent.sqlite");
  for (const file of [target.databasePath, agentDatabase]) mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  makeDatabase(target.databasePath, 1_795_275_081_707);
  makeDatabase(agentDatabase, 1_795_275_321_978);
  return { home, target, agentDatabase };
}

/** A profile with nothing but its configuration. */
export async function configuredHome(config: object = {}): Promise<{ home: string; target: Target }> {
  const home = tempDir();
  const stateDir = path.join(home, ".openclaw");
  mkdirSync(stateDir, { mode: 0o700 });
  writeFileSync(path.join(stateDir, "openclaw.json"), JSON.stringify({ gateway: { mode: "local" }, ...config }), { mode: 0o600 });
  return { home, target: await resolveTarget({ profile: "default", home, env: {} }) };
}

/** One of the host's databases, with what identifies it and enough pages to damage one. Made once: most of a test's time would go there. */
export function makeDatabase(file: string, createdAtMs: number): void {
  if (template === undefined) {
    runSql(
      file,
      `PRAGMA user_version = 18; BEGIN;
      CREATE TABLE schema_meta (meta_key TEXT NOT NULL PRIMARY KEY, role TEXT, schema_version INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER);
      CREATE TABLE filler (text TEXT); CREATE INDEX filler_text ON filler (text);
      INSERT INTO filler WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT printf('%0100d', i) FROM n; COMMIT`,
    );
    template = readFileSync(file);
  }
  writeFileSync(file, template);
  runSql(file, `INSERT INTO schema_meta VALUES ('primary', 'global', 18, ${createdAtMs}, ${createdAtMs})`);
}

let template: Buffer | undefined;

export function runSql(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA synchronous = OFF; ${sql}`);
  database.close();
}

/** Every file below with its size and time, to prove that looking left no trace. */
export function footprint(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const { size, mtimeMs, mode } = statSync(path.join(directory, name));
      return `${name} ${size} ${mtimeMs} ${mode}`;
    });
}

export function said(...lines: readonly string[]): LogLine[] {
  return lines.map((text) => ({ text }));
}
