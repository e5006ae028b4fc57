import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { messageOf, RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { asObject } from "../../src/shared/gateway-config.ts";
import { readPlain } from "../../src/shared/secure-file.ts";
import type { DeclaredFacts } from "../audit/facts.ts";
import type { PolicySettings } from "../config.ts";
import type { Reading } from "../core/model.ts";
import { seen, unseen } from "../observe/reading.ts";
import { columnsOf, readSqlite } from "../observe/sqlite.ts";

type Declared = PolicySettings["audit"];

/** Of one tree. */
const MAX_FILES = 20_000;
const SHOWN = 20;
/** What tools keep beside the content. */
const PASSED_OVER: ReadonlySet<string> = new Set([".git", "node_modules", ".DS_Store", "__pycache__"]);

/** How what the settings declare stands now. Each by itself: one that cannot be read says why and hides no other. */
export async function readDeclared(audit: Declared, home: string, nowMs: number): Promise<DeclaredFacts> {
  const at = (given: string) => path.resolve(given.replace(/^~(?=$|[\\/])/, () => home));
  const sources: DeclaredFacts["sources"][number][] = [];
  for (const { path: copy, source } of audit.sources) {
    sources.push(compare(at(copy), at(source)));
    // A deadline, a signal, the host's answer: nobody is to wait for more than one of them.
    await setImmediate();
  }
  return {
    fresh: audit.fresh.map(({ path: file, field, maxAgeSeconds }) => {
      const age = ageOf(at(file), field, nowMs);
      return {
        path: at(file),
        field,
        maxAgeMs: maxAgeSeconds * 1000,
        ...(age.ok ? { ageMs: age.value, why: null } : { ageMs: null, why: age.why }),
      };
    }),
    sources,
    backups: audit.backups.map(({ path: directory, maxAgeSeconds }) => {
      const newest = careful(() => seen(newestBelow(at(directory))), `looking at ${at(directory)}`);
      return {
        path: at(directory),
        maxAgeMs: maxAgeSeconds * 1000,
        ...(newest.ok ? { newestMs: newest.value, why: null } : { newestMs: null, why: newest.why }),
      };
    }),
    repositories: audit.repositories.map(({ name, secretFile }) => ({
      name,
      ...secretIn(secretFile === undefined ? undefined : at(secretFile)),
    })),
  };
}

function careful<T>(look: () => Reading<T>, doing: string): Reading<T> {
  try {
    return look();
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return unseen(`${systemErrorCode(error)} ${doing}`);
  }
}

/** By the file's own field, not by its date: a cache that is written again with the old content is stale. */
function ageOf(file: string, field: string, nowMs: number): Reading<number> {
  const value = careful(() => (isDatabase(file) ? newestInColumn(file, field) : valueIn(file, field)), `reading ${file}`);
  if (!value.ok) return value;
  const ms = timeOf(value.value);
  return ms === undefined ? unseen(`${field} in ${file} is no time`) : seen(nowMs - ms);
}

const isDatabase = (file: string) => /\.(?:sqlite3?|db)$/i.test(file);

function valueIn(file: string, field: string): Reading<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readPlain(file) ?? "null");
  } catch (error) {
    if (error instanceof SyntaxError) return unseen(`${file} is no JSON`);
    if (error instanceof RescueError) return unseen(error.message);
    throw error;
  }
  for (const key of field.split(".")) {
    const inside = asObject(value);
    if (!Object.hasOwn(inside, key)) return unseen(`${file} has no ${field}`);
    value = inside[key];
  }
  return seen(value);
}

function newestInColumn(file: string, field: string): Reading<unknown> {
  const [table = "", column = "", ...more] = field.split(".");
  if (more.length > 0 || column === "") return unseen(`${field} is no TABLE.COLUMN`);
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const reading = readSqlite(file, file, (database) =>
    columnsOf(database, table).includes(column)
      ? seen(database.prepare(`SELECT max(${quoted(column)}) AS newest FROM ${quoted(table)}`).get()?.["newest"])
      : unseen(`${file} has no ${field}`),
  );
  return reading.ok ? reading : unseen(reading.why);
}

/** ISO 8601, or seconds, milliseconds or microseconds since 1970: what is meant is told by the size, for any time from 1973 on. */
function timeOf(value: unknown): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : typeof value === "string" && /^\d{9,17}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number) && number > 0)
    return number < 1e11 ? number * 1000 : number < 1e14 ? number : number / 1000;
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function compare(copy: string, source: string): DeclaredFacts["sources"][number] {
  const about = { path: copy, source, differs: [], missing: [], count: 0 };
  try {
    const wanted = treeOf(source);
    if (wanted.length === MAX_FILES) return { ...about, why: `${source} has more than ${MAX_FILES} files` };
    const differs: string[] = [];
    const missing: string[] = [];
    for (const name of wanted) {
      const [original, mirrored] = [path.join(source, name), path.join(copy, name)];
      const stat = statSync(mirrored, { throwIfNoEntry: false });
      if (stat?.isFile() !== true) missing.push(name);
      else if (stat.size !== statSync(original).size || digestOf(original) !== digestOf(mirrored)) differs.push(name);
    }
    return {
      ...about,
      differs: differs.slice(0, SHOWN),
      missing: missing.slice(0, SHOWN),
      count: differs.length + missing.length,
      why: null,
    };
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return { ...about, why: messageOf(error) };
  }
}

/** Relative names of the files below, or `""` when it is a file itself. Links are not followed. */
function treeOf(root: string): string[] {
  if (statSync(root).isFile()) return [""];
  const files: string[] = [];
  const open = [""];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const entry of readdirSync(path.join(root, next), { withFileTypes: true })) {
      if (PASSED_OVER.has(entry.name)) continue;
      if (entry.isDirectory()) open.push(path.join(next, entry.name));
      else if (entry.isFile()) files.push(path.join(next, entry.name));
      if (files.length >= MAX_FILES) return files;
    }
  }
  return files.sort();
}

/** One buffer for all: thousands of small files would leave as many behind. */
const CHUNK = Buffer.allocUnsafe(65_536);

function digestOf(file: string): string {
  const hash = createHash("sha256");
  const descriptor = openSync(file, "r");
  try {
    for (let read = readSync(descriptor, CHUNK); read > 0; read = readSync(descriptor, CHUNK)) hash.update(CHUNK.subarray(0, read));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest("hex");
}

function newestBelow(directory: string): number | null {
  const times = treeOf(directory).map((name) => statSync(path.join(directory, name)).mtimeMs);
  return times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b));
}

function secretIn(file: string | undefined): { secret: boolean; why: string | null } {
  if (file === undefined) return { secret: false, why: null };
  const looked = careful(() => {
    const stat = lstatSync(file);
    if (!stat.isFile()) return unseen(`${file} is no plain file`);
    if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) return unseen(`others may read ${file}`);
    return stat.size === 0 ? unseen(`${file} is empty`) : seen(true);
  }, `reading ${file}`);
  return looked.ok ? { secret: true, why: null } : { secret: false, why: looked.why };
}
