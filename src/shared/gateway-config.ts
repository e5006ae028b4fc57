import { readFileSync } from "node:fs";
import path from "node:path";
import JSON5 from "json5";
import { RescueError, systemErrorCode } from "./errors.ts";

/** The few settings of a gateway that tell where to look for it. */
export interface GatewaySettings {
  /** As written. The host takes whole numbers only: it refuses text, also `"${PORT}"`, before it would fill it in. */
  readonly port: unknown;
  readonly tls: boolean;
}

export type JsonObject = { readonly [key: string]: unknown };

/** The host's own limit. */
const MAX_INCLUDES_DEEP = 10;

/**
 * Reads `gateway.port` and `gateway.tls.enabled` from a configuration in JSON5, through `$include`s. Throws RescueError
 * `profile-missing` (no such file), `not-readable` or `config-invalid` (with line and column, never with content).
 */
export function readGatewaySettings(configPath: string, missing: (file: string) => RescueError): GatewaySettings {
  const root = readHostConfig(configPath, missing);
  const gateway = asObject(root["gateway"]);
  return { port: gateway["port"], tls: asObject(gateway["tls"])["enabled"] === true };
}

/** The configuration as an object, `$include`s resolved. Throws as {@link readGatewaySettings}. */
export function readHostConfig(configPath: string, missing: (file: string) => RescueError): JsonObject {
  return readObject(configPath, { missing, parents: [], seen: () => undefined });
}

/** The configuration's file and every file that it includes, each read once, includes before their includers. Throws as {@link readGatewaySettings}. */
export function readConfigFiles(configPath: string, missing: (file: string) => RescueError): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  readObject(configPath, { missing, parents: [], seen: (file, bytes) => files.set(file, bytes) });
  return files;
}

interface Reading {
  readonly missing: (file: string) => RescueError;
  readonly parents: readonly string[];
  readonly seen: (file: string, bytes: Buffer) => void;
}

function readObject(file: string, reading: Reading): JsonObject {
  const { missing, parents, seen } = reading;
  if (parents.includes(file) || parents.length > MAX_INCLUDES_DEEP) {
    throw new RescueError("config-invalid", `${parents[0] ?? file} includes files in a circle or too deep, at ${file}`);
  }
  const bytes = read(file, missing);
  const whole = included(parseConfig(file, bytes.toString("utf8")), file, { ...reading, parents: [...parents, file] });
  seen(file, bytes);
  return whole;
}

function read(file: string, missing: (file: string) => RescueError): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") throw missing(file);
    if (code === undefined) throw error;
    throw new RescueError("not-readable", `${code} reading ${file}`, { fix: `make ${file} readable for this user`, cause: error });
  }
}

/** One file's own object, `$include`s unresolved; `file` only names it in the RescueError. */
export function parseConfig(file: string, text: string): JsonObject {
  const parsed = parse(file, text);
  if (!isObject(parsed)) throw new RescueError("config-invalid", `${file} does not contain an object`);
  return parsed;
}

function parse(file: string, text: string): unknown {
  try {
    return JSON5.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The error's own message quotes the file, which may hold secrets.
    const line: unknown = Reflect.get(error, "lineNumber");
    const column: unknown = Reflect.get(error, "columnNumber");
    throw new RescueError("config-invalid", `${file} is not valid JSON5 at line ${line}, column ${column}`, {
      fix: `correct ${file}, or restore a copy of it`,
    });
  }
}

/** Resolves `$include` in every object, as the host does. Own keys win over included ones, later files over earlier ones. */
function included(value: JsonObject, file: string, reading: Reading): JsonObject {
  const { $include: include, ...own } = value;
  const names = typeof include === "string" ? [include] : Array.isArray(include) ? include : [];
  const layers = names.map((name) => {
    if (typeof name !== "string") throw new RescueError("config-invalid", `${file} has an $include that is not a path`);
    return readObject(path.resolve(path.dirname(file), name), { ...reading, missing: includeMissing(file) });
  });
  const merged = [...layers, own].reduce<JsonObject>(mergeObjects, {});
  const nested = Object.entries(merged).map(([key, child]) => [key, isObject(child) ? included(child, file, reading) : child]);
  return Object.fromEntries(nested);
}

function includeMissing(includer: string): (file: string) => RescueError {
  return (file) => new RescueError("config-invalid", `${includer} includes ${file}, which does not exist`);
}

/** Objects are merged key by key; of anything else the upper one wins whole. */
export function mergeObjects(below: JsonObject, above: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const lower = merged[key];
    merged[key] = isObject(lower) && isObject(value) ? mergeObjects(lower, value) : value;
  }
  return merged;
}

/** What a profile's configuration says of this plugin; empty when it says nothing. */
export function pluginEntry(config: JsonObject): JsonObject {
  return asObject(asObject(asObject(config["plugins"])["entries"])["rescue-watchdog"]);
}

/** The configuration forbids this plugin by name. */
export function deniesPlugin(config: JsonObject): boolean {
  const denied = asObject(config["plugins"])["deny"];
  return Array.isArray(denied) && denied.includes("rescue-watchdog");
}

export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
