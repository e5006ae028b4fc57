import { RescueError } from "../../../src/shared/errors.ts";
import { findHostCli, hostJson, runHostOnTerminal } from "../../../src/shared/openclaw-cli.ts";
import { type Command, printJson } from "../command.ts";
import { setUp } from "../setting-up.ts";

export const onboardCommand: Command = {
  name: "onboard",
  summary: "run the host's onboarding, then set up its rescue gateway: one command on a new machine",
  usage: "[--profile NAME] [--rescue-watchdog] [the options of openclaw onboard …] [--json]",
  help: `
Runs \`openclaw onboard\` with the given options, on this terminal when it asks questions, and then the same as \`setup --yes\`. For machines where
the plugin is not installed yet, where the host does not know its flag, and for \`--auth-choice OTHER\`. With --skip-daemon (or
--no-install-daemon) the rescue gets no service either. With --json the one object holds the host's own answer under "onboard".

Exit codes: those of setup; 11 when the onboarding itself failed, and nothing of the rescue was begun.
`,
  options: {},
  verbatim: true,
  run: async (call) => {
    const hostWords = call.rest.filter((word) => word !== "--rescue-watchdog");
    const cli = findHostCli({ home: call.home, env: call.env, entry: process.argv[1] });
    const { exitCode, stdout } = await runHostOnTerminal(cli, call.profile, ["onboard", ...hostWords], { captureStdout: call.json });
    if (exitCode !== 0) {
      throw new RescueError("service-control", `openclaw onboard ended with ${exitCode ?? "a signal"}; the rescue gateway was not set up`, {
        fix: "see the host's words above, then run this again",
      });
    }
    const service = hostWords.some((word) => word === "--skip-daemon" || word === "--no-install-daemon") ? "none" : "managed";
    const result = await setUp(call, { profile: call.profile, service }, async () => true);
    if (call.json) printJson(call, { ok: true, onboard: hostJson(stdout) ?? null, ...result });
    return 0;
  },
};
