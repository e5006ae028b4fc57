import { homedir } from "node:os";
import { isRescueName, watchedBy } from "../../src/shared/rescue-home.ts";
import { watchedProfile } from "../service/watching.ts";
import { runCli } from "./run.ts";

/** The part of the host's commander program that is used. */
interface Program {
  command(name: string): {
    description(text: string): ReturnType<Program["command"]>;
    allowUnknownOption(allow: boolean): ReturnType<Program["command"]>;
    allowExcessArguments(allow: boolean): ReturnType<Program["command"]>;
    helpOption(flags: false): ReturnType<Program["command"]>;
    argument(name: string, description: string): ReturnType<Program["command"]>;
    action(run: () => Promise<void>): unknown;
  };
}

/**
 * `openclaw rescue …`: the same commands as `rescue-watchdog …`. The words are taken from the command line itself, because the host's
 * parser would take the options for its own. `--profile` is the host's wherever it stands: it says in which profile the command runs. The commands
 * speak of the current profile, and in a rescue profile of the one that it rescues.
 */
export function addRescueCommand(program: Program, settings: unknown, packageRoot: string | undefined): void {
  program
    .command("rescue")
    .description("Watch and repair an OpenClaw gateway from outside")
    .allowUnknownOption(true)
    .allowExcessArguments(true)
    .helpOption(false)
    .argument("[words...]", "see: openclaw rescue --help")
    .action(async () => {
      const abort = new AbortController();
      for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort());
      const words = process.argv.slice(process.argv.indexOf("rescue", 2) + 1);
      const current = process.env["OPENCLAW_PROFILE"] ?? "default";
      process.exitCode = await runCli(words, {
        program: "openclaw rescue",
        env: process.env,
        home: homedir(),
        defaultProfile: isRescueName(current) ? (watchedProfile(settings) ?? watchedBy(current) ?? current) : current,
        packageRoot,
        signal: abort.signal,
      });
    });
}
