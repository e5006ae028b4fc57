import { EXIT_CODES, RescueError } from "../../../src/shared/errors.ts";
import { type Command, printJson, text } from "../command.ts";

export const preflightCommand: Command = {
  name: "preflight",
  summary: "run a command only when the gateway is ready for it: for crontab lines and unit files",
  usage: "[--profile NAME] [--checks gateway,pairing,config,disk] [--min-free-mb N] [--json] -- CMD ARGS…",
  help: `
Checks, all at once and each with a deadline, and then becomes CMD in effect: its input, output, directory and environment are ours, signals
(INT, TERM, HUP, USR1, USR2, QUIT) are passed on, and the end is CMD's: the same exit code, or the same signal. No shell is involved.
When a check fails or cannot be made, CMD is not run and one line on standard error says why (docs/preflight.md has every reason):

  PREFLIGHT_FAILED reason=gateway_unreachable port=18789 detail="nothing listens on 127.0.0.1:18789"

  --checks LIST      which of: gateway (/healthz answers 200), pairing (no request waits for approval), config (the host finds it valid;
                     this one takes seconds), disk; default: all
  --min-free-mb N    how many million bytes must be free where the state directory is (default 200)
  --json             the same as one object on standard output, nothing on standard error

Exit codes: 0 to 255 are CMD's own once it runs. Before: ${EXIT_CODES["preflight-failed"]} a check failed or could not be made; 126 CMD cannot be executed; 127 there is
no CMD of that name; 2 the command line is wrong.
`,
  options: { checks: { type: "string" }, "min-free-mb": { type: "string" } },
  run: async (call) => {
    const { fieldsOf, parseWishes, preflight, renderLine } = await import("../../../rescue-profile/preflight-main.ts");
    const wishes = parseWishes({ checks: text(call, "checks"), minFreeMb: text(call, "min-free-mb") });
    if (call.rest.length === 0) {
      throw new RescueError("usage", "preflight wants a command behind --", { fix: "rescue-watchdog preflight -- CMD ARGS…" });
    }
    return preflight({
      profile: call.profile,
      home: call.home,
      env: call.env,
      wishes,
      argv: call.rest,
      failedCode: EXIT_CODES["preflight-failed"],
      tell: (failures) => {
        const fields = fieldsOf(failures);
        if (call.json) printJson(call, { ok: false, ...fields });
        else call.err(`${renderLine(fields)}\n`);
      },
    });
  },
};
