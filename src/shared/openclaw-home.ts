import path from "node:path";
import { RescueError } from "./errors.ts";

/**
 * The host's own rules from a profile's name to its paths and port. Pure: environment and home are given, nothing is read.
 * Source: the host's `cli/profile-utils`, `cli/profile`, `config/paths` and `daemon/constants` (2026.9.6).
 */
export interface HomeContext {
  /** The account's home directory (`os.homedir()`); `OPENCLAW_HOME` in `env` overrides it, as it does in the host. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const PROFILE_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/i;
const DEFAULT_PORT = 18789;
const DEV_PORT = 19001;

/** By these the host's own service definitions tell a process which service it is. */
export const SERVICE_VARIABLES = [
  "OPENCLAW_LAUNCHD_LABEL",
  "OPENCLAW_SYSTEMD_UNIT",
  "OPENCLAW_WINDOWS_TASK_NAME",
  "OPENCLAW_SERVICE_MARKER",
  "OPENCLAW_SERVICE_KIND",
  "OPENCLAW_GATEWAY_SERVICE_PID",
] as const;

/**
 * What the host's services export to every child, and what would therefore send a child to the wrong gateway: the four of
 * state and port, the three names of the service itself (without them `gateway restart` for another profile restarts ours),
 * the marks by which the host believes it runs inside a service, and the two that send the CLI to another machine or container.
 */
export const REDIRECTING_VARIABLES = [
  "OPENCLAW_STATE_DIR",
  "OPENCLAW_CONFIG_PATH",
  "OPENCLAW_PROFILE",
  "OPENCLAW_GATEWAY_PORT",
  ...SERVICE_VARIABLES,
  "OPENCLAW_GATEWAY_URL",
  "OPENCLAW_CONTAINER",
] as const;

/** A copy of `env` without anything that redirects to another gateway. Names compare without case: Windows has no case. */
export function scrubbedEnv(env: HomeContext["env"]): Record<string, string> {
  const redirecting: ReadonlySet<string> = new Set(REDIRECTING_VARIABLES);
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !redirecting.has(entry[0].toUpperCase())),
  );
}

/**
 * The name as the host will use it, `default` in any case becoming `default`. Throws `usage`.
 * launchd labels and task names have no case, so the host refuses upper case there, and on macOS `gateway` and `node`,
 * whose labels would be those of the default gateway and of the node host.
 */
export function validateProfileName(name: string, platform: NodeJS.Platform = process.platform): string {
  const profile = name.trim();
  const fix = "use lower-case letters, digits, - and _, at most 64, beginning with a letter or digit";
  if (!isProfileName(profile)) throw new RescueError("usage", `${JSON.stringify(name)} is no profile name`, { fix });
  if (profile.toLowerCase() === "default") return "default";
  if ((platform === "darwin" || platform === "win32") && profile !== profile.toLowerCase()) {
    throw new RescueError("usage", `profile ${profile} has upper-case letters, which services cannot carry here`, { fix });
  }
  if (platform === "darwin" && (profile === "gateway" || profile === "node")) {
    throw new RescueError("usage", `profile name ${profile} is reserved by the host on macOS`, { fix: "choose another name" });
  }
  return profile;
}

/** Whether the host takes it for a profile's name at all. */
export function isProfileName(name: string): boolean {
  return PROFILE_NAME.test(name);
}

/** `~/.openclaw` or `~/.openclaw-NAME`. The host's fallback to a pre-2026 `~/.clawdbot` is not followed. */
export function profileStateDir(profile: string, context: HomeContext): string {
  const suffix = profile.toLowerCase() === "default" ? "" : `-${profile}`;
  return path.join(effectiveHome(context), `.openclaw${suffix}`);
}

export function profileConfigPath(profile: string, context: HomeContext): string {
  return path.join(profileStateDir(profile, context), "openclaw.json");
}

/** The state database that holds the boot history, given a state dir. */
export function stateDatabasePath(stateDir: string): string {
  return path.join(stateDir, "state", "openclaw.sqlite");
}

/** Where the host keeps its lock files, given a state dir. `uid` is absent on Windows. */
export function gatewayLockDir(stateDir: string, uid: number | undefined = process.getuid?.()): string {
  return path.join(stateDir, "tmp", uid === undefined ? "openclaw" : `openclaw-${uid}`);
}

/**
 * The port of a gateway whose configuration names none: 18789 for the default profile, 19001 for `dev` (there the CLI even
 * overrides the configuration), else FNV-1a of the name in 20000–59999 (`rescue` is 23532).
 */
export function derivedGatewayPort(profile: string): number {
  if (profile.toLowerCase() === "default") return DEFAULT_PORT;
  if (profile === "dev") return DEV_PORT;
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(profile, "utf8")) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  return 20_000 + (hash % 40_000);
}

/** The host's command line for a profile, as a person types it: `openclaw onboard`, `openclaw --profile NAME gateway install`. */
export function hostCommand(profile: string, command: string): string {
  return profile.toLowerCase() === "default" ? `openclaw ${command}` : `openclaw --profile ${profile} ${command}`;
}

/**
 * The profile that a process of the host works on, by its environment. Throws `usage` when the host was pointed at a place that is no profile's: nothing
 * could find the rescue of that.
 */
export function profileOfProcess(env: HomeContext["env"], home: string): string {
  const profile = validateProfileName(env["OPENCLAW_PROFILE"] || "default");
  const context = { home, env: {} };
  const expected = {
    OPENCLAW_STATE_DIR: profileStateDir(profile, context),
    OPENCLAW_CONFIG_PATH: profileConfigPath(profile, context),
    OPENCLAW_HOME: path.resolve(home),
  };
  for (const [name, wanted] of Object.entries(expected)) {
    const value = env[name];
    if (value === undefined || value === "" || expandHome(value, home) === wanted) continue;
    throw new RescueError("usage", `${name} is ${value}, and profile ${profile} of this account has ${wanted}`, {
      fix: `unset ${name}, and choose a profile with --profile`,
    });
  }
  return profile;
}

/**
 * The state dir that a host process with these arguments and this environment works on. The CLI's own rules: `--profile` or
 * `--dev` chooses; an `OPENCLAW_STATE_DIR` wins over both unless it is only the inherited profile's own; `OPENCLAW_PROFILE`
 * alone moves nothing.
 */
export function stateDirOfProcess(args: readonly string[], context: HomeContext): string {
  const chosen = profileArgument(args);
  const explicit = context.env["OPENCLAW_STATE_DIR"]?.trim() ?? "";
  if (explicit === "") return profileStateDir(chosen ?? "default", context);
  const explicitDir = expandHome(explicit, effectiveHome(context));
  const inheritedDir = profileStateDir(context.env["OPENCLAW_PROFILE"]?.trim() || "default", context);
  return chosen !== undefined && explicitDir === inheritedDir ? profileStateDir(chosen, context) : explicitDir;
}

function profileArgument(args: readonly string[]): string | undefined {
  for (const [index, argument] of args.entries()) {
    if (argument === "--") return undefined;
    if (argument === "--dev") return "dev";
    if (argument === "--profile") return args[index + 1];
    if (argument.startsWith("--profile=")) return argument.slice("--profile=".length);
  }
  return undefined;
}

function effectiveHome({ home, env }: HomeContext): string {
  const explicit = env["OPENCLAW_HOME"]?.trim();
  if (explicit === undefined || explicit === "" || explicit === "undefined" || explicit === "null") return path.resolve(home);
  return expandHome(explicit, home);
}

function expandHome(value: string, home: string): string {
  return path.resolve(value.replace(/^~(?=$|[\\/])/, () => home));
}
