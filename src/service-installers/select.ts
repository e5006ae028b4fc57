import { homedir } from "node:os";
import { join } from "node:path";
import type { ServiceReading } from "../../rescue-profile/core/model.ts";
import { messageOf, RescueError } from "../shared/errors.ts";
import { hostCommand } from "../shared/openclaw-home.ts";
import { isThere } from "../shared/secure-file.ts";
import { diagnoseManager, lingerWarning, type ManagerDiagnosis } from "./environment.ts";
import { readManagerFacts } from "./environment-facts.ts";
import { externalControl } from "./external/control.ts";
import type { ManagedService, ServiceControl, ServiceInstaller } from "./installer.ts";
import { launchdControl } from "./launchd/control.ts";
import { launchdInstaller } from "./launchd/install.ts";
import { serviceNames } from "./names.ts";
import { schtasksControl } from "./schtasks/control.ts";
import { schtasksInstaller } from "./schtasks/install.ts";
import { systemdControl } from "./systemd/control.ts";
import { type Additions, systemdInstaller } from "./systemd/install.ts";
import { NoUserManager, systemctl } from "./systemd/systemctl.ts";
import { userUnits } from "./systemd/units.ts";

export interface SelectOptions {
  readonly profile: string;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** The gateway's process, proven by its lock and alive; the Task Scheduler does not know it. */
  readonly gatewayPid?: () => number | undefined;
}

interface Choice {
  readonly control: ServiceControl;
  readonly reading: ServiceReading;
}

/**
 * Control over whichever manager has this gateway now: the supervisor whose socket answers, else the account's systemd when the unit is
 * installed, else nobody (`none`: its status is `not-installed`, the other calls throw and say what to do). Every call looks anew, since
 * a supervisor or a unit may come and go while a watchdog runs: one connection attempt and one `systemctl show`, some 10 ms. `manager`
 * and `name` are those of the latest look.
 *
 * A manager that is there and cannot be asked is an error, not a reason to take the next one: two managers start two gateways.
 *
 * @throws RescueError `service-control`
 */
export function selectControl(options: SelectOptions): ServiceControl {
  let current = nobody(options, "nobody has looked yet");
  const take = async (): Promise<Choice> => {
    const pick = await pickControl(options);
    current = pick.control;
    return pick;
  };
  return {
    get manager() {
      return current.manager;
    },
    get name() {
      return current.name;
    },
    status: async () => (await take()).reading,
    start: async () => (await take()).control.start(),
    stop: async () => (await take()).control.stop(),
    restart: async () => (await take()).control.restart(),
  };
}

/** A manager that could keep a new service, or why there is none. */
export type ManagerHere =
  /** `warning`: it answers now, and will not always. */
  | { readonly name: "systemd" | "launchd" | "schtasks"; readonly warning?: ManagerDiagnosis }
  | { readonly name: "none"; readonly why: string; readonly fix?: string };

/** Which manager of this machine and account answers. Throws `service-control` when there is one that cannot be asked. */
export async function managerHere(platform: NodeJS.Platform, env: SelectOptions["env"]): Promise<ManagerHere> {
  if (platform === "darwin") return { name: "launchd" };
  if (platform === "win32") return { name: "schtasks" };
  if (platform !== "linux") return { name: "none", why: `services of ${platform} are not supported` };
  try {
    await systemctl(["show-environment"], { env, timeoutMs: ASK_MS });
    const warning = lingerWarning(readManagerFacts(env));
    return { name: "systemd", ...(warning === null ? {} : { warning }) };
  } catch (error) {
    if (error instanceof NoUserManager) return { name: "none", ...diagnoseManager(readManagerFacts(env, messageOf(error))) };
    throw error;
  }
}

const ASK_MS = 5_000;

async function pickControl(options: SelectOptions): Promise<Choice> {
  const external = externalControl(options.stateDir);
  const supervised = await readingOfSupervisor(external);
  if (supervised !== undefined) return { control: external, reading: supervised };
  const native = nativeControl(options);
  if (native === undefined) return none(options, `services of ${options.platform} are not supported`);
  try {
    const reading = await native.status();
    if (reading.state !== "not-installed") return { control: native, reading };
    return none(options, `${native.name} is not installed`);
  } catch (error) {
    // In a container without a manager this is how things are; with a unit on disk somebody expects the manager to run.
    if (!(error instanceof NoUserManager)) throw error;
    const { why, fix } = diagnoseManager(readManagerFacts(options.env, messageOf(error)), options.profile);
    if (!isThere(unitPath(options))) return none(options, why);
    throw new NoUserManager("service-control", why, { fix, cause: error });
  }
}

/** Of the platform's own manager, whether or not it has this gateway; undefined where there is none that we know. */
export function nativeControl({ profile, env, platform, gatewayPid }: Omit<SelectOptions, "stateDir">): ManagedService | undefined {
  const home = env["HOME"] || homedir();
  switch (platform) {
    case "linux":
      return systemdControl({ profile, env });
    case "darwin":
      return launchdControl({ profile, env, home, uid: process.getuid?.() ?? 0 });
    case "win32":
      return schtasksControl({ profile, env, home, mainPid: gatewayPid ?? (() => undefined) });
    default:
      return undefined;
  }
}

/** What lays down services of our own on this platform; undefined where there is none. `additions` are for systemd only. */
export function installerHere(
  { platform, env, home }: Pick<SelectOptions, "platform" | "env"> & { readonly home: string },
  additions?: Additions,
): ServiceInstaller | undefined {
  switch (platform) {
    case "linux":
      return systemdInstaller({ env, home }, additions);
    case "darwin":
      return launchdInstaller({ env, home, uid: process.getuid?.() ?? 0 });
    case "win32":
      return schtasksInstaller({ env });
    default:
      return undefined;
  }
}

/** Undefined: there is no supervisor. Its socket tells, so that a directory that cannot be trusted alone does not hide another manager. */
async function readingOfSupervisor(external: ServiceControl): Promise<ServiceReading | undefined> {
  try {
    const reading = await external.status();
    return reading.state === "not-installed" ? undefined : reading;
  } catch (error) {
    if (!isThere(external.name)) return undefined;
    throw error;
  }
}

function none(options: SelectOptions, why: string): Choice {
  return { control: nobody(options, why), reading: { manager: "none", state: "not-installed" } };
}

function nobody({ profile }: SelectOptions, why: string): ServiceControl {
  const refuse = async (): Promise<never> => {
    throw new RescueError("service-control", `nothing keeps the gateway of profile ${profile} alive: no supervisor runs, and ${why}`, {
      fix: `rescue-watchdog supervise -- ${hostCommand(profile, "gateway run")} or, with systemd, ${hostCommand(profile, "gateway install")}`,
    });
  };
  return {
    manager: "none",
    name: "no service",
    status: async () => ({ manager: "none", state: "not-installed" }),
    start: refuse,
    stop: refuse,
    restart: refuse,
  };
}

/** Where the host's `gateway install` writes the unit. */
function unitPath({ profile, env }: SelectOptions): string {
  return join(userUnits(env["HOME"] || homedir()), serviceNames(profile).systemdUnit);
}
