import { requestCommand } from "../request.ts";

export const resumeCommand = requestCommand({
  name: "resume",
  summary: "end a pause",
  usage: "[--profile NAME] [--json]",
  help: `
Repairs are allowed again. What was seen during the pause is forgotten: faults must last anew before they are acted on.

Exit codes: 0 resumed, or was not paused.
`,
  options: {},
  kind: "resume",
  payload: () => ({}),
});
