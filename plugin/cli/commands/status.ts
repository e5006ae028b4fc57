import { CAUSES } from "../../../rescue-profile/core/causes.ts";
import { formatDuration } from "../../../src/shared/duration.ts";
import { EXIT_CODES } from "../../../src/shared/errors.ts";
import { type Command, printJson } from "../command.ts";
import { plainText } from "../render.ts";

export const statusCommand: Command = {
  name: "status",
  summary: "how the gateway is right now, who watches it, and what happened last",
  usage: "[--profile NAME] [--json]",
  help: `
Takes one fresh look at the gateway (milliseconds; the host's CLI is not used), and reads the journal.

Exit codes: 0 it serves; 1 it does not, or that cannot be told; 6 another program holds its port; and for a profile that was never watched
3 it does not exist, 4 unreadable, 5 its config is not valid.
`,
  options: {},
  run: async (call) => {
    const { readStatus } = await import("../../../rescue-profile/status.ts");
    const status = await readStatus({ profile: call.profile, home: call.home, env: call.env });
    if (call.json) printJson(call, { ok: status.verdict === "up", ...status });
    else {
      const { style } = call;
      const colour = status.verdict === "up" ? "green" : status.verdict === "down" ? "red" : "yellow";
      const gateway = status.gateway;
      const rows: [string, string][] = [
        [
          "gateway",
          `${style(colour, status.condition)}${status.evidence.length === 0 ? "" : ` (${plainText(status.evidence.join("; "))})`}`,
        ],
        ["profile", `${status.profile}, port ${status.port}, ${status.stateDir}`],
      ];
      if (gateway !== null) {
        rows.push(["process", `pid ${gateway.pid}, up ${formatDuration(gateway.uptimeMs)}, ${Math.round(gateway.rssBytes / 1e6)} MB`]);
      }
      rows.push(["service", status.service === null ? "unknown" : `${status.service.manager}: ${status.service.state}`]);
      rows.push([
        "watcher",
        status.watcher === null
          ? style("yellow", "nobody watches")
          : `pid ${status.watcher.pid} (${status.watcher.what}), last look ${formatDuration(status.lastLookAgoMs ?? 0)} ago`,
      ]);
      rows.push(["phase", status.phase ?? "no journal yet"]);
      if (status.withdrawn) {
        rows.push(["withdrawn", style("yellow", "the plugin is disabled in this profile; the rescue gateway repairs nothing")]);
      }
      if (status.pause !== null) {
        const until = status.pause.remainingMs === null ? "until resumed" : `for another ${formatDuration(status.pause.remainingMs)}`;
        rows.push([
          "paused",
          style("yellow", plainText(`by ${status.pause.by} ${until}${status.pause.reason === null ? "" : ` (${status.pause.reason})`}`)),
        ]);
      }
      const last = status.lastIncident;
      if (last !== null) {
        const cause = Object.entries(CAUSES).find(([name]) => name === last.cause)?.[1].title ?? last.cause;
        rows.push(["last incident", `${last.id}: ${cause}, ${last.outcome ?? "open"}, ${new Date(last.openedAt).toISOString()}`]);
      }
      rows.push([
        "repairs",
        status.nextRepairInMs === 0
          ? `${status.repairsLastHour} in the last hour`
          : `next allowed in ${formatDuration(status.nextRepairInMs)}`,
      ]);
      for (const [label, value] of rows) call.out(`${style("dim", label.padEnd(14))}${value}\n`);
    }
    if (status.condition === "foreign-port") return EXIT_CODES["port-foreign"];
    return status.verdict === "up" ? 0 : 1;
  },
};
