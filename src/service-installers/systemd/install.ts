import { existsSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import { readDefinitionFile, removeDefinitionFile, usableDirectory, writeDefinitionFile } from "../definition-file.ts";
import type { ServiceInstaller, ServiceSpec } from "../installer.ts";
import { complaintOf, resetFailed, systemctl } from "./systemctl.ts";
import { ownUnits, renderDropIn, renderSentinel, renderWake, userUnits } from "./units.ts";

export interface SystemdPlace {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What the sentinel's installation may bring along. */
export interface Additions {
  /** Runs one round of watching when the gateway's unit has failed. */
  readonly wake: ServiceSpec;
  /** Also give the gateway's unit a start limit and longer pauses. */
  readonly harden: boolean;
}

const ASK_MS = 10_000;
/** Starting waits for the first word of the new service; stopping for the end of its process. */
const START_MS = 60_000;

/**
 * The units of ours in the account's systemd: the sentinel, and with `additions` the wake-up and the drop-in that calls it. Uninstalling removes all of them, whatever was
 * installed. @throws RescueError `service-control`, or `refused` for a directory that others can write to
 */
export function systemdInstaller({ home, env }: SystemdPlace, additions?: Additions): ServiceInstaller {
  const directory = userUnits(home);
  const order = async (args: readonly string[], timeoutMs = ASK_MS): Promise<void> => {
    const result = await systemctl(args, { env, timeoutMs });
    if (result.exitCode !== 0) {
      throw new RescueError("service-control", `systemctl --user ${args.join(" ")}: ${complaintOf(result)}`, {
        fix: `journalctl --user -u ${args.at(-1)} -n 50`,
      });
    }
  };

  return {
    manager: "systemd",

    async install(spec) {
      const { sentinel, wake, dropInDirectory, dropIn } = ownUnits(spec.profile);
      for (const path of [join(home, ".config"), join(home, ".config", "systemd"), directory]) usableDirectory(path, 0o755);
      const files: [directory: string, name: string, text: string][] = [[directory, sentinel, renderSentinel(spec)]];
      if (additions !== undefined) {
        usableDirectory(join(directory, dropInDirectory), 0o755);
        files.push([directory, wake, renderWake(additions.wake)]);
        files.push([join(directory, dropInDirectory), dropIn, renderDropIn(spec.profile, additions)]);
      }
      const changed = files.filter(([where, name, text]) => readDefinitionFile(join(where, name)) !== text);
      for (const [where, name, text] of changed) await writeDefinitionFile(where, name, text);
      if (changed.length > 0) await order(["daemon-reload"]);
      await order(["enable", sentinel]);
      // Type=notify: it ends when the loop has said its first word. A restart only for what runs an older definition.
      await order([changed.some(([, name]) => name === sentinel) ? "restart" : "start", sentinel], START_MS);
      return { path: join(directory, sentinel), changed: changed.length > 0 };
    },

    async uninstall(profile) {
      const { sentinel, wake, dropInDirectory, dropIn } = ownUnits(profile);
      const has = (...name: string[]) => existsSync(join(directory, ...name));
      if (has(sentinel)) await order(["disable", "--now", sentinel], START_MS);
      if (has(wake)) await order(["stop", wake], START_MS);
      const removed = [
        removeDefinitionFile(directory, sentinel),
        removeDefinitionFile(directory, wake),
        has(dropInDirectory) && removeDefinitionFile(join(directory, dropInDirectory), dropIn),
      ];
      if (!removed.includes(true)) return false;
      if (has(dropInDirectory)) removeIfEmpty(join(directory, dropInDirectory));
      await order(["daemon-reload"]);
      // A failed unit stays in the manager's list after its file is gone.
      for (const unit of [sentinel, wake]) await resetFailed(unit, { env, timeoutMs: ASK_MS });
      return true;
    },
  };
}

/** Somebody else's drop-ins stay. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOTEMPTY")) throw error;
  }
}
