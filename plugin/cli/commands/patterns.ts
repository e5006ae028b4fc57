import type { Experience } from "../../../rescue-profile/patterns-main.ts";
import { formatDuration } from "../../../src/shared/duration.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { type Call, type Command, printJson, text } from "../command.ts";
import { withJournal } from "../journal.ts";
import { operator } from "../operator.ts";
import { plainText } from "../render.ts";

export const patternsCommand: Command = {
  name: "patterns",
  summary: "what has helped against what, over all incidents that are over",
  usage: "[--profile NAME] [--forget CAUSE|all] [--json]",
  help: `
Counts, by cause, which repairs were tried and how often the gateway served again by them: what came last in an incident that recovered has worked.
What a fence forbade, and incidents that somebody ended by stopping the gateway, do not count.

  works     between these the share that works lies, at 95 % (Wilson): a few cases prove little
  median    from the repair's start until health had held, of those that worked
  first     what a diagnosis would take for that cause before it asks an AI: an allowed proposal that worked more often than not (docs/diagnosis.md)

  --forget CAUSE   what was tried against it until now counts no more; all: against everything. The history stays as it is

Exit codes: 0 shown, or forgotten; 2 nothing is known about that cause; 10 the journal cannot be read.
`,
  options: { forget: { type: "string" } },
  run: async (call) => {
    const { readExperience } = await import("../../../rescue-profile/patterns-main.ts");
    const patterns = withJournal(call, readExperience) ?? [];
    const cause = text(call, "forget");
    if (cause !== undefined) return forget(call, cause, patterns);
    if (call.json) printJson(call, { ok: true, patterns });
    else call.out(patterns.length === 0 ? "nothing was learned yet\n" : table(patterns, call.style));
    return 0;
  },
};

async function forget(call: Call, cause: string, patterns: readonly Experience[]): Promise<number> {
  const gone = patterns.filter((pattern) => cause === "all" || pattern.cause === cause);
  if (gone.length === 0 && cause !== "all") throw unknown(cause, patterns);
  if (gone.length > 0) await write(call, cause);
  if (call.json) printJson(call, { ok: true, patterns: patterns.filter((pattern) => !gone.includes(pattern)) });
  else call.out(gone.length === 0 ? "nothing was learned yet\n" : `forgotten: ${causesOf(gone)}\n`);
  return 0;
}

async function write(call: Call, cause: string): Promise<void> {
  const { openWatchdog } = await import("../../../rescue-profile/main.ts");
  const { profile, home, env, packageRoot } = call;
  const dog = await openWatchdog({ profile, home, env, packageRoot, what: "patterns", whatever: true });
  try {
    dog.journal.forgetPatterns(cause === "all" ? "*" : cause);
    dog.log({ event: "patterns-forgotten", trigger: operator(), details: cause });
  } finally {
    dog.journal.close();
  }
}

function unknown(cause: string, patterns: readonly Experience[]): RescueError {
  const known = patterns.length === 0 ? "nothing was learned yet" : `what is known is about ${causesOf(patterns)}`;
  return new RescueError("usage", `nothing is known about ${JSON.stringify(cause)}; ${known}`, { fix: "look with: patterns" });
}

function causesOf(patterns: readonly Experience[]): string {
  return [...new Set(patterns.map(({ cause }) => cell(cause)))].join(", ");
}

const HEAD = ["cause", "tier", "actions", "worked", "works", "median", "last", ""];

function table(patterns: readonly Experience[], style: Call["style"]): string {
  const rows = patterns.map((pattern) => rowOf(pattern));
  const widths = HEAD.map((_, column) => Math.max(...[HEAD, ...rows].map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const lines = rows.map((row, index) => (patterns[index]?.first === true ? style("green", line(row)) : line(row)));
  return `${[style("bold", line(HEAD)), ...lines].join("\n")}\n`;
}

function rowOf({ cause, tier, actions, tried, worked, share, medianMs, lastAt, first }: Experience): readonly string[] {
  const works = `${Math.round(share.low * 100)} to ${Math.round(share.high * 100)} %`;
  const median = medianMs === null ? "" : formatDuration(medianMs);
  const last = new Date(lastAt).toISOString();
  return [cell(cause), String(tier), cell(actions), `${worked} of ${tried}`, works, median, last, first ? "first" : ""];
}

function cell(text: string): string {
  return plainText(text).replaceAll("\n", " ");
}
