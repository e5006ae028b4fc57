import type { DeclaredFacts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

/** Whether a secret is there is all that can be seen from here. */
export const webhookRepositories: Check = {
  id: "webhook-repositories",
  group: "webhooks",
  question: "Is there a secret for every repository whose webhooks reach this gateway (audit.repositories)?",
  look: async (facts) => judged(await facts.declared(), ({ repositories }) => repositories.filter(({ secret }) => !secret).map(problemOf)),
};

function problemOf({ name, why }: DeclaredFacts["repositories"][number]): Problem {
  return {
    subject: name,
    severity: "warning",
    title: `There is no secret for the webhooks of ${name}`,
    evidence: [{ fact: why ?? "it has no secret", from: `audit.repositories ${name}` }],
    cure: {
      text: `Without one anybody can send what looks like its events. Put a random secret into a file of this account alone, and the same one into the webhook's settings. Only somebody with admin rights on ${name} can set it there, and see whether the webhook there uses it.`,
      commands: ["openssl rand -hex 32"],
    },
  };
}
