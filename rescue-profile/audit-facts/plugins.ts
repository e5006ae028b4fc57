import { lstatSync } from "node:fs";
import path from "node:path";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import type { PluginFacts } from "../audit/facts.ts";
import type { LogLine } from "../observe/log-line.ts";
import { suspectPlugins } from "../observe/plugin-findings.ts";
import { entriesOf, externalPlugins, type IndexedPlugin, isWithin, loadPaths } from "../observe/plugins.ts";
import type { Target } from "../observe/target.ts";

const MAX_ENTRIES = 2_000;
const MAX_DEPTH = 6;
const MAX_WRITABLE = 20;

/** What the host lists, what the configuration says of it, and who may write where it lies. */
export function describePlugins(
  target: Target,
  config: JsonObject,
  home: string,
  index: readonly IndexedPlugin[],
  log: readonly LogLine[],
): PluginFacts {
  const plugins = asObject(config["plugins"]);
  const entries = asObject(plugins["entries"]);
  const paths = loadPaths(config, home);
  const isConfigured = (id: string, rootDir: string) =>
    Object.hasOwn(entries, id) ? asObject(entries[id])["enabled"] !== false : paths.some((each) => isWithin(each, rootDir));
  const lying = externalPlugins(target, config, home);
  const fresh = lying
    .filter(({ id }) => !index.some((each) => each.id === id))
    .map(({ id, rootDir }) => ({ id, rootDir, origin: "config" }));
  const known = [...index, ...fresh.map((each) => ({ ...each, enabled: true }))].map(({ id, rootDir, origin, enabled }) => ({
    id,
    bundled: origin === "bundled",
    enabled: enabled !== false,
    configured: isConfigured(id, rootDir),
    rootDir,
  }));
  return {
    known,
    allow: listOf(plugins["allow"]),
    deny: listOf(plugins["deny"]) ?? [],
    entries: Object.keys(entries).filter((id) => asObject(entries[id])["enabled"] === true),
    suspects: suspectPlugins(lying, log, null),
    writable: known
      .filter(({ bundled }) => !bundled)
      .flatMap(({ rootDir }) => writableBelow(rootDir))
      .slice(0, MAX_WRITABLE),
  };
}

/** Null: none, or an empty one, which says nothing. */
function listOf(value: unknown): readonly string[] | null {
  const list = Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  return list.length === 0 ? null : list;
}

/** What everybody may write, the directory itself first. Links are not followed, and dependencies not looked through. */
function writableBelow(rootDir: string): { path: string; mode: number }[] {
  if (process.platform === "win32") return [];
  const found: { path: string; mode: number }[] = [];
  let left = MAX_ENTRIES;
  const look = (file: string, depth: number) => {
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined || stat.isSymbolicLink() || left-- <= 0) return;
    if ((stat.mode & 0o002) !== 0) found.push({ path: file, mode: stat.mode & 0o7777 });
    if (!stat.isDirectory() || depth >= MAX_DEPTH) return;
    for (const entry of entriesOf(file))
      if (entry.name !== "node_modules" && entry.name !== ".git") look(path.join(file, entry.name), depth + 1);
  };
  look(rootDir, 0);
  return found;
}
