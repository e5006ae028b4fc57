import { RescueError } from "../../../src/shared/errors.ts";
import { type Command, printJson } from "../command.ts";

export const serviceCommand: Command = {
  name: "service",
  summary: "keep a watcher running as a service of its own, and let a gateway that failed for good wake it",
  usage: "install|uninstall [--profile NAME] [--harden] [--json]",
  help: `
\`install\` lays down a small watcher as a service of this account: it stands by for the loop in the rescue gateway, takes over when that dies or
freezes, and is itself restarted by the service manager when its loop stops. With systemd it also adds a drop-in beside the gateway's unit, whose
own file stays the host's: when systemd has given up on the gateway (start limit, exit 78), the watcher is woken at once. \`uninstall\` removes it all.

  --harden   systemd: also give the gateway's unit a start limit (3 in 60 s) and 10 s between restarts, so that a gateway that cannot start
             fails soon and is looked at, instead of being restarted for ever

Exit codes: 0 done, or nothing to remove; 2 usage; 9 a directory or file there is not safe; 11 the service manager failed, or there is none.
`,
  words: 1,
  options: { harden: { type: "boolean" } },
  run: async (call) => {
    const [verb] = call.positionals;
    if (verb !== "install" && verb !== "uninstall") {
      throw new RescueError("usage", `service takes install or uninstall, not ${JSON.stringify(verb ?? "")}`, {
        fix: "rescue-watchdog service --help",
      });
    }
    const { ownServices } = await import("../../../rescue-profile/service-main.ts");
    const { profile, home, env, packageRoot } = call;
    const { installer, sentinel } = ownServices({ profile, home, env, packageRoot, harden: call.values["harden"] === true });
    if (verb === "install") {
      const { path, changed } = await installer.install(sentinel);
      if (call.json) printJson(call, { ok: true, manager: installer.manager, path, changed });
      else call.out(`${path}\n${changed ? "written and started" : "was there already; running"}\n`);
      return 0;
    }
    const removed = await installer.uninstall(profile);
    if (call.json) printJson(call, { ok: true, manager: installer.manager, removed });
    else call.out(removed ? "removed\n" : "there is nothing to do\n");
    return 0;
  },
};
