import { type Command, printJson } from "../command.ts";
import { confirmed, portsFor, setUp, wishesFrom } from "../setting-up.ts";

export const setupCommand: Command = {
  name: "setup",
  summary: "make a rescue gateway for a profile: a second, isolated one that watches it",
  usage:
    "[--profile NAME] [--port N] [--no-service] [--inherit-auth] [--telegram-token-file FILE --telegram-allow IDS [--telegram-api-root URL]] [--yes] [--dry-run] [--json]",
  help: `
Prints what it will do, then makes the rescue profile (\`rescue\` for the default profile, NAME-rescue otherwise): its own directory, token and
port, loopback only, this plugin, no model and no channel; installs its service with the host's own installer, proves that the listener is that
service before the token is used, and declares the backstop's cron job. Run again, it completes or mends what is there and keeps the token.

  --port N         the rescue gateway's port; default: the first one from 19789 that is 120 away from every configured gateway and free
  --no-service     make the profile only; start it yourself: rescue-watchdog supervise -- openclaw --profile rescue gateway run
  --inherit-auth   copy the primary's provider credentials that the host calls portable (API keys and static tokens, never OAuth), and its model;
                   what the rescue has of its own is kept. Names are printed, values never
  --telegram-token-file FILE, --telegram-allow ID[,ID]
                   a bot of the rescue's own, not the primary's: its token, and the numeric ids of those who may use it; each gets a test alert
  --telegram-api-root URL
                   a Bot API server of your own; default: the primary's, else Telegram's
  --yes            do not ask; without a terminal or with --json nothing is asked anyway
  --dry-run        print the plan and change nothing

Exit codes: 0 done; 2 a name, port or bot that cannot be; 3 no such profile; 4 a file cannot be read; 5 its config is not valid; 6 the port is in
use; 7 there is no openclaw command; 8 another setup runs; 12 the new gateway did not answer in time; 130 interrupted; 9 refused (the rescue profile is not ours, a directory is not safe, the listener could not be proved); 11 the host or the service manager
failed, or there is none (then --no-service). What a failed run had made is taken back, or named with the command that removes it.
`,
  options: {
    port: { type: "string" },
    "no-service": { type: "boolean" },
    "inherit-auth": { type: "boolean" },
    "telegram-token-file": { type: "string" },
    "telegram-allow": { type: "string" },
    "telegram-api-root": { type: "string" },
    yes: { type: "boolean" },
    "dry-run": { type: "boolean" },
  },
  run: async (call) => {
    const dryRun = call.values["dry-run"] === true;
    const wishes = wishesFrom(call);
    if (dryRun && call.json) {
      const { prepareSetup } = await import("../../../src/onboard/provision.ts");
      printJson(call, { ok: true, dryRun: true, plan: (await prepareSetup(wishes, await portsFor(call))).plan });
      return 0;
    }
    const result = await setUp(call, wishes, async () => !dryRun && (await confirmed(call)));
    if (call.json) printJson(call, { ok: true, ...result });
    return 0;
  },
};
