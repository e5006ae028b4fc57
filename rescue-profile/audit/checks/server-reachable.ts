import type { ModelServer } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

export const serverReachable: Check = {
  id: "server-reachable",
  group: "model-servers",
  question: "Do the local model servers answer?",
  look: async (facts) => judged(await facts.modelServers(), (servers) => servers.filter(({ onDemand }) => !onDemand).flatMap(problemsOf)),
};

function problemsOf({ id, url, answer, unit }: ModelServer): readonly Problem[] {
  const fact = complaint(answer);
  if (fact === undefined) return [];
  const systemctl = unit?.scope === "user" ? "systemctl --user" : "systemctl";
  return [
    {
      subject: id,
      severity: "warning",
      title: `The model server ${id} does not answer as it should`,
      evidence: [{ fact, from: `GET ${url}/models` }],
      cure: {
        text: "Start it, or see why it does not answer; agents that use its models fail meanwhile, unless they have a fallback.",
        commands: unit === null ? [] : [`${systemctl} status ${unit.name}`],
      },
    },
  ];
}

function complaint(answer: ModelServer["answer"]): string | undefined {
  switch (answer.state) {
    case "models":
    case "closed":
      return undefined;
    case "refused":
      return "nothing listens there";
    case "silent":
      return "it took the connection and gave no answer in time";
    case "error":
      return `it answered with HTTP ${answer.status}`;
  }
}
