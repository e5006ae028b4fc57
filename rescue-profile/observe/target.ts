import { realpathSync } from "node:fs";
import path from "node:path";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { readGatewaySettings } from "../../src/shared/gateway-config.ts";
import {
  derivedGatewayPort,
  gatewayLockDir,
  hostCommand,
  profileStateDir,
  stateDatabasePath,
  validateProfileName,
} from "../../src/shared/openclaw-home.ts";
import { isPort } from "./lock-file.ts";
import { readLock, readProcess } from "./process.ts";

/** Where to look for one gateway. Plain data: it may be written down and given to another process. */
export interface Target {
  readonly profile: string;
  /** Canonical, as in the host's lock. */
  readonly stateDir: string;
  readonly configPath: string;
  readonly port: number;
  /** Who named the port, strongest first: a live gateway's lock, the service's definition, the configuration, the host's rule. */
  readonly portFrom: "lock" | "service" | "config" | "default";
  /**
   * Always 127.0.0.1: whatever `gateway.bind` says, the host listens there too (loopback and auto bind it, lan is 0.0.0.0,
   * and tailnet and custom must bind it besides their own address, or the boot fails; `resolveGatewayRequiredListenHosts`).
   */
  readonly host: string;
  readonly tls: boolean;
  readonly lockDir: string;
  readonly lockPath: string;
  readonly databasePath: string;
}

export interface TargetOptions {
  readonly profile: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For a gateway whose service was installed with a state dir of its own. */
  readonly stateDir?: string;
  /** The port in the service's definition; the service passes it in the environment, so it wins over the configuration. */
  readonly servicePort?: number;
}

/**
 * Finds the gateway of a profile. Throws RescueError `usage` (no profile name), `profile-missing` (naming the path that was
 * looked for), `not-readable` or `config-invalid`.
 */
export async function resolveTarget(options: TargetOptions): Promise<Target> {
  const profile = validateProfileName(options.profile);
  const stateDir = canonical(options.stateDir ?? profileStateDir(profile, options), profile);
  return locate(profile, stateDir, options.servicePort);
}

/**
 * The same gateway as it is now. A configuration that broke, or a state dir that vanished, while we watch must not end the
 * watching: then the previous target is returned with the reason, one sentence without secrets.
 */
export async function refreshTarget(
  previous: Target,
  servicePort: number | undefined = previous.portFrom === "service" ? previous.port : undefined,
): Promise<{ readonly target: Target; readonly warning?: string }> {
  try {
    return { target: await locate(previous.profile, canonical(previous.stateDir, previous.profile), servicePort) };
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    const port = await livePort(previous.lockPath);
    const target: Target = port === undefined ? previous : { ...previous, port, portFrom: "lock" };
    return { target, warning: error.message };
  }
}

async function locate(profile: string, stateDir: string, servicePort: number | undefined): Promise<Target> {
  const configPath = path.join(stateDir, "openclaw.json");
  const settings = readGatewaySettings(configPath, (file) => profileMissing(profile, file));
  const lockDir = gatewayLockDir(stateDir);
  const lockPath = path.join(lockDir, "gateway.state.lock");
  return {
    profile,
    stateDir,
    configPath,
    ...portOf(profile, await livePort(lockPath), servicePort, settings.port, configPath),
    host: "127.0.0.1",
    tls: settings.tls,
    lockDir,
    lockPath,
    databasePath: stateDatabasePath(stateDir),
  };
}

function portOf(
  profile: string,
  live: number | undefined,
  service: number | undefined,
  configured: unknown,
  configPath: string,
): Pick<Target, "port" | "portFrom"> {
  if (live !== undefined) return { port: live, portFrom: "lock" };
  if (service !== undefined) return { port: service, portFrom: "service" };
  // `--profile dev` exports its port, and the environment wins over the configuration.
  if (configured === undefined || profile === "dev") return { port: derivedGatewayPort(profile), portFrom: "default" };
  if (isPort(configured)) return { port: configured, portFrom: "config" };
  throw new RescueError(
    "config-invalid",
    `gateway.port in ${configPath} is not a whole number from 1 to 65535, so the port cannot be known`,
    {
      fix: "write the port as a number: the host refuses text there, also the name of a variable",
    },
  );
}

/** The port that a live gateway itself wrote down; undefined when none lives or it cannot be told. */
async function livePort(lockPath: string): Promise<number | undefined> {
  const lock = readLock(lockPath);
  if (!lock.ok || lock.value?.role !== "gateway") return undefined;
  const process = await readProcess({ lockPath });
  return process.ok && process.value.state === "alive" ? lock.value.port : undefined;
}

function canonical(stateDir: string, profile: string): string {
  try {
    return realpathSync(stateDir);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") throw profileMissing(profile, stateDir);
    if (code === undefined) throw error;
    throw new RescueError("not-readable", `${code} looking for ${stateDir}`, {
      fix: `make ${stateDir} readable for this user`,
      cause: error,
    });
  }
}

function profileMissing(profile: string, looked: string): RescueError {
  return new RescueError("profile-missing", `there is no OpenClaw profile ${profile}: ${looked} does not exist`, {
    fix: hostCommand(profile, "onboard"),
  });
}
