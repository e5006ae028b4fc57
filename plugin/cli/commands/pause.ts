import { parseDuration } from "../../../src/shared/duration.ts";
import { text } from "../command.ts";
import { requestCommand } from "../request.ts";

export const pauseCommand = requestCommand({
  name: "pause",
  summary: "repair nothing for a while; watching goes on",
  usage: "[--for 2h] [--reason TEXT] [--profile NAME] [--json]",
  help: `
No repair is started until the time is over or \`resume\` is given. Without --for it holds until resumed. A repair that is running is finished.

Exit codes: 0 paused.
`,
  options: { for: { type: "string" }, reason: { type: "string" } },
  kind: "pause",
  payload: (call) => {
    const duration = text(call, "for");
    const reason = text(call, "reason");
    return {
      ...(duration === undefined ? {} : { forMs: parseDuration(duration, "--for") }),
      ...(reason === undefined ? {} : { reason: reason.slice(0, 200) }),
    };
  },
});
