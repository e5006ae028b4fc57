import type { DeclaredFacts } from "../facts.ts";
import type { Check, Evidence, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

type Source = DeclaredFacts["sources"][number];

const SHOWN = 5;

/** Never a fix: nobody but a person knows which of the two is right. */
export const dataDrift: Check = {
  id: "data-drift",
  group: "data",
  question: "Are the directories that have a declared source (audit.sources) what their source is?",
  look: async (facts) => judged(await facts.declared(), ({ sources }) => sources.filter(differs).map(problemOf)),
};

function differs({ count, why }: Source): boolean {
  return count > 0 || why !== null;
}

function problemOf({ path, source, differs, missing, count, why }: Source): Problem {
  const unread = why !== null;
  const files: Evidence[] = [
    ...differs.map((file) => ({ fact: `${file} is not what the source has`, from: path })),
    ...missing.map((file) => ({ fact: `${file} is missing`, from: path })),
  ];
  return {
    subject: path,
    severity: "warning",
    title: unread ? `${path} could not be compared with its source` : `${path} is not what its source is`,
    evidence: [{ fact: why ?? `${count} files differ from ${source}`, from: path }, ...files.slice(0, SHOWN)],
    cure: {
      text: unread
        ? "Make both readable for this account, or declare another source."
        : "See which of the two is right: bring the changes to the source, or take what the source has.",
      commands: [],
    },
  };
}
