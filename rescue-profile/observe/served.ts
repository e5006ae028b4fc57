import { asObject } from "../../src/shared/gateway-config.ts";
import { logFileOf, readConfig, writtenBy } from "./config-finding.ts";
import { identifyDatabases } from "./database-finding.ts";
import { externalPlugins } from "./plugins.ts";
import type { Target } from "./target.ts";

/**
 * What to remember of a gateway while it serves, to know later what changed. Plain JSON without secrets. Look for what was lost
 * before you take it anew, or a loss is forgotten.
 */
export interface Served {
  /** Paths below the state dir; the time of the first row, by which a database is known again. */
  readonly databases: readonly { readonly path: string; readonly createdAtMs: number }[];
  /** Plugins from outside the host, and when a file of theirs was written last. */
  readonly plugins: readonly { readonly id: string; readonly newestMs: number }[];
  /** The host that wrote the configuration last. */
  readonly writtenBy?: string;
  /** `logging.file`: where it logs must be known when the configuration that says so is broken. */
  readonly logFile?: string;
}

export function takeServed(target: Target, home: string): Served {
  const config = readConfig(target.configPath);
  const version = config === undefined ? undefined : writtenBy(config);
  const logFile = logFileOf(config);
  return {
    databases: identifyDatabases(target),
    plugins: externalPlugins(target, config, home).map(({ id, newestMs }) => ({ id, newestMs })),
    ...(version === undefined ? {} : { writtenBy: version }),
    ...(logFile === undefined ? {} : { logFile }),
  };
}

/** Null when it is not what `takeServed` wrote: then nothing is remembered. */
export function parseServed(text: string): Served | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const { databases, plugins, writtenBy, logFile } = asObject(value);
  if (!Array.isArray(databases) || !Array.isArray(plugins)) return null;
  return {
    databases: databases.map(asObject).flatMap(({ path, createdAtMs }) => {
      return typeof path === "string" && typeof createdAtMs === "number" ? [{ path, createdAtMs }] : [];
    }),
    plugins: plugins.map(asObject).flatMap(({ id, newestMs }) => {
      return typeof id === "string" && typeof newestMs === "number" ? [{ id, newestMs }] : [];
    }),
    ...(typeof writtenBy === "string" ? { writtenBy } : {}),
    ...(typeof logFile === "string" ? { logFile } : {}),
  };
}
