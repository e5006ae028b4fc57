import { definePluginEntry } from "openclaw/plugin-sdk/plugin-entry";
import { registerChat } from "./chat/register.ts";
import { rescueProvider } from "./onboard/method.ts";

/** Registers only: this runs many times, also in every CLI process of the host. What it registers loads itself when it is used. */
export default definePluginEntry({
  id: "rescue-watchdog",
  name: "Rescue Watchdog",
  description: "Brings a dead, hung or refusing OpenClaw gateway back, from outside the process that broke.",
  register(api) {
    const settings = api.pluginConfig;
    // The host runs a copy of this package that it throws away at its end; what must outlive it is started from the package itself.
    const packageRoot = api.rootDir;
    api.registerCli(
      async ({ program }) => {
        const { addRescueCommand } = await import("./cli/host-command.ts");
        addRescueCommand(program, settings, packageRoot);
      },
      { descriptors: [{ name: "rescue", description: "Watch and repair an OpenClaw gateway from outside", hasSubcommands: true }] },
    );
    api.registerProvider(rescueProvider(packageRoot));
    registerChat(api, packageRoot);
    let stop: (() => Promise<void>) | undefined;
    api.registerService({
      id: "rescue-watchdog",
      start: async (context) => {
        const { startService } = await import("./service/start.ts");
        stop = startService({ settings, packageRoot, logger: context.logger, scheduler: () => context.getCron?.() });
      },
      stop: async () => {
        try {
          const { closeDoor } = await import("./chat/answering.ts");
          await closeDoor();
        } finally {
          await stop?.();
        }
      },
    });
  },
});
