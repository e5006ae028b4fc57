import { formatDuration } from "../../../src/shared/duration.ts";
import type { DeclaredFacts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

type Backup = DeclaredFacts["backups"][number];

export const dataBackups: Check = {
  id: "data-backups",
  group: "data",
  question: "Is there a young backup wherever one is declared (audit.backups)?",
  look: async (facts) => judged(await facts.declared(), ({ backups }) => backups.flatMap((backup) => problemsOf(backup, facts.nowMs))),
};

function problemsOf({ path, newestMs, maxAgeMs, why }: Backup, nowMs: number): readonly Problem[] {
  const ageMs = newestMs === null ? null : nowMs - newestMs;
  if (why === null && ageMs !== null && ageMs <= maxAgeMs) return [];
  const [title, fact] =
    why !== null
      ? [`Nobody can tell how old the backups in ${path} are`, why]
      : ageMs === null
        ? [`There is no backup in ${path}`, "there is no file"]
        : [`The newest backup in ${path} is too old`, `the newest file is ${formatDuration(ageMs)} old`];
  return [
    {
      subject: path,
      severity: "warning",
      title,
      evidence: [
        { fact, from: path },
        { fact: `it may be ${formatDuration(maxAgeMs)} old`, from: "audit.backups" },
      ],
      cure: { text: "Find the job that makes the backups, and why it does not; then make one now.", commands: [] },
    },
  ];
}
