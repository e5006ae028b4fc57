import { systemdNotifier } from "../../../src/service-installers/systemd/notify.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import type { Command } from "../command.ts";
import { logLine } from "../render.ts";

export const watchCommand: Command = {
  name: "watch",
  summary: "watch a gateway in the foreground and repair it when it breaks",
  usage: "[--profile NAME] [--set GROUP.KEY=VALUE]… [--telegram] [--json]",
  help: `
Watches until it is ended by SIGINT or SIGTERM. Several watchers of one profile do not disturb each other: one looks, the others stand by
and take over when it dies or freezes. What happens is printed, and written to the watchdog's log (see \`logs\`).

  --set GROUP.KEY=VALUE   override one setting for this run, for example --set act.frozenSeconds=8; may be repeated.
                          Settings live in config.json5 in the watchdog's directory (\`status --json\` names it).
  --telegram              answer and obey those whom chat.telegram of the settings names, from a bot of the watchdog's own: /status, /repair, /help …
                          (docs/chat.md); not beside a rescue gateway that reads the same bot.
  --json                  print the JSON log lines as they are written

Exit codes: 0 ended by a signal; 3 the profile does not exist; 4 something could not be read; 5 its config is not valid.
`,
  options: { set: { type: "string", multiple: true }, telegram: { type: "boolean" } },
  run: async (call) => {
    const { openChat, openWatchdog, watchForever } = await import("../../../rescue-profile/main.ts");
    const overrides = call.values["set"];
    const notifier = systemdNotifier(call.env, (why) => call.err(`systemd was not told that the loop lives: ${why}\n`));
    const dog = await openWatchdog({
      profile: call.profile,
      home: call.home,
      env: call.env,
      packageRoot: call.packageRoot,
      what: "watch",
      ...(notifier === undefined ? {} : { onBeat: () => notifier.beat() }),
      overrides: Array.isArray(overrides) ? overrides : [],
      onLine: (line) => call.out(call.json ? line : logLine(line, call.style)),
    });
    if (!call.json) call.err(`watching profile ${dog.target.profile} on port ${dog.target.port}; log: ${dog.dir}/logs/watchdog.jsonl\n`);
    try {
      // A door that cannot be opened is said before anything is watched.
      if (call.values["telegram"] === true) await openChat(dog, call.signal);
      await watchForever(dog, call.signal, (by) => call.err(`standing by: pid ${by.pid} (${by.what}) watches this profile\n`));
    } catch (error) {
      if (error instanceof RescueError) throw error;
      throw new RescueError("journal", `watching stopped, because what is done must be written first: ${String(error)}`, { cause: error });
    } finally {
      dog.journal.close();
    }
    return 0;
  },
};
