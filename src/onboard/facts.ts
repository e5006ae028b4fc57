import { lstatSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { RescueError, systemErrorCode } from "../shared/errors.ts";
import { asObject, type JsonObject, pluginEntry, readGatewaySettings, readHostConfig } from "../shared/gateway-config.ts";
import {
  derivedGatewayPort,
  hostCommand,
  isProfileName,
  profileConfigPath,
  profileStateDir,
  validateProfileName,
} from "../shared/openclaw-home.ts";
import { isRescueName, rescueProfileOf, WATCHDOG_DIR } from "../shared/rescue-home.ts";
import { isThere as isPathThere } from "../shared/secure-file.ts";
import { type Marker, readMarker } from "./marker.ts";

/** What is there before anything is written. */
export interface SetupFacts {
  readonly primary: {
    readonly profile: string;
    readonly stateDir: string;
    readonly configPath: string;
    readonly port: number;
    /** `plugins.allow` of the primary, or undefined when it has none (then every plugin is allowed, and it stays that way). */
    readonly allow: readonly string[] | undefined;
    readonly watches: string | undefined;
    readonly pluginEnabled: boolean;
    readonly config: JsonObject;
  };
  readonly rescue: {
    readonly profile: string;
    readonly stateDir: string;
    readonly configPath: string;
    /**
     * `half-made`: our mark is there, the configuration is not. `remnant`: neither is there, but the primary still watches a profile of that name:
     * its directory was removed, and a gateway that still ran made parts of it anew. `empty`: a directory of ours that holds nothing, as a setup leaves
     * it that is killed before it could set its mark.
     */
    readonly state: "absent" | "empty" | "half-made" | "ours" | "remnant";
    readonly marker: Marker | undefined;
    readonly config: JsonObject | undefined;
  };
  /** Base ports of all configured gateways but the rescue's own. */
  readonly gatewayPorts: readonly number[];
}

export interface FactsOptions {
  readonly profile: string;
  readonly home: string;
  /**
   * The primary's configuration when the host's onboarding holds it and has not written it yet; `port` when it is known apart from it.
   * Without it the file is read.
   */
  readonly inHand?: { readonly config: JsonObject; readonly port?: number };
  /** For a removal, which a broken configuration of the rescue or of an unrelated profile must not hinder: neither is read. */
  readonly forRemoval?: boolean;
}

/**
 * Reads what setup has to know. Throws RescueError: `usage` for a profile that cannot be rescued, `profile-missing`, `not-readable` or
 * `config-invalid` for the primary's configuration, `refused` when the rescue profile's name is taken by something that is not ours.
 */
export function readFacts(options: FactsOptions): SetupFacts {
  const profile = validateProfileName(options.profile);
  if (isRescueName(profile)) {
    throw new RescueError(
      "usage",
      `${profile} is a rescue profile's name (rescue, or ending in -rescue), and cannot have a rescue of its own`,
      {
        fix: "name the profile that is to be rescued with --profile",
      },
    );
  }
  const context = { home: options.home, env: {} };
  const stateDir = profileStateDir(profile, context);
  const configPath = profileConfigPath(profile, context);
  const config =
    options.inHand?.config ??
    readHostConfig(configPath, (file) => {
      return new RescueError("profile-missing", `there is no OpenClaw profile ${profile}: ${file} does not exist`, {
        fix: hostCommand(profile, "onboard"),
      });
    });
  const entry = pluginEntry(config);
  const watches = asObject(entry["config"])["watchProfile"];
  const allow = asObject(config["plugins"])["allow"];
  const rescueProfile = rescueProfileOf(profile);
  const rescueStateDir = profileStateDir(rescueProfile, context);
  const found = findRescue(rescueProfile, rescueStateDir, profileConfigPath(rescueProfile, context), profile, watches === rescueProfile);
  const rescue = found.state === "ours" && options.forRemoval !== true ? { ...found, config: readRescueConfig(found.configPath) } : found;
  const port = options.inHand?.port ?? portOf(asObject(config["gateway"])["port"], profile);
  return {
    primary: {
      profile,
      stateDir,
      configPath,
      port,
      // To the host an empty list is none.
      allow: Array.isArray(allow) && allow.length > 0 ? allow.map(String) : undefined,
      watches: typeof watches === "string" ? watches : undefined,
      pluginEnabled: entry["enabled"] === true,
      config,
    },
    rescue,
    gatewayPorts: options.forRemoval === true ? [] : [port, ...otherGatewayPorts(options.home, [stateDir, rescueStateDir])],
  };
}

function findRescue(profile: string, stateDir: string, configPath: string, primary: string, isWatched: boolean): SetupFacts["rescue"] {
  const names = { profile, stateDir, configPath, marker: undefined, config: undefined };
  if (!isThere(stateDir)) return { ...names, state: "absent" };
  const isDirectory = orNotReadable(stateDir, () => lstatSync(stateDir).isDirectory());
  const marker = isDirectory ? orNotReadable(stateDir, () => readMarker(stateDir)) : undefined;
  if (marker === undefined) {
    if (isDirectory && isWatched && !isThere(configPath)) return { ...names, state: "remnant" };
    if (isDirectory && isEmpty(stateDir)) return { ...names, state: "empty" };
  }
  if (marker === undefined || marker.primary !== primary) {
    const unmarked = isDirectory ? "was not made by this plugin" : "is a symbolic link or a file, and no directory";
    const whose = marker === undefined ? unmarked : `rescues profile ${marker.primary}`;
    throw new RescueError("refused", `profile ${profile} exists (${stateDir}) and ${whose}; it was not touched`, {
      fix: `move ${stateDir} away if it is not needed, or rename the profile ${primary}`,
    });
  }
  return { ...names, marker, state: isThere(configPath) ? "ours" : "half-made" };
}

function readRescueConfig(configPath: string): JsonObject {
  return readHostConfig(configPath, (file) => new RescueError("not-readable", `${file} vanished while it was read`));
}

/** Nothing in it, or only our own directory with nothing in it. */
function isEmpty(directory: string): boolean {
  return orNotReadable(directory, () =>
    readdirSync(directory).every((name) => name === WATCHDOG_DIR && readdirSync(join(directory, name)).length === 0),
  );
}

/** A link counts as there: it is looked at, not through. Below a file nothing is. */
function isThere(path: string): boolean {
  return orNotReadable(path, () => {
    try {
      return isPathThere(path);
    } catch (error) {
      if (systemErrorCode(error) === "ENOTDIR") return false;
      throw error;
    }
  });
}

/** "Could not look" is a sentence of its own, and neither "not there" nor a bug of ours. */
function orNotReadable<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined || error instanceof RescueError) throw error;
    throw new RescueError("not-readable", `${code} looking at ${path}`, { fix: `look at ${path}`, cause: error });
  }
}

/** Of what has a profile's name; a directory that was moved aside has not. */
function otherGatewayPorts(home: string, except: readonly string[]): readonly number[] {
  return readdirSync(home)
    .flatMap((name) => (name === ".openclaw" ? ["default"] : name.startsWith(".openclaw-") ? [name.slice(".openclaw-".length)] : []))
    .filter((profile) => isProfileName(profile))
    .flatMap((profile) => {
      const stateDir = profileStateDir(profile, { home, env: {} });
      const configPath = join(stateDir, "openclaw.json");
      if (except.includes(stateDir) || !isThere(configPath)) return [];
      const missing = (file: string) => new RescueError("not-readable", `${file} vanished while it was read`);
      return [portOf(readGatewaySettings(configPath, missing).port, profile)];
    });
}

function portOf(configured: unknown, profile: string): number {
  return typeof configured === "number" ? configured : derivedGatewayPort(profile);
}

/** The host derives further ports up to 110 above a gateway's own. */
export const PORT_DISTANCE = 120;
const FIRST_PORT = 19_789;
const LAST_PORT = 65_000;

/** What a person may ask for: no privileged port, and room above it for the derived ones. */
export function isGatewayPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1_024 && port <= LAST_PORT;
}

/** The first port, from 19789 upwards, that is far enough from every configured gateway and on which nothing listens. */
export async function choosePort(taken: readonly number[], isFree: (port: number) => Promise<boolean> = portIsFree): Promise<number> {
  for (let port = FIRST_PORT; port <= LAST_PORT; port += PORT_DISTANCE) {
    if (taken.every((other) => Math.abs(other - port) >= PORT_DISTANCE) && (await isFree(port))) return port;
  }
  throw new RescueError("refused", `no port between ${FIRST_PORT} and ${LAST_PORT} is free and ${PORT_DISTANCE} away from every gateway`, {
    fix: "name one with --port",
  });
}

export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (error) => {
      if (systemErrorCode(error) === "EADDRINUSE" || systemErrorCode(error) === "EACCES") resolve(false);
      else reject(error);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
