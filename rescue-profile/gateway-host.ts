import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { DefinitionReading } from "../src/service-installers/installer.ts";
import { nativeControl } from "../src/service-installers/select.ts";
import { RescueError } from "../src/shared/errors.ts";
import type { JsonObject } from "../src/shared/gateway-config.ts";
import { jsonObject } from "../src/shared/json.ts";
import { findHostCli, type HostCli } from "../src/shared/openclaw-cli.ts";
import { readIfThere } from "../src/shared/secure-file.ts";
import type { WatchdogOptions } from "./open-watchdog.ts";

/** The program that the watched gateway runs, as far as it can be known. */
export interface GatewayHost {
  /** What its service manager would start; null: no service, or it could not be asked. */
  readonly definition: DefinitionReading | null;
  /** Its CLI; undefined when none was found. */
  readonly cli: HostCli | undefined;
  readonly version: string | undefined;
}

type Options = Pick<WatchdogOptions, "profile" | "home" | "env">;

/**
 * The CLI of just the gateway's own program comes first: another version on PATH would judge its configuration by other rules. Only without a
 * service (a container, a supervisor of ours) it is the one on PATH, or that of the host process we run in.
 */
export async function findGatewayHost({ profile, home, env }: Options): Promise<GatewayHost> {
  const definition = await definitionOf({ profile, env });
  const command = cliOf(definition);
  const cli = command === undefined ? anyCli(home, env) : { command, home, env };
  return { definition, cli, version: versionOf(cli?.command.at(-1)) };
}

/** Node and the host's entry file; undefined when one of them is not there. Node's own options stand between them: the host adds a heap size by itself. */
export function cliOf(definition: DefinitionReading | null): readonly string[] | undefined {
  const [node, ...words] = definition?.argv ?? [];
  const entry = words.find((word) => isAbsolute(word));
  return node !== undefined && entry !== undefined && existsSync(node) && existsSync(entry) ? [node, entry] : undefined;
}

async function definitionOf({ profile, env }: Pick<Options, "profile" | "env">): Promise<DefinitionReading | null> {
  try {
    return (await nativeControl({ profile, env, platform: process.platform })?.readDefinition()) ?? null;
  } catch (error) {
    // No manager here, or it does not answer now: the definition is only one of several things to look at.
    if (error instanceof RescueError) return null;
    throw error;
  }
}

function anyCli(home: string, env: NodeJS.ProcessEnv): HostCli | undefined {
  try {
    return findHostCli({ home, env, entry: process.argv[1] });
  } catch (error) {
    if (error instanceof RescueError) return undefined;
    throw error;
  }
}

/** From the package that the entry file lies in. */
export function versionOf(entry: string | undefined): string | undefined {
  const version = hostPackage(entry)?.manifest["version"];
  return typeof version === "string" ? version : undefined;
}

/** The package that the entry file lies in; undefined: none that is the host's (a launcher of a version manager, for one). */
export function hostPackage(entry: string | undefined): { readonly root: string; readonly manifest: JsonObject } | undefined {
  if (entry === undefined || !existsSync(entry)) return undefined;
  for (let root = dirname(realpathSync(entry)); root !== dirname(root); root = dirname(root)) {
    const manifest = jsonObject(readIfThere(join(root, "package.json")) ?? "{}");
    if (manifest["name"] === "openclaw") return { root, manifest };
  }
  return undefined;
}
