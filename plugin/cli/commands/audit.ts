import type { FixOutcome } from "../../../rescue-profile/audit/fixing.ts";
import { parseDuration } from "../../../src/shared/duration.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { profileStateDir } from "../../../src/shared/openclaw-home.ts";
import { type Call, type Command, printJson, text } from "../command.ts";

export const auditCommand: Command = {
  name: "audit",
  summary: "look through configuration and state for what will become an outage, and mend what is safe",
  usage: "[--profile NAME] [--only ID,…] [--since 24h] [--lint] [--baseline FILE] [--fix [--dry-run]] [--json|--sarif|--md] [--list]",
  help: `
Asks some thirty questions about the gateway, its plugins, models, jobs, data, logs and service, with the gateway up or down. Reads only, and
asks no address beyond this machine. docs/audit.md has every check, and what operators did by hand before it.

  --only LIST        these checks or groups only, by commas (--list shows them)
  --since WHEN       only what was first seen since then: 24h, 7d, or a date as 2026-11-27
  --lint             the host's own lint, too: 15 s and 650 MB more, and its findings as they are
  --baseline FILE    findings that are known and accepted, each with a reason and a last day (docs/audit.md); default: audit-baseline.json
                     where the watchdog keeps its state
  --fix              apply what is safe and can be taken back, one at a time: keep what is there, apply, check again, and take it back unless the
                     finding is gone and nothing new has come. Every step is in audit-YYYYMMDD.md where the watchdog keeps its state. What touches
                     a secret, auth, pairing or somebody's data, and what is ambiguous, is left to you. Then what remains is shown
  --dry-run          with --fix: what it would do, with the text of every file; nothing is written
  --json             one object: {ok, findings, couldNotLook, accepted}, with --fix also {fixes, log}
  --sarif            SARIF 2.1.0, for tools that collect findings
  --md               Markdown, for an issue or a note
  --list             the checks and their questions; nothing is looked at

Exit codes: 0 nothing found; 1 findings; 2 a check could not look (or the command line is wrong); 3 no such profile; 4 or 5 the baseline or our
settings cannot be used.
`,
  options: {
    only: { type: "string", multiple: true },
    since: { type: "string" },
    baseline: { type: "string" },
    lint: { type: "boolean" },
    sarif: { type: "boolean" },
    md: { type: "boolean" },
    list: { type: "boolean" },
    fix: { type: "boolean" },
    "dry-run": { type: "boolean" },
  },
  run: async (call) => {
    const { CHECKS, asJson, asMarkdown, asSarif, asText, audit, exitCodeOf, oneLine } = await import(
      "../../../rescue-profile/audit-main.ts"
    );
    const formats = [call.json, call.values["sarif"] === true, call.values["md"] === true].filter(Boolean).length;
    if (formats > 1) throw new RescueError("usage", "audit wants one of --json, --sarif and --md, not several");
    if (call.values["list"] === true) {
      const rows = CHECKS.map(({ id, group, question }) => ({ id, group, question }));
      if (call.json) printJson(call, { ok: true, checks: rows });
      else for (const { id, group, question } of rows) call.out(`${id.padEnd(22)} ${group.padEnd(14)} ${question}\n`);
      return 0;
    }
    const only = words(call, "only");
    const since = text(call, "since");
    const baseline = text(call, "baseline");
    const options = {
      profile: call.profile,
      home: call.home,
      env: call.env,
      ...(only === undefined ? {} : { only }),
      lint: call.values["lint"] === true,
      ...(since === undefined ? {} : { sinceMs: sinceMs(since) }),
      ...(baseline === undefined ? {} : { baseline }),
    };
    const dryRun = call.values["dry-run"] === true;
    if (dryRun && call.values["fix"] !== true) throw new RescueError("usage", "--dry-run is for --fix");
    if (call.values["fix"] === true) {
      if (formats === 1 && !call.json) throw new RescueError("usage", "--fix prints text or --json; its own log is in Markdown already");
      const { auditAndFix } = await import("../../../rescue-profile/audit-fixing.ts");
      const { outcomes, log, report } = await auditAndFix({ ...options, dryRun, signal: call.signal });
      if (call.json) printJson(call, { ...asJson(report), fixes: outcomes.map(fixAsJson), log });
      else {
        for (const outcome of outcomes) call.out(fixAsText(outcome, call.style, oneLine));
        if (log !== null) call.out(`\nwhat was done is in ${oneLine(log)}\n`);
        if (!dryRun) call.out(`\n${asText(report, call.style)}`);
      }
      return exitCodeOf(report);
    }
    const report = await audit(options);
    if (call.json) printJson(call, asJson(report));
    else if (call.values["sarif"] === true) printJson(call, asSarif(report, CHECKS, profileStateDir(call.profile, call)));
    else call.out(call.values["md"] === true ? asMarkdown(report) : asText(report, call.style));
    return exitCodeOf(report);
  },
};

function fixAsJson({ finding, state, said, plan }: FixOutcome) {
  const { what, files, commands, undoByHand } = plan ?? {};
  return {
    id: finding.id,
    subject: finding.subject,
    state,
    said,
    ...(plan === undefined ? {} : { plan: { what, files, commands, undoByHand } }),
  };
}

/** A line for what was done; of what would be done also the commands and the files. */
function fixAsText({ finding, state, said, plan }: FixOutcome, style: Call["style"], oneLine: (text: string) => string): string {
  const name = finding.subject === "" ? finding.id : `${finding.id} ${finding.subject}`;
  const colour = state === "fixed" ? "green" : state === "undo-failed" ? "red" : "yellow";
  const shown = state === "would" && plan !== undefined ? plan : { commands: [], files: [] };
  const files = shown.files.flatMap(({ path, text }) => [`    ${path}:`, ...text.split("\n").map((line) => `      ${line}`)]);
  const details = [...shown.commands.map((command) => `    ${command}`), ...files].map((line) => `${oneLine(line)}\n`).join("");
  return `${style(colour, state.padEnd(12))} ${oneLine(`${name}: ${said}`)}\n${details}`;
}

function words(call: Call, name: string): readonly string[] | undefined {
  const given = call.values[name];
  return Array.isArray(given) ? given.flatMap((each) => String(each).split(",")).map((word) => word.trim()) : undefined;
}

/** A time before now, or a day or moment in ISO 8601. */
function sinceMs(given: string): number {
  if (/^\d{4}-/.test(given)) {
    const ms = Date.parse(given);
    if (Number.isNaN(ms)) throw new RescueError("usage", `--since: ${JSON.stringify(given)} is no date`, { fix: "write it as 2026-11-27" });
    return ms;
  }
  return Date.now() - parseDuration(given, "--since");
}
