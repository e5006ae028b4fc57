import { statSync } from "node:fs";
import path from "node:path";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { asObject, type JsonObject, readHostConfig } from "../../src/shared/gateway-config.ts";
import type { CommandResult } from "../../src/shared/run-command.ts";
import { readIfThere } from "../../src/shared/secure-file.ts";
import type { ConfigFinding, ConfigValidation } from "../core/findings.ts";
import { parseValidation } from "./config-validation.ts";
import { missingVariables } from "./env-references.ts";
import type { Target } from "./target.ts";

export interface ConfigContext {
  readonly home: string;
  /** What lies there and its fingerprint; never throws for a state of the file (rescue-profile/copies). */
  readonly fingerprintOf: (configPath: string) => Pick<ConfigFinding, "state" | "fingerprint" | "why">;
  readonly copies: (fingerprint: string | null) => Pick<ConfigFinding, "sinceServed" | "copies" | "booted">;
  /** The installed host's; absent: not known. */
  readonly hostVersion?: string;
  /** What the gateway would get or has got; null: not known. */
  readonly environment: Readonly<Record<string, string>> | null;
  /** `config validate --json` of just this profile. The caller may remember its answer for as long as the fingerprint stays. */
  readonly validate?: () => Promise<CommandResult>;
}

/** The configuration as it lies there. No state of the file makes it reject. */
export async function readConfigFinding(target: Target, about: ConfigContext): Promise<ConfigFinding> {
  const { configPath } = target;
  const { state, fingerprint, why } = about.fingerprintOf(configPath);
  const changedWallMs = changedAt(configPath);
  const known = {
    path: configPath,
    state,
    fingerprint,
    ...about.copies(fingerprint),
    ...(why === undefined ? {} : { why }),
    ...(changedWallMs === undefined ? {} : { changedWallMs }),
  };
  const config = state === "there" ? readConfig(configPath) : undefined;
  // Not there, or it broke since the line before: the next look will say how.
  if (config === undefined) return { ...known, missingVariables: [] };
  const newer = newerThan(writtenBy(config), about.hostVersion);
  const validation = await validate(about);
  return {
    ...known,
    ...(newer === undefined ? {} : { newer }),
    ...(validation === undefined ? {} : { validation }),
    missingVariables: missingVariables(config, { environment: about.environment, dotEnv: dotEnvs(target, about.home) }),
  };
}

/** Written, or put there: a file that is moved or unpacked keeps its own older time. */
function changedAt(configPath: string): number | undefined {
  const stat = statSync(configPath, { throwIfNoEntry: false });
  return stat === undefined ? undefined : Math.max(stat.mtimeMs, stat.ctimeMs);
}

/** Undefined when it is missing, cannot be read or is no configuration; `fingerprintOf` says which. */
export function readConfig(configPath: string): JsonObject | undefined {
  try {
    return readHostConfig(configPath, (file) => new RescueError("config-invalid", `${file} does not exist`));
  } catch (error) {
    if (error instanceof RescueError) return undefined;
    throw error;
  }
}

/** The version of the host that wrote it last, in the file's own words. */
export function writtenBy(config: JsonObject): string | undefined {
  const version = asObject(config["meta"])["lastTouchedVersion"];
  return typeof version === "string" ? version : undefined;
}

/** Where it logs, if it says so itself. */
export function logFileOf(config: JsonObject | undefined): string | undefined {
  const file = asObject(config?.["logging"])["file"];
  return typeof file === "string" ? file : undefined;
}

function newerThan(written: string | undefined, host: string | undefined): ConfigFinding["newer"] {
  if (written === undefined || host === undefined || !isNewer(written, host)) return undefined;
  return { writtenBy: written, host };
}

/** By year, month and number only: a beta and its release read each other's files. False for what is no version. */
function isNewer(left: string, right: string): boolean {
  const parse = (version: string) => /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  const [a, b] = [parse(left), parse(right)];
  if (a === undefined || b === undefined) return false;
  const differs = a.findIndex((part, index) => part !== b[index]);
  return differs >= 0 && (a[differs] ?? 0) > (b[differs] ?? 0);
}

/** A host that cannot be asked leaves the content unjudged. */
async function validate({ validate: ask }: ConfigContext): Promise<ConfigValidation | undefined> {
  if (ask === undefined) return undefined;
  try {
    return parseValidation(await ask());
  } catch (error) {
    if (error instanceof RescueError) return undefined;
    throw error;
  }
}

/** The host reads one beside the configuration and one in its working directory, which a service has in the home. */
function dotEnvs({ stateDir }: Target, home: string): string[] {
  return [stateDir, home].flatMap((directory) => {
    try {
      return readIfThere(path.join(directory, ".env")) ?? [];
    } catch (error) {
      // Somebody else's, or a directory of that name: the host cannot read it either.
      if (systemErrorCode(error) === undefined) throw error;
      return [];
    }
  });
}
