import { SEVERITIES } from "./finding.ts";
import { type AuditReport, oneLine, type Reported, tally } from "./report.ts";

/** A page to paste into an issue. Whatever others wrote is escaped: it makes no link, heading, HTML or mention. */
export function asMarkdown(report: AuditReport): string {
  const { findings, couldNotLook, accepted } = report;
  const lines = [`# Audit of profile ${code(report.profile)}`, "", `${report.at}: ${tally(findings)} in ${report.checked} checks.`];
  for (const severity of SEVERITIES) {
    const of = findings.filter((each) => each.severity === severity);
    if (of.length > 0) lines.push("", `## ${severity}`, ...of.flatMap(section));
  }
  if (couldNotLook.length > 0)
    lines.push("", "## could not look", "", ...couldNotLook.map(({ id, why }) => `- ${code(id)}: ${prose(why)}`));
  if (accepted.length > 0) {
    const items = accepted.map(({ id, subject, reason, expires }) => `- ${nameOf(id, subject)} until ${prose(expires)}: ${prose(reason)}`);
    lines.push("", "## accepted", "", ...items);
  }
  return `${lines.join("\n")}\n`;
}

function section({ id, subject, title, evidence, cure, safe }: Reported): string[] {
  return [
    "",
    `### ${prose(title)}`,
    "",
    nameOf(id, subject),
    "",
    ...evidence.map(({ fact, from }) => `- ${prose(fact)} (${code(from)})`),
    "",
    `${prose(cure.text)}${safe ? " (`--fix` can do this)" : ""}`,
    ...(cure.commands.length === 0 ? [] : ["", fenced(cure.commands.map(oneLine).join("\n"), "sh")]),
  ];
}

function nameOf(id: string, subject: string): string {
  return subject === "" ? code(id) : `${code(id)} ${code(subject)}`;
}

/** One line in which no character means anything. Mentions, references and addresses are found by GitHub after the escapes are gone, so they are broken by a space of no width. */
export function prose(text: string): string {
  return oneLine(text)
    .trim()
    .replaceAll(/[\\`*_{}[\]<>#!|~&$]/g, "\\$&")
    .replaceAll(/(?:@|#(?=\d)|\bwww(?=\.))/gi, "$&\u200b")
    .replaceAll("://", "\\://")
    .replace(/^(\d*)([-+=.)])/, "$1\\$2");
}

/** One line as it is. */
export function code(text: string): string {
  const line = oneLine(text).trim();
  if (line === "") return "` `";
  const ticks = "`".repeat(longestRun(line) + 1);
  return line.startsWith("`") || line.endsWith("`") ? `${ticks} ${line} ${ticks}` : `${ticks}${line}${ticks}`;
}

/** Lines as they are, without control characters. */
export function fenced(text: string, language = ""): string {
  const ticks = "`".repeat(Math.max(3, longestRun(text) + 1));
  const lines = text.replace(/\n+$/, "").split("\n").map(oneLine);
  return `${ticks}${language}\n${lines.join("\n")}\n${ticks}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
