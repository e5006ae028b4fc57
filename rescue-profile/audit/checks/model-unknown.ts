import { cut } from "../../../src/shared/cut.ts";
import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Facts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { ID_WITHHELD, idInCommand, isSafeId, isSafeModel } from "../judging/ids.ts";
import type { ModelUse } from "../judging/model-refs.ts";
import { type ModelWorld, nearest, resolveModel } from "../judging/model-resolve.ts";
import { overUses } from "../judging/model-uses.ts";

const MOST_COMMANDS = 12;

/** Providers that only speak, hear or film: the host has no list of them (2026.9.6), they stand in their plugins' contracts. */
const MEDIA_ONLY: ReadonlySet<string> = new Set([
  "alibaba",
  "azure",
  "azure-speech",
  "cli",
  "deepgram",
  "edge",
  "elevenlabs",
  "grok-voice",
  "microsoft",
  "runway",
  "senseaudio",
  "tts-local-cli",
  "xai-realtime-voice",
]);

/** One problem for each reference, whoever uses it: one wrong name is one mistake. */
export const modelUnknown: Check = {
  id: "model-unknown",
  group: "models",
  question: "Is every model that the configuration and the jobs name there?",
  look: (facts) =>
    overUses(facts, (uses, world) => {
      const unknown = uses.filter((use) => isUnknown(use, world));
      return [...Map.groupBy(unknown, ({ ref }) => ref)].flatMap(([ref, same]) => problemOf(ref, same, world, facts));
    }),
};

/** What makes pictures and sound stands in no catalogue of models, so of it only the provider is judged. */
function isUnknown({ ref, role }: ModelUse, world: ModelWorld): boolean {
  const resolution = resolveModel(ref, world);
  if (resolution.known) return false;
  return role !== "media" || (resolution.missing === "provider" && !MEDIA_ONLY.has(resolution.provider));
}

function problemOf(ref: string, same: readonly ModelUse[], world: ModelWorld, { profile }: Facts): readonly Problem[] {
  const [first, ...rest] = same;
  if (first === undefined) return [];
  const resolution = resolveModel(ref, world);
  const name = cut(ref, 120);
  const strands = same.some(
    ({ role, fallbacks }) => role === "primary" && !fallbacks.some((fallback) => resolveModel(fallback, world).known),
  );
  const missing =
    !resolution.known && resolution.missing === "provider"
      ? `no provider ${cut(resolution.provider, 60)}`
      : "no such model at its provider";
  return [
    {
      subject: name,
      severity: strands ? "critical" : "warning",
      title: `The model ${name} is not known: there is ${missing}`,
      evidence: [first.evidence, ...rest.map(({ evidence }) => evidence)],
      cure: { text: cureText(ref, same, world), commands: commandsOf(ref, same).map((command) => hostCommand(profile, command)) },
    },
  ];
}

function cureText(ref: string, uses: readonly ModelUse[], world: ModelWorld): string {
  const resolution = resolveModel(ref, world);
  const install =
    !resolution.known && resolution.missing === "provider"
      ? `Install the plugin that brings ${cut(resolution.provider, 60)}, or choose`
      : "Choose";
  const near = nearest(ref, world.models).map((name) => cut(name, 120));
  const known = near.length === 0 ? "" : `; what looks like it is ${near.join(", ")}`;
  const withheld = uses.every(({ job }) => job === null || isSafeId(job.id)) ? "" : `; where ID stands in a command, ${ID_WITHHELD}`;
  return `${install} a model that is there, and put it in the place of MODEL${known}${withheld}`;
}

function commandsOf(ref: string, uses: readonly ModelUse[]): readonly string[] {
  const each = uses.flatMap(({ key, job }): readonly string[] => {
    if (job !== null)
      return [
        job.fallbacks.includes(ref)
          ? `cron edit ${idInCommand(job.id)} --fallbacks MODEL`
          : `cron edit ${idInCommand(job.id)} --model MODEL`,
      ];
    if (key === "agents.defaults.model" || key === "agents.defaults.model.primary") return ["models set MODEL"];
    if (key?.startsWith("agents.defaults.model.fallbacks.")) {
      return [...(isSafeModel(ref) ? [`models fallbacks remove ${ref}`] : []), "models fallbacks add MODEL"];
    }
    return key !== null && isSettable(key) ? [`config set ${key} MODEL`] : [];
  });
  return ["models list", ...[...new Set(each)].slice(0, MOST_COMMANDS)];
}

/** A key that means one place and that a shell takes as it is. */
function isSettable(key: string): boolean {
  return /^[\w.-]+$/.test(key) && !/\.(?:models|modelPolicy\.allow)$/.test(key);
}
