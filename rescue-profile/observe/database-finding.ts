import { readdirSync } from "node:fs";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { DatabaseFinding } from "../core/findings.ts";
import type { Reading } from "../core/model.ts";
import type { LogLine } from "./log-line.ts";
import { seen, unseen } from "./reading.ts";
import type { Served } from "./served.ts";
import { columnsOf, readSqlite, type SqliteReading, sizeOf } from "./sqlite.ts";
import type { Target } from "./target.ts";

/** What one look into a database says. */
interface Inside {
  /** When its first row was written: `schema_meta.created_at` of the row `primary`. Null where a schema has none. */
  readonly createdAtMs: number | null;
  readonly schema: number;
  readonly tables: number;
  /** The first complaint of SQLite's own check; null: sound; undefined: not checked. */
  readonly complaint?: string | null;
}

export interface DatabaseContext {
  readonly served: Served | null;
  /** A process lives that may be writing: then nothing is checked through, and what nobody remembers may be in the making. */
  readonly living: boolean;
  /** The agents that the configuration names; null: it cannot be read. */
  readonly agents: readonly string[] | null;
  readonly log: readonly LogLine[];
}

/** Reading it all takes about a second for this much on a slow disk. */
const CHECKED_BYTES = 64 * 1024 * 1024;
/** Measured: `state database PATH uses schema 999; this build supports 18`, and `… uses newer schema version 999; …`. */
const NEWER = /(?:state|agent) database (\/.+?) uses (?:newer )?schema (?:version )?(\d+); this build supports (\d+)/g;
/** Measured: `SQLite integrity_check failed for PATH: …`, also with the table that it found; `… unreadable at PATH: …`, which is also said of EACCES. */
const DAMAGED =
  /SQLite integrity_check failed for (\/.+?)(?: table \S+)?: |database is unreadable at (\/.+?): (?:file is not a database|database disk image is malformed)/g;

/**
 * The shared state database and each agent's, only those with a fault. What identifies one: the time of its first row. Measured: it stays over
 * starts, and a database made anew has another. By the host's source it stays over updates and migrations, too (the upsert leaves `created_at`
 * out); VACUUM copies it, a restored backup brings it along. Inodes and birth times are of no use: all of those change them.
 */
export function readDatabases(target: Target, about: DatabaseContext): Reading<readonly DatabaseFinding[]> {
  try {
    const looks = wantedDatabases(target, about).map((file) => ({ file, inside: lookInside(file, checkable(file, about)) }));
    const found = looks.flatMap(({ file, inside }) => faultOf(target, file, inside, about) ?? []);
    const blind = looks.find(({ inside }) => !inside.ok && inside.fault === "unavailable");
    if (found.length === 0 && blind !== undefined && !blind.inside.ok) return unseen(`${blind.file}: ${blind.inside.why}`);
    return seen(found);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    return unseen(`${code} looking at the databases in ${target.stateDir}`);
  }
}

/** Every database that is there, with the time of its first row. */
export function identifyDatabases(target: Target): { readonly path: string; readonly createdAtMs: number }[] {
  return databaseFiles(target).flatMap((file) => {
    const inside = lookInside(file, false);
    if (!inside.ok || inside.value.createdAtMs === null) return [];
    return [{ path: path.relative(target.stateDir, file), createdAtMs: inside.value.createdAtMs }];
  });
}

/** The state database first, whether it is there or not, then every agent's that is there. */
export function databaseFiles({ stateDir, databasePath }: Pick<Target, "stateDir" | "databasePath">): string[] {
  return [databasePath, ...agentsIn(path.join(stateDir, "agents")).map((agent) => agentDatabase(stateDir, agent))];
}

/** Those and what is remembered. An agent that the configuration dropped is nobody's loss. */
function wantedDatabases(target: Target, { served, agents }: DatabaseContext): string[] {
  const remembered = (served?.databases ?? [])
    .map((each) => path.join(target.stateDir, each.path))
    .filter((file) => file === target.databasePath || isWanted(agentOf(target.stateDir, file), agents));
  return [...new Set([...databaseFiles(target), ...remembered])];
}

function agentDatabase(stateDir: string, agent: string): string {
  return path.join(stateDir, "agents", agent, "agent", "openclaw-agent.sqlite");
}

function agentOf(stateDir: string, file: string): string {
  return path.relative(path.join(stateDir, "agents"), file).split(path.sep)[0] ?? "";
}

function isWanted(agent: string, agents: readonly string[] | null): boolean {
  return agents === null ? agent === "main" : agents.includes(agent);
}

/** Agents that have a database. */
function agentsIn(directory: string): string[] {
  try {
    const stateDir = path.dirname(directory);
    return readdirSync(directory).filter((agent) => sizeOf(agentDatabase(stateDir, agent)) !== undefined);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function checkable(file: string, { living }: DatabaseContext): boolean {
  const bytes = (sizeOf(file) ?? 0) + (sizeOf(`${file}-wal`) ?? 0);
  return !living && bytes <= CHECKED_BYTES;
}

function lookInside(file: string, check: boolean): SqliteReading<Inside> {
  return readSqlite(file, "the database", (database) => {
    const inside = { createdAtMs: createdAt(database), schema: numberOf(database, "user_version"), tables: tablesOf(database) };
    return seen(check ? { ...inside, complaint: complaintOf(database) } : inside);
  });
}

function createdAt(database: DatabaseSync): number | null {
  const columns = columnsOf(database, "schema_meta");
  if (!["meta_key", "created_at"].every((column) => columns.includes(column))) return null;
  const created = database.prepare("SELECT created_at FROM schema_meta WHERE meta_key = 'primary'").get()?.["created_at"];
  return typeof created === "number" ? created : null;
}

function numberOf(database: DatabaseSync, pragma: "user_version"): number {
  return Number(database.prepare(`SELECT ${pragma} FROM pragma_${pragma}`).get()?.[pragma]);
}

function tablesOf(database: DatabaseSync): number {
  return Number(database.prepare("SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table'").get()?.["tables"]);
}

/** A search index that this SQLite cannot examine (another tokenizer) is not damage. */
function complaintOf(database: DatabaseSync): string | null {
  const said = String(database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  return said === "ok" || said.startsWith("unable to validate") ? null : said;
}

function faultOf(target: Target, file: string, inside: SqliteReading<Inside>, about: DatabaseContext): DatabaseFinding | undefined {
  const remembered = about.served?.databases.find((each) => path.join(target.stateDir, each.path) === file);
  const fault = (state: DatabaseFinding["state"], why: string): DatabaseFinding => ({ path: file, state, why });
  // What nobody remembers, beside a living process, may be in the making.
  const counts = remembered !== undefined || !about.living;
  if (!inside.ok) {
    switch (inside.fault) {
      case "missing":
        return remembered === undefined ? undefined : fault("missing", "it is not there any more; the gateway has served with it");
      case "empty":
        return counts ? fault("empty", "it has no bytes") : undefined;
      case "not-a-database":
        return fault("not-a-database", "it does not begin as an SQLite database does");
      case "corrupt":
        return fault("corrupt", "SQLite finds it damaged");
      case "unavailable":
        return spoken(file, undefined, about);
    }
  }
  const { createdAtMs, tables, complaint } = inside.value;
  if (typeof complaint === "string") return fault("corrupt", `SQLite's check: ${complaint.replaceAll(/\s+/g, " ").slice(0, 200)}`);
  if (tables === 0) return counts ? fault("empty", "it has no tables") : undefined;
  if (remembered !== undefined && createdAtMs !== null && createdAtMs !== remembered.createdAtMs) {
    const [now, then] = [createdAtMs, remembered.createdAtMs].map((ms) => new Date(ms).toISOString());
    return fault("replaced", `it begins at ${now}; the one that the gateway served with began at ${then}`);
  }
  return spoken(file, inside.value, about);
}

/** The gateway's own words about this very file, as far as looking does not contradict them: somebody may have mended it since. */
function spoken(file: string, inside: Inside | undefined, { log }: DatabaseContext): DatabaseFinding | undefined {
  const texts = log.map(({ text }) => text);
  const newer = texts.flatMap((text) => [...text.matchAll(NEWER)]).findLast(([, named]) => named === file);
  if (newer !== undefined) {
    const [, , schema, supported] = newer;
    if (inside === undefined || inside.schema > Number(supported)) {
      return { path: file, state: "newer", why: `it has schema ${inside?.schema ?? schema}; the installed host supports ${supported}` };
    }
  }
  if (inside?.complaint === null) return undefined;
  const damaged = texts.flatMap((text) => [...text.matchAll(DAMAGED)]).some(([, checked, read]) => (checked ?? read) === file);
  return damaged ? { path: file, state: "corrupt", why: "the gateway says that it is damaged" } : undefined;
}
