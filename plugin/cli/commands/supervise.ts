import { RescueError } from "../../../src/shared/errors.ts";
import type { Command } from "../command.ts";
import { logLine } from "../render.ts";

export const superviseCommand: Command = {
  name: "supervise",
  summary: "keep a foreground gateway alive where there is no service manager",
  usage: "[--profile NAME] [--json] -- openclaw gateway run …",
  help: `
Runs the command behind -- under the host's contract for external supervisors: it is started again on every exit except 78 (the host asks
for a mended configuration first) and an intended stop, with a growing pause after crashes. SIGTERM and SIGINT stop it in an orderly way.
The watchdog controls it by a private socket in the profile's state directory. For containers, give it to an init such as tini.

  --json   print what happens as JSON lines on standard error

Exit codes: 0 stopped as asked; 2 nothing to run; 8 another supervisor runs for this profile.
`,
  options: {},
  run: async (call) => {
    if (call.rest.length === 0)
      throw new RescueError("usage", "supervise wants a command behind --", { fix: "rescue-watchdog supervise -- openclaw gateway run" });
    const { supervise } = await import("../../../src/service-installers/external/supervise.ts");
    const { profileStateDir, scrubbedEnv, validateProfileName } = await import("../../../src/shared/openclaw-home.ts");
    const profile = profileIn(call.rest) ?? call.profile;
    validateProfileName(profile);
    const stateDir = profileStateDir(profile, { home: call.home, env: call.env });
    return supervise({
      argv: call.rest,
      stateDir,
      env: scrubbedEnv(call.env),
      log: (event, details) => {
        const line = `${JSON.stringify({ timestamp: new Date().toISOString(), event, details: details ?? null })}\n`;
        call.err(call.json ? line : `supervise: ${logLine(line, call.style)}`);
      },
    });
  },
};

/** The profile that the supervised command itself names: what is supervised decides, not a second option that could differ from it. */
function profileIn(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((word) => word === "--profile" || word.startsWith("--profile="));
  if (at === -1) return undefined;
  return argv[at]?.startsWith("--profile=") === true ? argv[at].slice("--profile=".length) : argv[at + 1];
}
