import { existsSync, realpathSync } from "node:fs";
import { sep } from "node:path";
import { RescueError } from "../shared/errors.ts";
import { asObject } from "../shared/gateway-config.ts";
import { type HostCli, hostJson, runHost } from "../shared/openclaw-cli.ts";
import type { SetupFacts } from "./facts.ts";

const INSTALL_MS = 180_000;
const CLI_MS = 60_000;

export interface PrimaryPatch {
  readonly plugins: {
    readonly allow?: string[];
    readonly entries: { readonly "rescue-watchdog": { readonly enabled: true; readonly config: { readonly watchProfile: string } } };
  };
}

/** What the primary's configuration needs: the plugin enabled, allowed where there is a list, and watching the rescue. Never narrows the list. */
export function primaryPatch(facts: SetupFacts): PrimaryPatch {
  const { allow } = facts.primary;
  return {
    plugins: {
      ...(allow === undefined || allow.includes("rescue-watchdog") ? {} : { allow: [...allow, "rescue-watchdog"] }),
      entries: { "rescue-watchdog": { enabled: true, config: { watchProfile: facts.rescue.profile } } },
    },
  };
}

/** The primary loads this very package already, enabled or not; installing it again would change where it comes from. */
export function loadsPlugin({ primary }: SetupFacts, pluginRoot: string): boolean {
  if (primary.pluginEnabled || isInside(pluginRoot, primary.stateDir)) return true;
  const paths = asObject(asObject(primary.config["plugins"])["load"])["paths"];
  return Array.isArray(paths) && paths.includes(pluginRoot);
}

/** Links are followed: a home is often reached through one. */
export function isInside(path: string, directory: string): boolean {
  const real = existsSync(directory) ? realpathSync(directory) : directory;
  return path.startsWith(real.endsWith(sep) ? real : `${real}${sep}`);
}

export async function installPlugin(cli: HostCli, profile: string, pluginRoot: string): Promise<void> {
  await hostOrThrow(cli, profile, ["plugins", "install", "--link", "--force", "--accept-capabilities", pluginRoot], INSTALL_MS);
}

/** The host leaves `{ enabled: false }` behind, which would say that the plugin shall keep its hands off. */
export async function uninstallPlugin(cli: HostCli, profile: string): Promise<void> {
  await hostOrThrow(cli, profile, ["plugins", "uninstall", "rescue-watchdog", "--force"], INSTALL_MS);
  await patchHost(cli, profile, { plugins: { entries: { "rescue-watchdog": null } } });
}

/** Merges into the profile's configuration by the host's own writer; `null` removes a key. */
export async function patchHost(cli: HostCli, profile: string, patch: object): Promise<void> {
  await hostOrThrow(cli, profile, ["config", "patch", "--stdin"], CLI_MS, JSON.stringify(patch));
}

/** Runs the host's CLI; throws `service-control` with the host's own words when it fails. */
export async function hostOrThrow(
  cli: HostCli,
  profile: string,
  args: readonly string[],
  timeoutMs: number,
  input?: string,
): Promise<void> {
  const result = await runHost(cli, profile, args, { timeoutMs, ...(input === undefined ? {} : { input }) });
  if (result.exitCode === 0) return;
  const why = result.timedOut
    ? `no answer within ${timeoutMs / 1000} s`
    : (complaintOf(result.stdout, result.stderr) ?? `exit ${result.exitCode}`);
  throw new RescueError("service-control", `openclaw ${args.slice(0, 2).join(" ")} failed for profile ${profile}: ${why.slice(0, 300)}`);
}

/** The sentence in the host's JSON (`error` is one, or has a `message`), else the last line that it wrote; undefined when it wrote nothing. */
export function complaintOf(stdout: string, stderr: string): string | undefined {
  const error = asObject(hostJson(stdout))["error"];
  const said = typeof error === "string" ? error : asObject(error)["message"];
  if (typeof said === "string") return said;
  return `${stderr}\n${stdout}`
    .split("\n")
    .filter((line) => line.trim() !== "")
    .at(-1);
}
