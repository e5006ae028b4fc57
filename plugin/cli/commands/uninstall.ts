import { type Command, printJson } from "../command.ts";
import { confirmed, portsFor } from "../setting-up.ts";

export const uninstallCommand: Command = {
  name: "uninstall",
  summary: "take the rescue gateway of a profile away again",
  usage: "[--profile NAME] [--keep-history] [--yes] [--json]",
  help: `
Uninstalls the rescue profile's service, takes the plugin out of the primary if setup had put it there (else only ends its watching), and moves
the rescue profile's directory beside itself (NAME.removed-TIME): nothing is erased. Only what carries this plugin's mark is touched. It also
works when the primary or the rescue's directory is gone already. A second run says that there is nothing to do.

  --keep-history   leave journal, log and settings where a later watch or setup of this profile finds them
  --yes            do not ask; without a terminal or with --json nothing is asked anyway

Exit codes: 0 done or nothing to do; 3 no such profile; 8 a setup is running; 9 the rescue profile is not ours; 11 the host failed.
`,
  options: { "keep-history": { type: "boolean" }, yes: { type: "boolean" } },
  run: async (call) => {
    const { uninstall } = await import("../../../src/onboard/uninstall.ts");
    if (!call.json) call.out(`the rescue gateway of profile ${call.profile} is taken away; its directory is moved aside, not erased\n`);
    if (!(await confirmed(call))) return 0;
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
    const keepHistory = call.values["keep-history"] === true;
    const result = await uninstall({ profile: call.profile, stamp, keepHistory }, await portsFor(call));
    if (call.json) printJson(call, { ok: true, ...result });
    else call.out(result.did.length === 0 ? "there is nothing to do\n" : `${result.did.join("\n")}\n`);
    return 0;
  },
};
