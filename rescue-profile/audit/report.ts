import { type Finding, GROUPS, type Group, SEVERITIES } from "./finding.ts";

/** A finding as it is reported. `safe`: `--fix` may cure it by itself. */
export type Reported = Finding & { readonly safe: boolean };

/** A finding that the baseline accepts, with its reason and the last day on which it does, `YYYY-MM-DD`. */
export interface Accepted {
  readonly id: string;
  readonly subject: string;
  readonly reason: string;
  readonly expires: string;
}

/** What one audit has found. */
export interface AuditReport {
  readonly profile: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly findings: readonly Reported[];
  readonly accepted: readonly Accepted[];
  readonly couldNotLook: readonly { readonly id: string; readonly why: string }[];
  /** How many checks were asked. */
  readonly checked: number;
  /** Why this audit could not be remembered; undefined: it was, or there is no place for it. */
  readonly trouble?: string;
}

/** A finding's identity: a check's id has no space. */
export function keyOf({ id, subject }: { readonly id: string; readonly subject: string }): string {
  return `${id} ${subject}`;
}

export function reported(finding: Finding): Reported {
  return { ...finding, safe: finding.fix !== undefined };
}

/** Most serious first, then in the order of groups, then by id and subject. `groupOf` undefined: no check has this id; it comes last. Pure. */
export function inOrder<F extends Finding>(findings: readonly F[], groupOf: (id: string) => Group | undefined): F[] {
  const place = (id: string) => {
    const group = groupOf(id);
    return group === undefined ? GROUPS.length : GROUPS.indexOf(group);
  };
  return [...findings].sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      place(a.id) - place(b.id) ||
      byText(a.id, b.id) ||
      byText(a.subject, b.subject),
  );
}

/** 0: nothing found; 1: findings; 2: a check could not look, whatever the others found. */
export function exitCodeOf({ findings, couldNotLook }: Pick<AuditReport, "findings" | "couldNotLook">): 0 | 1 | 2 {
  if (couldNotLook.length > 0) return 2;
  return findings.length > 0 ? 1 : 0;
}

/** What `--json` prints: how a finding would be fixed is ours and stays out. */
export function asJson(report: AuditReport) {
  return {
    ok: exitCodeOf(report) === 0,
    profile: report.profile,
    at: report.at,
    findings: report.findings.map(({ id, subject, severity, title, evidence, cure, safe }) => ({
      id,
      subject,
      severity,
      title,
      evidence: evidence.map(({ fact, from }) => ({ fact, from })),
      cure: { text: cure.text, commands: cure.commands },
      safe,
    })),
    couldNotLook: report.couldNotLook.map(({ id, why }) => ({ id, why })),
    accepted: report.accepted.map(({ id, subject, reason, expires }) => ({ id, subject, reason, expires })),
    ...(report.trouble === undefined ? {} : { trouble: report.trouble }),
  };
}

/** "2 critical, 1 note", or "nothing found". */
export function tally(findings: readonly Finding[]): string {
  const counts = SEVERITIES.map((severity) => [findings.filter((each) => each.severity === severity).length, severity] as const);
  const said = counts
    .filter(([count]) => count > 0)
    .map(([count, severity]) => `${count} ${severity}${count > 1 && severity !== "critical" ? "s" : ""}`);
  return said.length === 0 ? "nothing found" : said.join(", ");
}

/** Somebody's text on one line: no control character, nothing that turns the direction of writing around or is not seen, no half of a pair. */
export function oneLine(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
