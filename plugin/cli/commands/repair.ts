import { requestCommand } from "../request.ts";

export const repairCommand = requestCommand({
  name: "repair",
  summary: "repair the gateway now instead of when the waiting time is over",
  usage: "[--profile NAME] [--json]",
  help: `
Asks whoever watches to repair at once what looks wrong; when nobody watches, looks and decides itself. It skips waiting times only: a
healthy, starting or cleanly stopped gateway is left alone, a pause holds, and the allowed number of repairs is kept.

Exit codes: 0 a repair began; 9 refused, with the reason.
`,
  options: {},
  kind: "repair",
  payload: () => ({}),
});
