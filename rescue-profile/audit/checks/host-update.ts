import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Facts, HostProgram } from "../facts.ts";
import type { Check, Evidence, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

const SHOWN = 5;

export const hostUpdate: Check = {
  id: "host-update",
  group: "gateway",
  question: "Was the last update of the host applied as a whole?",
  look: async (facts) => judged(await facts.hostProgram(), (program) => halfApplied(program, facts)),
};

function halfApplied({ version, builtVersion, leftovers }: HostProgram, { profile }: Facts): readonly Problem[] {
  const mixed = version !== null && builtVersion !== null && version !== builtVersion;
  const parts: Evidence[] = mixed
    ? [{ fact: `the package says ${version}, its build ${builtVersion}`, from: "openclaw package.json, dist/build-info.json" }]
    : [];
  const [first, ...rest] = [
    ...parts,
    ...leftovers.slice(0, SHOWN).map((path) => ({ fact: "an update that was cut off leaves this", from: path })),
  ];
  if (first === undefined) return [];
  return [
    {
      subject: "",
      severity: mixed ? "critical" : "warning",
      title: mixed
        ? "An update of the host was half applied: its files are of two versions"
        : "An update of the host was half applied, or was cut off while it cleaned up",
      evidence: [first, ...rest],
      cure: {
        text: "If an update is running, wait for it; otherwise run it again, and let the host check itself.",
        commands: [hostCommand(profile, "update"), hostCommand(profile, "doctor --lint")],
      },
    },
  ];
}
