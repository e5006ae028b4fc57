import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import { jsonObject } from "../../src/shared/json.ts";
import { runCommand } from "../../src/shared/run-command.ts";
import { readIfThere } from "../../src/shared/secure-file.ts";
import type { HostProgram } from "../audit/facts.ts";
import { hostPackage } from "../gateway-host.ts";
import { writtenBy } from "../observe/config-finding.ts";

const ASK_MS = 10_000;

/** The program behind a CLI's command (`[node, entry]`, or a launcher on PATH); undefined command: no openclaw was found. */
export async function describeHostProgram(command: readonly string[] | undefined, config: JsonObject | undefined): Promise<HostProgram> {
  const wroteConfig = config === undefined ? null : (writtenBy(config) ?? null);
  const none = { root: null, version: null, builtVersion: null, node: null, nodeRange: null, leftovers: [], wroteConfig };
  if (command === undefined) return none;
  const found = hostPackage(command.at(-1));
  // A launcher of a version manager: only itself knows what it starts.
  if (found === undefined) return { ...none, version: await versionOf(command) };
  const { root, manifest } = found;
  return {
    root,
    wroteConfig,
    version: text(manifest["version"]),
    builtVersion: text(jsonObject(readIfThere(path.join(root, "dist", "build-info.json")) ?? "{}")["version"]),
    node: command[0] === process.execPath ? process.versions.node : await versionOf([command.length > 1 ? (command[0] ?? "node") : "node"]),
    nodeRange: text(asObject(manifest["engines"])["node"]),
    leftovers: [...halfRenamed(root), ...missingEntries(root, manifest)],
  };
}

/** npm moves what it replaces aside as `.openclaw-XXXXXXXX` and removes that at the end. */
function halfRenamed(root: string): string[] {
  const beside = path.dirname(root);
  if (path.basename(beside) !== "node_modules") return [];
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

/** Of Node or of a launcher, in its own words; null: it did not say. */
async function versionOf(command: readonly string[]): Promise<string | null> {
  const asked = await runCommand([...command, "--version"], {
    timeoutMs: ASK_MS,
    maxBytes: 1_024,
    env: { PATH: process.env["PATH"] ?? "" },
  });
  return /(?:^|[^\d.])v?(\d+\.\d+\.\d+)/.exec(asked.stdout)?.[1] ?? null;
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
