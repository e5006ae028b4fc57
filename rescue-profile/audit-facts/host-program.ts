import { existsSync, readdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import { runCommand } from "../../src/shared/run-command.ts";
import { readIfThere } from "../../src/shared/secure-file.ts";
import type { HostProgram } from "../audit/facts.ts";
import { writtenBy } from "../observe/config-finding.ts";

const NODE_MS = 5_000;

/** The program behind a CLI's command (`[node, entry]`, or a launcher on PATH); undefined command: no openclaw was found. */
export async function describeHostProgram(command: readonly string[] | undefined, config: JsonObject | undefined): Promise<HostProgram> {
  const wroteConfig = config === undefined ? null : (writtenBy(config) ?? null);
  const entry = command?.at(-1);
  const root = entry === undefined ? undefined : packageRootOf(entry);
  const none = { root: null, version: null, builtVersion: null, node: null, nodeRange: null, leftovers: [], wroteConfig };
  if (command === undefined || root === undefined) return none;
  const manifest = jsonIn(path.join(root, "package.json"));
  return {
    root,
    wroteConfig,
    version: text(manifest["version"]),
    builtVersion: text(jsonIn(path.join(root, "dist", "build-info.json"))["version"]),
    node: await nodeVersion(command.length > 1 ? (command[0] ?? "node") : "node"),
    nodeRange: text(asObject(manifest["engines"])["node"]),
    leftovers: [...halfRenamed(root), ...missingEntries(root, manifest)],
  };
}

/** The directory above the entry file whose package is the host. */
function packageRootOf(entry: string): string | undefined {
  if (!existsSync(entry)) return undefined;
  for (let directory = path.dirname(realpathSync(entry)); directory !== path.dirname(directory); directory = path.dirname(directory)) {
    if (jsonIn(path.join(directory, "package.json"))["name"] === "openclaw") return directory;
  }
  return undefined;
}

/** npm moves what it replaces aside as `.openclaw-XXXXXXXX` and removes that at the end. */
function halfRenamed(root: string): string[] {
  const beside = path.dirname(root);
  return readdirSync(beside)
    .filter((name) => /^\.openclaw-[A-Za-z0-9_-]{6,}$/.test(name))
    .map((name) => path.join(beside, name));
}

function missingEntries(root: string, manifest: JsonObject): string[] {
  return Object.values(asObject(manifest["bin"]))
    .filter((file) => typeof file === "string")
    .map((file) => path.join(root, file))
    .filter((file) => !existsSync(file))
    .map((file) => `${file} is missing`);
}

async function nodeVersion(program: string): Promise<string | null> {
  if (program === process.execPath) return process.versions.node;
  const asked = await runCommand([program, "--version"], { timeoutMs: NODE_MS, maxBytes: 1_024, env: { PATH: process.env["PATH"] ?? "" } });
  return /^v(\d+\.\d+\.\d+)/.exec(asked.stdout)?.[1] ?? null;
}

function jsonIn(file: string): JsonObject {
  try {
    return asObject(JSON.parse(readIfThere(file) ?? "{}"));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
