import { cut } from "../../../src/shared/cut.ts";
import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Provider } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { isSafeId } from "../judging/ids.ts";
import type { ModelUse } from "../judging/model-refs.ts";
import { type ModelWorld, resolveModel } from "../judging/model-resolve.ts";
import { overUses } from "../judging/model-uses.ts";

/** A model that is only listed calls nobody, and so needs no credentials. */
export const modelCredentials: Check = {
  id: "model-credentials",
  group: "models",
  question: "Has every provider that is used the credentials it needs?",
  look: (facts) =>
    overUses(facts, (uses, world) => {
      const bare = uses
        .filter(({ role }) => role !== "listed")
        .flatMap((use) => lacking(use.ref, world).map((provider) => ({ use, provider })));
      return [...Map.groupBy(bare, ({ provider }) => provider)].flatMap(([provider, same]) =>
        problemOf(
          provider,
          same.map(({ use }) => use),
          world,
          facts.profile,
        ),
      );
    }),
};

function problemOf(provider: Provider, [first, ...rest]: readonly ModelUse[], world: ModelWorld, profile: string): readonly Problem[] {
  if (first === undefined) return [];
  const stranded = [first, ...rest].some(
    ({ role, fallbacks }) => role === "primary" && !fallbacks.some((fallback) => mayCall(fallback, world)),
  );
  const name = cut(provider.id, 60);
  const variables = provider.envVars.length === 0 ? "" : `, or set ${provider.envVars.join(" or ")} for the gateway`;
  return [
    {
      subject: provider.id,
      severity: stranded ? "critical" : "warning",
      title: `The provider ${name} is used and has no credentials`,
      evidence: [first.evidence, ...rest.map(({ evidence }) => evidence)],
      cure: {
        text: `Log in to ${name}${variables}; which credentials these are is for a person to decide`,
        commands: ["models status", `models auth login --provider ${isSafeId(provider.id) ? provider.id : "PROVIDER"}`].map((command) =>
          hostCommand(profile, command),
        ),
      },
    },
  ];
}

function lacking(ref: string, world: ModelWorld): readonly Provider[] {
  const resolution = resolveModel(ref, world);
  return resolution.known && resolution.provider.credentials === "no" ? [resolution.provider] : [];
}

/** What is not known is not held against it. */
function mayCall(ref: string, world: ModelWorld): boolean {
  const resolution = resolveModel(ref, world);
  return resolution.known && resolution.provider.credentials !== "no";
}
