import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { WATCHDOG_DIR } from "../shared/rescue-home.ts";
import { assertOwnDirectory, withLock } from "../shared/secure-file.ts";
import { readFacts } from "./facts.ts";
import { hostOrThrow, patchHost, type SetupPorts } from "./provision.ts";

export interface UninstallResult {
  /** What was removed or moved, one sentence each; empty when there was nothing to do. */
  readonly did: readonly string[];
  /** Where the rescue profile is now, or null when there was none. */
  readonly movedTo: string | null;
}

const CLI_MS = 180_000;

/**
 * Takes a rescue profile away: its service by the host's own uninstaller, the plugin's wish to watch it in the primary, and its directory,
 * which is moved beside itself and never erased. Only what carries our mark. A second run finds nothing to do.
 */
export async function uninstall(
  options: { readonly profile: string; readonly stamp: string },
  ports: Pick<SetupPorts, "home" | "env" | "cli" | "service">,
): Promise<UninstallResult> {
  const first = readFacts({ profile: options.profile, home: ports.home, env: ports.env });
  return withLock(join(first.primary.stateDir, ".rescue-watchdog-setup"), "rescue setup of this profile", async () => {
    const { primary, rescue } = readFacts({ profile: options.profile, home: ports.home, env: ports.env });
    const did: string[] = [];
    // The primary first: it must not start again what is being removed.
    if (rescue.marker?.installedPlugin === true && primary.pluginEnabled) {
      await hostOrThrow(ports.cli, primary.profile, ["plugins", "uninstall", "rescue-watchdog", "--force"], CLI_MS);
      did.push(`the plugin, which setup had installed, was taken out of profile ${primary.profile}`);
    } else if (primary.watches !== undefined) {
      await patchHost(ports.cli, primary.profile, { plugins: { entries: { "rescue-watchdog": { config: { watchProfile: null } } } } });
      did.push(`the plugin in profile ${primary.profile} watches ${primary.watches} no more`);
    }
    if (rescue.state === "absent") return { did: [...did, ...asideWatchdog(primary.stateDir, options.stamp)], movedTo: null };

    assertOwnDirectory(rescue.stateDir);
    const service = ports.service(rescue.profile, rescue.stateDir);
    const { state, manager } = await service.status();
    if (state !== "not-installed") {
      if (manager === "external") await service.stop();
      else await hostOrThrow(ports.cli, rescue.profile, ["gateway", "uninstall", "--json"], CLI_MS);
      did.push(`the service of profile ${rescue.profile} was ${manager === "external" ? "stopped; end its supervisor" : "uninstalled"}`);
    }
    const movedTo = moveAside(rescue.stateDir, options.stamp);
    did.push(`${rescue.stateDir} was moved to ${movedTo}`);
    return { did: [...did, ...asideWatchdog(primary.stateDir, options.stamp)], movedTo };
  });
}

/** What the primary's plugin noted about the rescue. */
function asideWatchdog(primaryStateDir: string, stamp: string): string[] {
  const dir = join(primaryStateDir, WATCHDOG_DIR);
  if (!existsSync(dir)) return [];
  return [`${dir} was moved to ${moveAside(dir, stamp)}`];
}

function moveAside(path: string, stamp: string): string {
  let aside = `${path}.removed-${stamp}`;
  for (let n = 2; existsSync(aside); n++) aside = `${path}.removed-${stamp}-${n}`;
  renameSync(path, aside);
  return aside;
}
