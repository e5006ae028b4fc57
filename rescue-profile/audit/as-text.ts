import { SEVERITIES, type Severity } from "./finding.ts";
import { type AuditReport, oneLine, type Reported, tally } from "./report.ts";

type Style = (format: "red" | "green" | "yellow" | "dim" | "bold", text: string) => string;

const COLOURS = { critical: "red", warning: "yellow", note: "dim" } as const satisfies Record<Severity, Parameters<Style>[0]>;

/** For a terminal: the findings by severity, in the report's order; what could not be looked at; what is accepted. Safe by itself: no control character of others. */
export function asText(report: AuditReport, style: Style): string {
  const { findings, couldNotLook, accepted } = report;
  const head = `audit of profile ${oneLine(report.profile)}: ${tally(findings)} in ${report.checked} checks`;
  const blocks = SEVERITIES.flatMap((severity) => {
    const of = findings.filter((each) => each.severity === severity);
    return of.length === 0 ? [] : [[style(COLOURS[severity], severity), ...of.flatMap((finding) => linesOf(finding, style))]];
  });
  if (couldNotLook.length > 0)
    blocks.push([style("yellow", "could not look"), ...couldNotLook.map(({ id, why }) => `  ${oneLine(id)}: ${oneLine(why)}`)]);
  if (accepted.length > 0) {
    const lines = accepted.map(({ id, subject, reason, expires }) => `  ${nameOf(id, subject)} until ${expires}: ${oneLine(reason)}`);
    blocks.push([style("dim", "accepted"), ...lines]);
  }
  if (report.trouble !== undefined) blocks.push([style("yellow", oneLine(report.trouble))]);
  const safe = findings.filter((finding) => finding.safe).length;
  if (safe > 0) blocks.push([`--fix can do ${safe} of ${findings.length}; --fix --dry-run shows what it would do`]);
  return `${[[style(findings.length === 0 && couldNotLook.length === 0 ? "green" : "bold", head)], ...blocks].map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function linesOf({ id, subject, title, evidence, cure, safe }: Reported, style: Style): string[] {
  return [
    `  ${style("bold", oneLine(title))}  ${style("dim", nameOf(id, subject))}`,
    ...evidence.map(({ fact, from }) => `    ${oneLine(fact)}  ${style("dim", oneLine(from))}`),
    `    → ${oneLine(cure.text)}${safe ? style("green", " (--fix)") : ""}`,
    ...cure.commands.map((command) => `      ${oneLine(command)}`),
  ];
}

function nameOf(id: string, subject: string): string {
  return subject === "" ? oneLine(id) : `${oneLine(id)} ${oneLine(subject)}`;
}
