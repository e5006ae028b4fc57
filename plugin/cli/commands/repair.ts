import { RescueError } from "../../../src/shared/errors.ts";
import { requestCommand } from "../request.ts";

export const repairCommand = requestCommand({
  name: "repair",
  summary: "repair the gateway now instead of when the waiting time is over",
  usage: "[--profile NAME] [--tier 1|2] [--dry-run] [--json]",
  help: `
Asks whoever watches to repair at once what looks wrong; when nobody watches, looks and decides itself. It skips waiting times, the number of
repairs per hour and a cooldown. It does not skip a pause, the fence, or the rule that only one repair runs at a time, and it leaves a healthy,
starting or cleanly stopped gateway alone.

  --tier 1     only restart, whatever is found
  --tier 2     the deep fix for what is found; when nothing explains it, the guarded doctor
  --dry-run    say what would be done, and do nothing

Exit codes: 0 a repair began (or would begin); 9 refused, with the reason.
`,
  options: { tier: { type: "string" }, "dry-run": { type: "boolean" } },
  kind: "repair",
  payload: (call) => {
    const tier = tierOf(call.values["tier"]);
    return { ...(tier === undefined ? {} : { tier }), ...(call.values["dry-run"] === true ? { dryRun: true } : {}) };
  },
});

function tierOf(value: unknown): 1 | 2 | undefined {
  if (value === undefined) return undefined;
  if (value === "1") return 1;
  if (value === "2") return 2;
  throw new RescueError("usage", `--tier wants 1 (restart) or 2 (deep fix), not ${String(value)}`, {
    fix: "leave it away: then the cause chooses",
  });
}
