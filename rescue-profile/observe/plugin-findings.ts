import path from "node:path";
import type { PluginFinding } from "../core/findings.ts";
import type { LogLine } from "./log-line.ts";
import { showable } from "./mask.ts";
import type { ExternalPlugin } from "./plugins.ts";
import type { Served } from "./served.ts";

const ORDER: readonly PluginFinding["suspicion"][] = ["named", "changed", "only", "none"];
/** Two file systems may round the same time differently. */
const ROUNDED_MS = 2;
const LAST_WORDS_MS = 10_000;
/** Where no line has a time. */
const LAST_LINES = 100;

/**
 * Who is to blame, by what the gateway said since its last boot began and by what changed since it served. A start on a warning that a
 * plugin's origin cannot be verified says nothing: every plugin from outside has it.
 */
export function suspectPlugins(plugins: readonly ExternalPlugin[], log: readonly LogLine[], served: Served | null): PluginFinding[] {
  const judged = plugins.map((plugin) => judge(plugin, log, served, plugins.length === 1));
  return judged.sort((a, b) => ORDER.indexOf(a.suspicion) - ORDER.indexOf(b.suspicion) || (a.id < b.id ? -1 : 1));
}

function judge(plugin: ExternalPlugin, log: readonly LogLine[], served: Served | null, only: boolean): PluginFinding {
  const { id } = plugin;
  const line = namedIn(plugin, log);
  if (line !== undefined) return { id, suspicion: "named", why: `the gateway's last words name plugin ${id}: ${showable(line)}` };
  const before = served?.plugins.find((each) => each.id === id);
  if (served !== null && before === undefined)
    return { id, suspicion: "changed", why: `plugin ${id} is new since the gateway served last` };
  if (before !== undefined && plugin.newestMs > before.newestMs + ROUNDED_MS) {
    return { id, suspicion: "changed", why: `files of plugin ${id} were changed since the gateway served last` };
  }
  if (only) return { id, suspicion: "only", why: `plugin ${id} is the only one from outside the host` };
  return { id, suspicion: "none", why: `nothing speaks against plugin ${id}` };
}

/** A frame of a stack first, in a timer as in a service; then the host's own words, after which it goes on without that plugin. */
function namedIn(plugin: ExternalPlugin, log: readonly LogLine[]): string | undefined {
  const lines = lastWords(log).flatMap(({ text }) => text.split("\n"));
  const frame = framePattern(plugin);
  const failed = failedPattern(plugin.id);
  return lines.findLast((line) => frame.test(line)) ?? lines.findLast((line) => failed.test(line));
}

/** What was said right before the end: an error that was handled long before it ended nothing. */
function lastWords(log: readonly LogLine[]): readonly LogLine[] {
  const lastMs = log.findLast(({ atMs }) => atMs !== undefined)?.atMs;
  if (lastMs === undefined) return log.slice(-LAST_LINES);
  return log.filter(({ atMs }) => atMs === undefined || atMs >= lastMs - LAST_WORDS_MS);
}

/**
 * A file of the plugin with line number: where it lies, or in the copy that the host runs, which is called after the directory or the package
 * (measured: `…/plugin-captures/UUID/captures/openclaw-plugin-build-X/package-0/node_modules/dir-name/lib/inner.js:1:57`).
 */
function framePattern({ id, rootDir, packageName }: ExternalPlugin): RegExp {
  const names = [...new Set([path.basename(rootDir), packageName, id])].filter((name) => name !== undefined).map(literally);
  const copy = `/plugin-captures/[^\\s)]*/node_modules/(?:${names.join("|")})`;
  return new RegExp(`(?:${literally(rootDir)}|${copy})/[^\\s)]*:\\d+(?::\\d+)?\\)?\\s*$`);
}

/** Measured: a plugin that throws in register(), and one whose service's start() rejects. */
function failedPattern(id: string): RegExp {
  const name = literally(id);
  return new RegExp(
    `plugin failed during .*\\(plugin=${name}, |\\b${name} failed during \\w+ from |plugin service failed \\(.*plugin=${name}, `,
  );
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
