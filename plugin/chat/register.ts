import type { OpenClawPluginApi } from "openclaw/plugin-sdk/plugin-entry";
import { BUTTON_NAMESPACE } from "../../rescue-profile/core/proposal.ts";
import { isRescueName } from "../../src/shared/rescue-home.ts";
import { watchedProfile } from "../service/watching.ts";
import type { Press } from "./answering.ts";

/** `status`, `config` and `help` are the host's own: behind `/rescue` they are ours. */
const COMMANDS = {
  rescue: "The gateway that is watched: /rescue status, /rescue config, /rescue help",
  repair: "Repair the watched gateway now (asks first)",
  logs: "The last ten repairs",
  history: "How well repairs went: 24h, 7d, 30d",
  proposal: "What an AI proposes for an incident, to approve or reject",
  report: "An incident as one page: /report, or /report 3",
  pause: "Repair nothing for a while: /pause 2h reason",
  resume: "Repair again",
} as const;

/** In a rescue gateway: commands and buttons of its own Telegram channel. Elsewhere nothing is registered: a gateway that died would not hear them. */
export function registerChat(api: OpenClawPluginApi, packageRoot: string | undefined): void {
  if (watchedProfile(api.pluginConfig) === undefined || !isRescueName(process.env["OPENCLAW_PROFILE"] ?? "default")) return;
  const answering = async () => {
    const { answeringFor } = await import("./answering.ts");
    return answeringFor(api.pluginConfig, packageRoot, api.logger);
  };
  for (const [name, description] of Object.entries(COMMANDS)) {
    api.registerCommand({
      name,
      description,
      channels: ["telegram"],
      acceptsArgs: true,
      // We check the sender ourselves; the host would answer a stranger, who is to hear nothing.
      requireAuth: false,
      handler: async ({ senderId, from, args, isAuthorizedSender }) =>
        (await answering()).command({ senderId, from, isKnown: isAuthorizedSender, text: `/${name} ${args ?? ""}` }),
    });
  }
  api.registerInteractiveHandler({
    channel: "telegram",
    namespace: BUTTON_NAMESPACE,
    handler: async (context) => (await answering()).press(context as Press),
  });
}
