import { parseDuration } from "../../../src/shared/duration.ts";
import { type Command, printJson, text } from "../command.ts";

export const tickCommand: Command = {
  name: "tick",
  summary: "one round of watching, for cron jobs and timers",
  usage: "[--profile NAME] [--for 50s] [--while-enabled] [--wake] [--json]",
  help: `
Looks until nothing is suspicious and no incident is open, or the time of --for (default 50s) is over. State carries over from tick to tick,
so that a cron job every minute sees nearly the same as a loop. When another process watches already, says so and leaves.

  --for TIME        how long at most
  --wake            wake the process that watches already, if there is one: something happened
  --while-enabled   do nothing when this plugin is disabled or was uninstalled in that profile: for the rescue gateway's cron job

Exit codes: 0 always when it could look, whatever it saw: a failing cron job would be slowed down and disabled by the host.
`,
  options: { for: { type: "string" }, "while-enabled": { type: "boolean" }, wake: { type: "boolean" } },
  run: async (call) => {
    const { isWithdrawn, openWatchdog, ringBell, tick } = await import("../../../rescue-profile/main.ts");
    const maxMs = parseDuration(text(call, "for") ?? "50s", "--for");
    if (call.values["while-enabled"] === true && isWithdrawn(call.profile, call.home)) {
      if (call.json) printJson(call, { ok: true, watched: false, withdrawn: true });
      else call.out(`the plugin is disabled in profile ${call.profile}: nothing is watched or repaired\n`);
      return 0;
    }
    const dog = await openWatchdog({ profile: call.profile, home: call.home, env: call.env, packageRoot: call.packageRoot, what: "tick" });
    const result = await tick(dog, maxMs, call.signal, true);
    dog.journal.close();
    if (!result.watched) {
      if (call.values["wake"] === true) ringBell(dog.dir);
      if (call.json) printJson(call, { ok: true, watched: false, watcher: result.by });
      else call.out(`pid ${result.by.pid} (${result.by.what}) watches already\n`);
      return 0;
    }
    const { phase, track, incident } = result.state;
    if (call.json)
      printJson(call, { ok: true, watched: true, phase: phase.name, condition: track.condition, incident: incident?.id ?? null });
    else call.out(`${track.condition}, ${phase.name}\n`);
    return 0;
  },
};
