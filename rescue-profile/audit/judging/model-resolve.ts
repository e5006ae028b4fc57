import type { Json, ModelFacts, Provider } from "../facts.ts";
import { defaultChain, withoutProfile } from "./model-refs.ts";

/** `missing`: what of it is not there. `provider`: in small letters, as far as one could be read from it. */
export type Resolution =
  | { readonly known: true; readonly provider: Provider; readonly model: string }
  | { readonly known: false; readonly missing: "provider" | "model"; readonly provider: string };

export interface ModelWorld {
  readonly models: ModelFacts;
  /** Of a reference without a provider that nobody else claims. */
  readonly defaultProvider: string;
}

/** The host's, when the configuration has no primary. */
const HOSTS_PROVIDER = "openai";

export function modelWorld(models: ModelFacts, config: Json): ModelWorld {
  const primary = withoutProfile(defaultChain(config)?.primary ?? "");
  const target = models.aliases.get(primary.toLowerCase()) ?? primary;
  return { models, defaultProvider: target.indexOf("/") > 0 ? providerIn(target) : HOSTS_PROVIDER };
}

/** By the host's order: an alias, an alias behind its provider, `provider/model`, a model that one provider of the configuration has, the default provider. */
export function resolveModel(raw: string, { models, defaultProvider }: ModelWorld): Resolution {
  const ref = withoutProfile(raw);
  const alias = models.aliases.get(ref.toLowerCase());
  if (alias !== undefined) return qualified(alias, models);
  const slash = ref.indexOf("/");
  if (slash > 0) {
    const behind = models.aliases.get(ref.slice(slash + 1).toLowerCase());
    return qualified(behind !== undefined && providerIn(behind) === providerIn(ref) ? behind : ref, models);
  }
  const [owner, ...others] = models.providers.filter((provider) => provider.from.includes("config") && lists(provider, ref));
  if (owner !== undefined && others.length === 0) return { known: true, provider: owner, model: ref };
  return qualified(`${defaultProvider}/${ref}`, models);
}

function qualified(ref: string, { providers }: ModelFacts): Resolution {
  const id = providerIn(ref);
  const model = ref.slice(ref.indexOf("/") + 1).trim();
  const provider = providers.find((candidate) => candidate.id.toLowerCase() === id);
  if (provider === undefined) return { known: false, missing: "provider", provider: id };
  return provider.open || lists(provider, model) || begins(provider, model)
    ? { known: true, provider, model }
    : { known: false, missing: "model", provider: id };
}

/** Compared without case, and without the provider's own name in front of the model: so the host does. */
function lists({ id, models }: Provider, model: string): boolean {
  const bare = (name: string) => {
    const small = name.toLowerCase();
    return small.startsWith(`${id.toLowerCase()}/`) ? small.slice(id.length + 1) : small;
  };
  return models.some((listed) => bare(listed) === bare(model));
}

function begins({ prefixes }: Provider, model: string): boolean {
  return prefixes.some((prefix) => prefix !== "" && model.toLowerCase().startsWith(prefix.toLowerCase()));
}

function providerIn(ref: string): string {
  return ref
    .slice(0, Math.max(0, ref.indexOf("/")))
    .trim()
    .toLowerCase();
}

/** The known references that look most like this one, of providers that could be used; at most three. */
export function nearest(ref: string, { providers, aliases }: ModelFacts): readonly string[] {
  const known = providers
    .filter(({ credentials }) => credentials !== "no")
    .flatMap(({ id, models }) => models.map((model) => `${id}/${model}`));
  const pairs = pairsOf(ref);
  return [...known, ...aliases.keys()]
    .map((name) => ({ name, likeness: likeness(pairs, pairsOf(name)) }))
    .filter((candidate) => candidate.likeness > 0.3)
    .sort((a, b) => b.likeness - a.likeness || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Dice's coefficient over pairs of letters. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((pair) => b.has(pair)).length;
  return a.size + b.size === 0 ? 0 : (2 * shared) / (a.size + b.size);
}

function pairsOf(text: string): ReadonlySet<string> {
  const small = text.toLowerCase();
  return new Set(Array.from({ length: Math.max(0, small.length - 1) }, (_, index) => small.slice(index, index + 2)));
}
