import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { DatabaseFinding } from "../../core/findings.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

/** Never a fix: the watchdog edits, moves and restores no database. */
export const dataDatabases: Check = {
  id: "data-databases",
  group: "data",
  question: "Are the host's databases there, sound, and the ones that it used before?",
  look: async (facts) => judged(await facts.databases(), (findings) => findings.map((finding) => problemOf(finding, facts.profile))),
};

const TITLES: Readonly<Record<DatabaseFinding["state"], string>> = {
  missing: "A database of the host is not there any more",
  empty: "A database of the host is empty",
  "not-a-database": "What should be a database of the host is none",
  corrupt: "A database of the host is damaged",
  newer: "A database of the host is of a newer host than the installed one",
  replaced: "A database of the host is not the one that it used when it served last",
};

function problemOf({ path, state, why }: DatabaseFinding, profile: string): Problem {
  const cure =
    state === "newer"
      ? {
          text: "Install the host that wrote it, or a newer one; never move the database aside.",
          commands: [hostCommand(profile, "update")],
        }
      : {
          text: "Stop the gateway before it writes more, keep a copy of the file as it is, and put a backup back that somebody has verified.",
          commands: [hostCommand(profile, "gateway stop")],
        };
  return { subject: path, severity: "critical", title: TITLES[state], evidence: [{ fact: why, from: path }], cure };
}
