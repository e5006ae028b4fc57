import type { ModelServer } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

const SHOWN = 5;

export const serverModel: Check = {
  id: "server-model",
  group: "model-servers",
  question: "Do the local model servers have the models that the configuration wants of them?",
  look: async (facts) => judged(await facts.modelServers(), (servers) => servers.flatMap(problemsOf)),
};

function problemsOf({ id, url, answer, wanted }: ModelServer): readonly Problem[] {
  if (answer.state !== "models") return [];
  const listed: ReadonlySet<string> = new Set(answer.models);
  const shown = answer.models.length === 0 ? "none" : answer.models.slice(0, SHOWN).join(", ");
  // Ollama lists `llama3:latest` for what everybody calls llama3.
  const missing = wanted.filter((model) => !listed.has(model) && !listed.has(`${model}:latest`));
  return missing.map((model) => ({
    subject: `${id}/${model}`,
    severity: "warning",
    title: `The model server ${id} does not list the model ${model}`,
    evidence: [
      { fact: `it lists ${answer.models.length}: ${shown}`, from: `GET ${url}/models` },
      { fact: `the configuration wants ${model}`, from: `openclaw.json models.providers.${id}.models` },
    ],
    cure: { text: "Load the model in the server, or name in the configuration what the server calls it.", commands: [] },
  }));
}
