import { type Command, printJson } from "../command.ts";

export const uninstallCommand: Command = {
  name: "uninstall",
  summary: "take the rescue gateway of a profile away again",
  usage: "[--profile NAME] [--yes] [--json]",
  help: `
Uninstalls the rescue profile's service, takes the plugin out of the primary if setup had put it there (else only ends its watching), and moves the rescue profile's directory beside itself
(NAME.removed-TIME): nothing is erased. Only what carries this plugin's mark is touched. A second run says that there is nothing to do.

Exit codes: 0 done or nothing to do; 3 no such profile; 8 a setup is running; 9 the rescue profile is not ours; 11 the host failed.
`,
  options: { yes: { type: "boolean" } },
  run: async (call) => {
    const { uninstall } = await import("../../../src/onboard/uninstall.ts");
    const { setupPorts } = await import("../../../rescue-profile/setup-main.ts");
    const ports = setupPorts({
      home: call.home,
      env: call.env,
      packageRoot: call.packageRoot,
      signal: call.signal,
      onStep: () => undefined,
    });
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
    const result = await uninstall({ profile: call.profile, stamp }, ports);
    if (call.json) printJson(call, { ok: true, ...result });
    else call.out(result.did.length === 0 ? "there is nothing to do\n" : `${result.did.join("\n")}\n`);
    return 0;
  },
};
