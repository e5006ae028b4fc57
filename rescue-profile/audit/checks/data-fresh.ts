import { formatDuration } from "../../../src/shared/duration.ts";
import type { DeclaredFacts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

type Fresh = DeclaredFacts["fresh"][number];

export const dataFresh: Check = {
  id: "data-fresh",
  group: "data",
  question: "Is the data that is declared as fresh (audit.fresh) as young as it should be?",
  look: async (facts) => judged(await facts.declared(), ({ fresh }) => fresh.filter(isStale).map(problemOf)),
};

function isStale({ ageMs, maxAgeMs }: Fresh): boolean {
  return ageMs === null || ageMs > maxAgeMs;
}

function problemOf({ path, field, ageMs, maxAgeMs, why }: Fresh): Problem {
  const most = formatDuration(maxAgeMs);
  return {
    subject: `${path} ${field}`,
    severity: "warning",
    title: ageMs === null ? `Nobody can tell how old ${path} is` : `${path} is older than it may be`,
    evidence: [
      { fact: ageMs === null ? (why ?? "its age could not be read") : `it is ${formatDuration(ageMs)} old`, from: `${path} ${field}` },
      { fact: `it may be ${most} old`, from: "audit.fresh" },
    ],
    cure: { text: "Find the job that should write it, and why it does not; or declare another age.", commands: [] },
  };
}
