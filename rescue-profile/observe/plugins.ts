import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import type { Reading } from "../core/model.ts";
import { seen, unseen } from "./reading.ts";
import { columnsOf, readSqlite } from "./sqlite.ts";
import type { Target } from "./target.ts";

/** A plugin that did not come with the host and that the configuration lets run. */
export interface ExternalPlugin {
  readonly id: string;
  readonly rootDir: string;
  readonly packageName?: string;
  /** When a file of its code was written last, wall time; 0 when none can be looked at. */
  readonly newestMs: number;
}

type Found = Omit<ExternalPlugin, "newestMs"> & { readonly listed?: boolean };

const OURS = "rescue-watchdog";
const MANIFEST = "openclaw.plugin.json";
/** What it writes itself, such as a cache, is no change of it. */
const CODE = /\.(?:[cm]?js|[cm]?ts|node|wasm)$|^(?:package|openclaw\.plugin)\.json$/;
const MAX_FILES = 500;
const MAX_DEPTH = 4;

/**
 * From the host's own list in the state database (`plugins.installedIndex`: `origin` is `bundled`, `config`, `global` or `workspace`), and,
 * because that may be damaged or older than the configuration, from `plugins.load.paths` and `extensions/` as they lie there.
 */
export function externalPlugins(target: Target, config: JsonObject | undefined, home: string): ExternalPlugin[] {
  const paths = config === undefined ? undefined : loadPaths(config, home);
  const indexed = readIndex(target.databasePath).filter(
    ({ origin, rootDir }) => origin !== "config" || paths === undefined || paths.some((each) => isWithin(each, rootDir)),
  );
  const lying = [...(paths ?? []), path.join(target.stateDir, "extensions")].flatMap(pluginsBelow);
  const byId = new Map([...lying, ...indexed].map((each): [string, Found] => [each.id, each]));
  return [...byId.values()]
    .filter(({ id, listed }) => id !== OURS && isEnabled(id, listed, config))
    .map(({ id, rootDir, packageName }) => {
      return { id, rootDir, ...(packageName === undefined ? {} : { packageName }), newestMs: newestFile(rootDir) };
    });
}

/** The host's rules: nothing when plugins are off; then `deny`, `allow` where it names any, the plugin's own entry, and what the host listed. */
function isEnabled(id: string, listed: boolean | undefined, config: JsonObject | undefined): boolean {
  const plugins = asObject(config?.["plugins"]);
  const { allow, deny } = plugins;
  if (plugins["enabled"] === false || (Array.isArray(deny) && deny.includes(id))) return false;
  if (Array.isArray(allow) && allow.length > 0 && !allow.includes(id)) return false;
  const own = asObject(asObject(plugins["entries"])[id])["enabled"];
  return typeof own === "boolean" ? own : listed !== false;
}

export function loadPaths(config: JsonObject, home: string): string[] {
  const paths = asObject(asObject(config["plugins"])["load"])["paths"];
  return (Array.isArray(paths) ? paths : [])
    .filter((each) => typeof each === "string")
    .map((each) => each.replace(/^~(?=$|[\\/])/, home))
    .filter((each) => path.isAbsolute(each));
}

export function isWithin(directory: string, file: string): boolean {
  return file === directory || file.startsWith(`${directory}${path.sep}`) || directory.startsWith(`${file}${path.sep}`);
}

/** Nothing when the database cannot be read: the deep look says that elsewhere. */
function readIndex(databasePath: string): (Found & { readonly origin: string })[] {
  const index = readPluginIndex(databasePath);
  if (!index.ok) return [];
  return index.value
    .filter(({ origin }) => origin !== "bundled")
    .map(({ id, rootDir, origin, packageName, enabled }) => ({
      id,
      rootDir,
      origin,
      ...(packageName === undefined ? {} : { packageName }),
      ...(enabled === undefined ? {} : { listed: enabled }),
    }));
}

/** A plugin as the host's own list has it, which it makes anew with each start. */
export interface IndexedPlugin {
  readonly id: string;
  readonly rootDir: string;
  /** `bundled`, `config`, `global` or `workspace`. */
  readonly origin: string;
  readonly enabled?: boolean;
  readonly packageName?: string;
  /** The providers of models that it brings. */
  readonly providers: readonly string[];
}

/** The host's list: `plugins.installedIndex` in the state database. Not ok when that cannot be read, or has no list (a gateway that never ran). */
export function readPluginIndex(databasePath: string): Reading<readonly IndexedPlugin[]> {
  const text = readSqlite(databasePath, "the state database", (database) => seen(indexText(database)));
  if (!text.ok) return unseen(text.why);
  const plugins = asObject(asObject(parseJson(text.value ?? ""))["index"])["plugins"];
  if (!Array.isArray(plugins)) return unseen("the state database has no list of plugins");
  return seen(
    plugins.map(asObject).flatMap(({ pluginId, rootDir, origin, enabled, packageName, contributions }) => {
      if (typeof pluginId !== "string" || typeof rootDir !== "string" || typeof origin !== "string") return [];
      const providers = asObject(contributions)["providers"];
      return [
        {
          id: pluginId,
          rootDir,
          origin,
          ...(typeof enabled === "boolean" ? { enabled } : {}),
          ...(typeof packageName === "string" ? { packageName } : {}),
          providers: (Array.isArray(providers) ? providers : []).filter((each) => typeof each === "string"),
        },
      ];
    }),
  );
}

function indexText(database: DatabaseSync): string | undefined {
  const columns = columnsOf(database, "config_machine_state");
  if (!["state_key", "value_json"].every((column) => columns.includes(column))) return undefined;
  const row = database.prepare("SELECT value_json FROM config_machine_state WHERE state_key = 'plugins.installedIndex'").get();
  return typeof row?.["value_json"] === "string" ? row["value_json"] : undefined;
}

/** The directory itself when it is a plugin, else those directly below that are. */
function pluginsBelow(directory: string): Found[] {
  const own = readManifest(directory);
  if (own !== undefined) return [own];
  return entriesOf(directory).flatMap((entry) => readManifest(path.join(directory, entry.name)) ?? []);
}

function readManifest(directory: string): Found | undefined {
  const id = asObject(readJson(path.join(directory, MANIFEST)))["id"];
  if (typeof id !== "string") return undefined;
  const name = asObject(readJson(path.join(directory, "package.json")))["name"];
  return { id, rootDir: directory, ...(typeof name === "string" ? { packageName: name } : {}) };
}

function readJson(file: string): unknown {
  try {
    return parseJson(readFileSync(file, "utf8"));
  } catch (error) {
    // No plugin, or none that the host could load either.
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function newestFile(rootDir: string): number {
  let newest = 0;
  let left = MAX_FILES;
  const open = [{ directory: rootDir, depth: 0 }];
  for (let next = open.pop(); next !== undefined && left > 0; next = open.pop()) {
    for (const entry of entriesOf(next.directory)) {
      const file = path.join(next.directory, entry.name);
      if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== ".git" && next.depth < MAX_DEPTH) {
        open.push({ directory: file, depth: next.depth + 1 });
      }
      if (!entry.isFile() || !CODE.test(entry.name) || left-- <= 0) continue;
      newest = Math.max(newest, statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    }
  }
  return newest;
}

/** None where the directory is not there, or not ours to read. */
export function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return [];
  }
}
