import { formatDuration, parseDuration } from "../../../src/shared/duration.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { type Command, printJson, text } from "../command.ts";
import { withJournal } from "../journal.ts";
import { plainText } from "../render.ts";

export const historyCommand: Command = {
  name: "history",
  summary: "past incidents and how well they ended",
  usage: "[--profile NAME] [--since 30d] [--limit 20] [--json]",
  help: `
Lists incidents, newest first, with figures over the time of --since (default 30d): how many recovered, mean and worst time from the first
bad look until health had held.

Exit codes: 0 read; 10 the journal cannot be read.
`,
  options: { since: { type: "string" }, limit: { type: "string" } },
  run: async (call) => {
    const { readIncidents, summarize } = await import("../../../rescue-profile/journal/read.ts");
    const sinceMs = parseDuration(text(call, "since") ?? "30d", "--since");
    const limit = Number(text(call, "limit") ?? "20");
    if (!Number.isInteger(limit) || limit < 1) throw new RescueError("usage", "--limit wants a number of incidents");
    const incidents = withJournal(call, (db) => readIncidents(db, { limit: 10_000, sinceWallMs: Date.now() - sinceMs })) ?? [];
    const stats = summarize(incidents);
    const shown = incidents.slice(0, limit);
    if (call.json) {
      printJson(call, { ok: true, stats, incidents: shown });
      return 0;
    }
    if (incidents.length === 0) call.out("no incidents\n");
    for (const incident of shown) {
      const outcome = incident.outcome ?? "open";
      const colour = outcome.startsWith("recovered") ? "green" : outcome === "open" ? "red" : "yellow";
      const took = incident.durationMs === null ? "" : formatDuration(incident.durationMs);
      call.out(
        `${String(incident.id).padStart(5)}  ${new Date(incident.openedAt).toISOString()}  ${plainText(incident.cause).padEnd(20)} ${call.style(colour, outcome.padEnd(20))} ${took}\n`,
      );
    }
    if (stats.closed > 0) {
      call.out(
        `${stats.recovered} of ${stats.total} recovered; mean ${formatDuration(stats.meanMs ?? 0)}, worst ${formatDuration(stats.worstMs ?? 0)}\n`,
      );
    }
    return 0;
  },
};
