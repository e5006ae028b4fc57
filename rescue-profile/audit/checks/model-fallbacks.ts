import { cut } from "../../../src/shared/cut.ts";
import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Json, ModelFacts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { defaultChain } from "../judging/model-refs.ts";
import { modelWorld, resolveModel } from "../judging/model-resolve.ts";

/** To have no fallback is a choice; to have some that fall together with the primary is an oversight. */
export const modelFallbacks: Check = {
  id: "model-fallbacks",
  group: "models",
  question: "Would a fallback still answer when the provider of the primary model does not?",
  look: async (facts) => {
    const [config, models] = await Promise.all([facts.config(), facts.models()]);
    if (!config.ok) return config;
    return models.ok ? { ok: true, value: judge(config.value, models.value, facts.profile) } : models;
  },
};

function judge(config: Json, models: ModelFacts, profile: string): readonly Problem[] {
  const chain = defaultChain(config);
  if (chain === undefined || chain.fallbacks.length === 0) return [];
  const world = modelWorld(models, config);
  const providers = [chain.primary, ...chain.fallbacks]
    .map((ref) => resolveModel(ref, world))
    .map((found) => (found.known ? found.provider.id : undefined));
  const [provider] = providers;
  if (provider === undefined || providers.some((other) => other !== provider)) return [];
  return [
    {
      subject: "",
      severity: "note",
      title: `Every fallback is at ${cut(provider, 60)}, where the primary model is`,
      evidence: [
        { fact: `the primary is ${cut(chain.primary, 120)}`, from: "openclaw.json agents.defaults.model.primary" },
        { fact: `its fallbacks are ${cut(chain.fallbacks.join(", "), 240)}`, from: "openclaw.json agents.defaults.model.fallbacks" },
      ],
      cure: {
        text: "Add a fallback of another provider",
        commands: ["models list", "models fallbacks add MODEL"].map((command) => hostCommand(profile, command)),
      },
    },
  ];
}
