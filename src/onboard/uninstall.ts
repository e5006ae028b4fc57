import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RescueError } from "../shared/errors.ts";
import { asObject, pluginEntry } from "../shared/gateway-config.ts";
import { journalHome, WATCHDOG_DIR } from "../shared/rescue-home.ts";
import { assertOwnDirectory } from "../shared/secure-file.ts";
import { readFacts, type SetupFacts } from "./facts.ts";
import type { SetupPorts } from "./ports.ts";
import { hostOrThrow, loadsPlugin, patchHost, uninstallPlugin } from "./primary.ts";
import { withSetupLock } from "./provision.ts";

export interface UninstallResult {
  /** What was removed or moved, one sentence each; empty when there was nothing to do. */
  readonly did: readonly string[];
  /** Where the rescue profile is now, or null when there was none. */
  readonly movedTo: string | null;
  /** Where history and settings are kept for a later setup; null when that was not asked for, or there was none. */
  readonly keptHistory: string | null;
}

export interface UninstallOptions {
  readonly profile: string;
  /** Names the backup. */
  readonly stamp: string;
  readonly keepHistory: boolean;
}

type UninstallPorts = Pick<SetupPorts, "home" | "cli" | "pluginRoot" | "service" | "removeWatcher" | "removeAudits">;

const CLI_MS = 180_000;

/**
 * Takes a rescue profile away: the plugin in the primary (whole, when setup had put it there; else only its wish to watch), the rescue's service by the
 * host's own uninstaller, and its directory, which is moved beside itself and never erased. Only what carries our mark. Also when the primary or the
 * rescue's directory is gone already. A second run finds nothing to do.
 */
export async function uninstall(options: UninstallOptions, ports: UninstallPorts): Promise<UninstallResult> {
  return withSetupLock(ports.home, async () => {
    const facts = factsOf(options.profile, ports);
    const { primary, rescue } = facts;
    if (rescue.state !== "absent") assertOwnDirectory(rescue.stateDir);
    // The primary last: by its wish to watch a run that failed half-way still knows the service for ours. It cannot start what is not installed.
    const did = [...(await removeService(facts, ports)), ...(await leavePrimary(facts, ports))];
    if (await ports.removeWatcher(primary.profile))
      did.push(`the watcher of profile ${primary.profile} that ran as a service of its own was removed`);
    did.push(...(await ports.removeAudits(primary.profile)));
    const kept = options.keepHistory ? keepHistory(facts, ports.home) : null;
    if (kept !== null) did.push(`history and settings are in ${kept}`);

    const noted = join(primary.stateDir, WATCHDOG_DIR);
    let movedTo: string | null = null;
    // Also when it was gone: a gateway that still ran, or the host's uninstaller, makes it anew.
    if (existsSync(rescue.stateDir)) {
      movedTo = moveAside(rescue.stateDir, rescue.stateDir, options.stamp);
      did.push(`${rescue.stateDir} was moved to ${movedTo}`);
    }
    // What the primary's plugin noted about the rescue goes with it.
    if (existsSync(noted)) {
      const target = movedTo === null ? noted : join(movedTo, `${WATCHDOG_DIR}-of-${primary.profile}`);
      did.push(`${noted} was moved to ${moveAside(noted, target, movedTo === null ? options.stamp : "")}`);
    }
    return { did, movedTo, keptHistory: kept };
  });
}

/** A primary that is gone is no reason to keep its rescue. */
function factsOf(profile: string, { home }: Pick<UninstallPorts, "home">): SetupFacts {
  try {
    return readFacts({ profile, home, forRemoval: true });
  } catch (error) {
    if (!(error instanceof RescueError) || error.code !== "profile-missing") throw error;
    const facts = readFacts({ profile, home, inHand: { config: {} }, forRemoval: true });
    if (facts.rescue.state === "absent") throw error;
    return facts;
  }
}

async function leavePrimary(facts: SetupFacts, { cli, pluginRoot }: UninstallPorts): Promise<string[]> {
  const { primary, rescue } = facts;
  if (rescue.marker?.installedPlugin === true && loadsPlugin(facts, pluginRoot)) {
    await uninstallPlugin(cli, primary.profile);
    return [`the plugin, which setup had installed, was taken out of profile ${primary.profile}`];
  }
  if (primary.watches !== rescue.profile) return [];
  const entry = pluginEntry(primary.config);
  // What setup added goes whole; other settings of the plugin are the person's.
  const config = Object.keys(asObject(entry["config"])).length === 1 ? null : { watchProfile: null };
  await patchHost(cli, primary.profile, { plugins: { entries: { "rescue-watchdog": { config } } } });
  return [`the plugin in profile ${primary.profile} watches ${primary.watches} no more`];
}

async function removeService({ primary, rescue }: SetupFacts, { cli, service }: UninstallPorts): Promise<string[]> {
  // Without its directory there is no mark; that the primary watched it says whose it was.
  const lost = rescue.state === "absent" || rescue.state === "remnant";
  if (lost && primary.watches !== rescue.profile) return [];
  const control = service(rescue.profile, rescue.stateDir);
  const { state, manager } = await control.status();
  if (state === "not-installed") return [];
  if (manager === "external") {
    await control.stop();
    return [`the gateway of profile ${rescue.profile} was stopped; end its supervisor`];
  }
  // The host's uninstaller refuses to work beside a gateway whose directory was removed under it.
  if (lost) await control.stop();
  await hostOrThrow(cli, rescue.profile, ["gateway", "uninstall", "--json"], CLI_MS);
  return [`the service of profile ${rescue.profile} was uninstalled`];
}

/**
 * The journal and settings of the watchdog of the primary, to where it looks for them when there is no rescue profile. A history that is there already
 * is the one that was in use, and stays.
 */
function keepHistory({ primary, rescue }: SetupFacts, home: string): string | null {
  const from = join(rescue.stateDir, WATCHDOG_DIR);
  const to = journalHome(primary.profile, home);
  if (existsSync(join(to, "journal.sqlite"))) return to;
  if (!existsSync(from)) return null;
  const fresh = `${to}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  const ours = ["package", "owner.json"];
  cpSync(from, fresh, { recursive: true, filter: (path) => dirname(path) !== from || !ours.includes(basename(path)) });
  rmSync(to, { recursive: true, force: true });
  renameSync(fresh, to);
  return to;
}

function moveAside(path: string, target: string, stamp: string): string {
  const name = stamp === "" ? target : `${target}.removed-${stamp}`;
  let aside = name;
  for (let n = 2; existsSync(aside); n++) aside = `${name}-${n}`;
  renameSync(path, aside);
  return aside;
}
