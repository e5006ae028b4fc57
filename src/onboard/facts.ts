import { existsSync, lstatSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { RescueError, systemErrorCode } from "../shared/errors.ts";
import { asObject, type JsonObject, readGatewaySettings, readHostConfig } from "../shared/gateway-config.ts";
import {
  derivedGatewayPort,
  isProfileName,
  onboardCommand,
  profileConfigPath,
  profileStateDir,
  validateProfileName,
} from "../shared/openclaw-home.ts";
import { isRescueName, rescueProfileOf } from "../shared/rescue-home.ts";
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
     * its directory was removed, and a gateway that still ran made parts of it anew.
     */
    readonly state: "absent" | "half-made" | "ours" | "remnant";
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
        fix: onboardCommand(profile),
      });
    });
  const entries = asObject(asObject(config["plugins"])["entries"]);
  const entry = asObject(entries["rescue-watchdog"]);
  const watches = asObject(entry["config"])["watchProfile"];
  const allow = asObject(config["plugins"])["allow"];
  const rescueProfile = rescueProfileOf(profile);
  const rescueStateDir = profileStateDir(rescueProfile, context);
  const rescue = readRescue(rescueProfile, rescueStateDir, profileConfigPath(rescueProfile, context), profile, watches === rescueProfile);
  const port = options.inHand?.port ?? portOf(asObject(config["gateway"])["port"], profile);
  return {
    primary: {
      profile,
      stateDir,
      configPath,
      port,
      allow: Array.isArray(allow) ? allow.map(String) : undefined,
      watches: typeof watches === "string" ? watches : undefined,
      pluginEnabled: entry["enabled"] === true,
      config,
    },
    rescue,
    gatewayPorts: [port, ...otherGatewayPorts(options.home, [stateDir, rescueStateDir])],
  };
}

function readRescue(profile: string, stateDir: string, configPath: string, primary: string, isWatched: boolean): SetupFacts["rescue"] {
  if (!isThere(stateDir)) return { profile, stateDir, configPath, state: "absent", marker: undefined, config: undefined };
  const marker = readMarker(stateDir);
  if (marker === undefined && isWatched && !isThere(configPath)) {
    return { profile, stateDir, configPath, state: "remnant", marker, config: undefined };
  }
  if (marker === undefined || marker.primary !== primary) {
    const whose = marker === undefined ? "was not made by this plugin" : `rescues profile ${marker.primary}`;
    throw new RescueError("refused", `profile ${profile} exists (${stateDir}) and ${whose}; it was not touched`, {
      fix: `move ${stateDir} away if it is not needed, or rename the profile ${primary}`,
    });
  }
  if (!existsSync(configPath)) return { profile, stateDir, configPath, state: "half-made", marker, config: undefined };
  const config = readHostConfig(configPath, (file) => new RescueError("not-readable", `${file} vanished while it was read`));
  return { profile, stateDir, configPath, state: "ours", marker, config };
}

/** A link counts as there: it is looked at, not through. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw error;
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
      if (except.includes(stateDir) || !existsSync(configPath)) return [];
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
