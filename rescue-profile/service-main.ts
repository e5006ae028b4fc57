import { join } from "node:path";
import type { ServiceInstaller, ServiceSpec } from "../src/service-installers/installer.ts";
import { installerHere } from "../src/service-installers/select.ts";
import { RescueError } from "../src/shared/errors.ts";
import { OWN_COMMAND, watchdogDir } from "../src/shared/rescue-home.ts";
import { logFile } from "./open-watchdog.ts";
import { packageHere } from "./setup-main.ts";

export interface OwnServiceOptions {
  readonly profile: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where this plugin's package is, when that is not where its code runs from. */
  readonly packageRoot: string | undefined;
  /** Give the gateway's own unit a start limit and longer pauses. */
  readonly harden: boolean;
}

/** The services of our own for a profile, with the installer of this platform. Throws `service-control` where there is none. */
export function ownServices(options: OwnServiceOptions): { readonly installer: ServiceInstaller; readonly sentinel: ServiceSpec } {
  const { profile, home, env } = options;
  const bin = join(packageHere(options.packageRoot), OWN_COMMAND);
  const spec = (description: string, ...words: string[]): ServiceSpec => ({
    profile,
    description,
    argv: [process.execPath, bin, ...words, "--profile", profile],
    environment: {},
    workingDirectory: home,
    logDirectory: join(logFile(watchdogDir(profile, home, env)), ".."),
  });
  const additions = { wake: spec(`Look at the OpenClaw gateway of profile ${profile} at once`, "tick", "--wake"), harden: options.harden };
  const installer = installerHere({ platform: process.platform, env, home }, additions);
  if (installer === undefined) throw new RescueError("service-control", `services of ${process.platform} are not supported`);
  return { installer, sentinel: spec(`Watches the OpenClaw gateway of profile ${profile}`, "watch", "--json") };
}
