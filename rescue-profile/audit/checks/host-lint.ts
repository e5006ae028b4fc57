import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { LintFinding } from "../facts.ts";
import type { Check, Problem, Severity } from "../finding.ts";
import { judged } from "../judging/answer.ts";

/** What the host says of itself, passed on as it is. Only when it is asked for: that takes 15 s and 650 MB (measured, 2026.9.6), and a new installation has findings, too. */
export const hostLint: Check = {
  id: "host-lint",
  group: "gateway",
  question: "Does the host's own lint (openclaw doctor --lint) have nothing to say?",
  optional: true,
  look: async (facts) => judged(await facts.lint(), (findings) => findings.map((finding) => problemOf(finding, facts.profile))),
};

const SEVERITY: Readonly<Record<string, Severity>> = { error: "critical", critical: "critical", warning: "warning", warn: "warning" };

function problemOf({ checkId, severity, message, path, fixHint }: LintFinding, profile: string): Problem {
  return {
    subject: path === null ? checkId : `${checkId} ${path}`,
    severity: SEVERITY[severity] ?? "note",
    title: message,
    evidence: [{ fact: message, from: `openclaw doctor --lint, ${checkId}` }],
    cure: {
      text: fixHint ?? "The host's documentation has its lint: docs/gateway/doctor.",
      commands: [hostCommand(profile, `doctor --lint --only ${checkId}`)],
    },
  };
}
