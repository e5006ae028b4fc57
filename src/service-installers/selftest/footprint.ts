import { lstatSync } from "node:fs";
import { join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import type { CommandResult } from "../../shared/run-command.ts";
import { agentLabel } from "../launchd/agent.ts";
import { agentsDirectory } from "../launchd/control.ts";
import { watchdogTaskName } from "../schtasks/install.ts";
import { ownUnits, userUnits } from "../systemd/units.ts";

/** Where a service of ours shows outside of our own code, so that what the installer says can be compared. */
export interface Footprint {
  /** What a person would look for: unit, label, task. */
  readonly title: string;
  /** The file of its definition; null when the manager keeps it to itself. */
  readonly definition: string | null;
  /** Programs that know it. */
  readonly ask: readonly (readonly string[])[];
  /** Whether such a program has it; undefined when its answer says neither. */
  readonly has: (said: { readonly exitCode: number | null; readonly stdout: string }) => boolean | undefined;
  /** What the manager can say about it when something went wrong. */
  readonly describe: readonly string[];
  readonly remove: string;
}

/** Pure. Throws `service-control` for a platform without a manager that we know. */
export function footprint(platform: NodeJS.Platform, name: string, { home, uid }: { home: string; uid: number }): Footprint {
  switch (platform) {
    case "linux": {
      const title = ownUnits(name).sentinel;
      const definition = join(userUnits(home), title);
      return {
        title,
        definition,
        ask: [["systemctl", "--user", "show", title, "--property=LoadState"]],
        has: ({ exitCode, stdout }) => (exitCode === 0 && stdout.includes("LoadState=") ? !stdout.includes("=not-found") : undefined),
        describe: ["systemctl", "--user", "--no-pager", "--lines=20", "status", title],
        remove: `systemctl --user disable --now ${title}; rm -f "$HOME/.config/systemd/user/${title}"; systemctl --user daemon-reload`,
      };
    }
    case "darwin": {
      const title = agentLabel(name);
      const definition = join(agentsDirectory(home), `${title}.plist`);
      // launchctl's own: 112 and 125 no such domain, 113 no such service.
      const no: ReadonlySet<number | null> = new Set([112, 113, 125]);
      return {
        title,
        definition,
        ask: ["gui", "user"].map((domain) => ["launchctl", "print", `${domain}/${uid}/${title}`]),
        has: ({ exitCode }) => (exitCode === 0 ? true : no.has(exitCode) ? false : undefined),
        describe: ["launchctl", "print", `gui/${uid}/${title}`],
        remove: `launchctl bootout gui/${uid}/${title}; launchctl bootout user/${uid}/${title}; rm -f "$HOME/Library/LaunchAgents/${title}.plist"`,
      };
    }
    case "win32": {
      const title = watchdogTaskName(name);
      return {
        title,
        definition: null,
        ask: [["schtasks", "/Query", "/TN", title]],
        // Its words are translated. 1 is any refusal; an account's own tasks it may always see.
        has: ({ exitCode }) => (exitCode === 0 ? true : exitCode === 1 ? false : undefined),
        describe: ["schtasks", "/Query", "/TN", title],
        remove: `schtasks /End /TN "${title}" & schtasks /Delete /F /TN "${title}"`,
      };
    }
    default:
      throw new RescueError("service-control", `services of ${platform} are not supported`);
  }
}

export type RunProgram = (argv: readonly string[]) => Promise<Pick<CommandResult, "exitCode" | "stdout" | "stderr">>;

/** Whether the manager itself has it. Throws `service-control` when it cannot be told. */
export async function isKnown({ runProgram }: { readonly runProgram: RunProgram }, print: Footprint): Promise<boolean> {
  for (const argv of print.ask) {
    const said = await runProgram(argv);
    const answer = print.has(said);
    if (answer === true) return true;
    if (answer === false) continue;
    const words = (said.stderr || said.stdout).trim();
    throw new RescueError(
      "service-control",
      `whether there is a ${print.title} cannot be told: ${argv.join(" ")} ended with ${said.exitCode}, ${words}`,
    );
  }
  return false;
}

/** The same, or its definition lies there. */
export async function isThere(world: { readonly runProgram: RunProgram }, print: Footprint): Promise<boolean> {
  return (print.definition !== null && kindOf(print.definition) !== "nothing") || isKnown(world, print);
}

export function kindOf(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "nothing";
  return stat.isFile() ? `a file of mode ${(stat.mode & 0o777).toString(8)}` : "no plain file";
}
