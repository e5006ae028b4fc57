// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modelCredentials } from "../../../rescue-profile/audit/checks/model-credentials.ts";
import { modelFallbacks } from "../../../rescue-profile/audit/checks/model-fallbacks.ts";
import { modelUnknown } from "../../../rescue-profile/audit/checks/model-unknown.ts";
import type { CronJob, Json, ModelFacts, Provider } from "../../../rescue-profile/audit/facts.ts";
import type { Check } from "../../../rescue-profile/audit/finding.ts";
import { configuredUses, withoutProfile } from "../../../rescue-profile/audit/judging/model-refs.ts";
import { factsOf, NOW_MS, problemsOf } from "../facts.ts";

type Values = Parameters<typeof factsOf>[0];
type Case = readonly [name: string, values: Values, found: readonly string[]];

const provider = (id: string, models: readonly string[], values: Partial<Provider> = {}): Provider => ({
  id,
  from: ["config"],
  models,
  open: false,
  prefixes: [],
  credentials: "yes",
  envVars: [],
  ...values,
});

const MODELS: ModelFacts = {
  providers: [
    provider("openai", ["gpt-5.5", "gpt-5.4-mini"], { prefixes: ["gpt-5"] }),
    provider("anthropic", ["claude-opus-4-6", "shared"]),
    provider("vllm", ["qwen3-32b", "shared", "org/long@q4_k_m"]),
    provider("openrouter", [], { open: true, from: ["plugin"] }),
    provider("google", ["gemini-2.5-pro"], { credentials: "no", envVars: ["GEMINI_API_KEY", "GOOGLE_API_KEY"] }),
    provider("mystery", ["m1"], { credentials: "unknown" }),
    provider("ollama", ["llama3"], { credentials: "unneeded" }),
  ],
  aliases: new Map([
    ["opus", "anthropic/claude-opus-4-6"],
    ["stale", "anthropic/claude-2"],
  ]),
};

const JOB: CronJob = {
  id: "j1",
  name: "Morning brief",
  enabled: true,
  hosts: false,
  payload: "agentTurn",
  sessionTarget: "isolated",
  model: null,
  fallbacks: [],
  schedule: { kind: "every", everyMs: 3_600_000, atMs: null, expr: null },
  timeoutMs: null,
  createdMs: NOW_MS,
  nextRunMs: NOW_MS,
  lastRunMs: null,
  runningSinceMs: null,
  consecutiveErrors: 0,
  lastError: null,
  errorReason: null,
  autoDisabled: null,
  runs: [],
};

const given = (config: Json, ...jobs: Partial<CronJob>[]): Values => ({
  config,
  models: MODELS,
  cronJobs: jobs.map((job) => ({ ...JOB, ...job })),
});
const defaults = (agent: Json, ...jobs: Partial<CronJob>[]) => given({ agents: { defaults: agent } }, ...jobs);
const chain = (primary: string, ...fallbacks: string[]) => defaults({ model: { primary, fallbacks } });

const unknown: readonly Case[] = [
  ["a primary without a fallback", chain("openai/o9"), ["openai/o9 critical"]],
  ["a primary as a text", defaults({ model: "openai/o9" }), ["openai/o9 critical"]],
  ["a primary with a fallback", chain("openai/o9", "opus"), ["openai/o9 warning"]],
  ["a primary whose fallback is unknown too", chain("openai/o9", "nobody/x"), ["openai/o9 critical", "nobody/x warning"]],
  ["a provider that there is not", chain("opus", "opneai/gpt-5.5"), ["opneai/gpt-5.5 warning"]],
  ["an agent's own", given({ agents: { entries: { work: { model: "vllm/other" } } } }), ["vllm/other critical"]],
  ["an agent's own in an older file", given({ agents: { list: [{ id: "work", model: "vllm/other" }] } }), ["vllm/other critical"]],
  ["an alias of one that is gone", defaults({ utilityModel: "stale" }), ["stale warning"]],
  ["a bare name that two have and the default provider has not", chain("openai/gpt-5.5", "shared"), ["shared warning"]],
  ["a bare name that nobody has", chain("anthropic/shared", "sonnet"), ["sonnet warning"]],
  ["a listed one", defaults({ models: { "vllm/old": {}, "vllm/*": {} } }), ["vllm/old warning"]],
  ["an allowed one", defaults({ modelPolicy: { allow: ["opus", "vllm/*", "vllm/old"] } }), ["vllm/old warning"]],
  [
    "a maker of pictures whose provider is not there",
    defaults({ mediaModels: { image: { primary: "opneai/gpt-image-2" } } }),
    ["opneai/gpt-image-2 warning"],
  ],
  ["a heartbeat's", defaults({ heartbeat: { model: "vllm/old" } }), ["vllm/old warning"]],
  [
    "a hook's",
    given({ hooks: { mappings: [{}, { model: "vllm/old" }], gmail: { model: "vllm/older" } } }),
    ["vllm/old warning", "vllm/older warning"],
  ],
  ["a channel's", given({ channels: { modelByChannel: { whatsapp: { "4915112345": "vllm/old" } } } }), ["vllm/old warning"]],
  ["a job's", given({}, { model: "vllm/old" }), ["vllm/old warning"]],
  ["a job's fallback", given({}, { model: "opus", fallbacks: ["vllm/old"] }), ["vllm/old warning"]],
  [
    "that of a job that was switched off",
    given({}, { enabled: false, autoDisabled: { reason: "", atMs: 0 }, model: "vllm/old" }),
    ["vllm/old warning"],
  ],

  ["a known chain", chain("openai/gpt-5.5", "anthropic/claude-opus-4-6"), []],
  ["capitals", chain("OpenAI/GPT-5.5", "Opus"), []],
  ["an auth profile behind it", chain("openai/gpt-5.5@work", "opus@me", "vllm/org/long@q4_k_m@me"), []],
  ["a beginning that the plugin takes", chain("openai/gpt-5.9-preview"), []],
  ["anything of an open provider", chain("openrouter/deep/thought:free"), []],
  ["the provider's name twice", chain("openai/openai/gpt-5.5"), []],
  ["a bare name that one has", chain("openai/gpt-5.5", "qwen3-32b"), []],
  ["a bare name of the default provider", chain("anthropic/claude-opus-4-6", "shared"), []],
  ["an alias behind its provider", chain("anthropic/opus"), []],
  ["makers of pictures and films", defaults({ mediaModels: { image: "openai/gpt-image-2", video: "runway/gen4" } }), []],
  [
    "what the host fills in",
    given({ agents: { defaults: { model: "${MODEL}" } }, hooks: { mappings: [{ model: "{{payload.model}}" }] } }),
    [],
  ],
  ["that of a job that a person switched off", given({}, { enabled: false, model: "vllm/old" }), []],
  ["no reference at all", given({}, {}), []],
  [
    "nonsense where references belong",
    given({ agents: { defaults: { model: 7, models: [], mediaModels: "x" }, entries: [] }, hooks: { mappings: {} } }),
    [],
  ],
];

const credentials: readonly Case[] = [
  ["a primary's only provider", chain("google/gemini-2.5-pro"), ["google critical"]],
  ["a primary with a fallback", chain("google/gemini-2.5-pro", "opus"), ["google warning"]],
  ["a primary with a local fallback", chain("google/gemini-2.5-pro", "ollama/llama3"), ["google warning"]],
  ["a primary whose fallbacks have none either", chain("google/gemini-2.5-pro", "google/gemini-2.5-pro", "nobody/x"), ["google critical"]],
  ["a fallback", chain("opus", "google/gemini-2.5-pro"), ["google warning"]],
  ["a job's", given({}, { model: "google/gemini-2.5-pro" }), ["google warning"]],
  [
    "two uses of one",
    given({ hooks: { gmail: { model: "google/gemini-2.5-pro" } } }, { model: "google/gemini-2.5-pro" }),
    ["google warning"],
  ],
  ["one with credentials", chain("opus"), []],
  ["one that needs none", chain("ollama/llama3"), []],
  ["one of which nothing is known", chain("mystery/m1"), []],
  ["one that is only listed", defaults({ model: "opus", models: { "google/gemini-2.5-pro": {} } }), []],
  ["a model that there is not", chain("google/gone"), []],
];

const fallbacks: readonly Case[] = [
  ["one at the same provider", chain("anthropic/claude-opus-4-6", "anthropic/shared"), [" note"]],
  ["an alias of the same provider", chain("anthropic/shared", "opus"), [" note"]],
  ["several at the same provider", chain("openai/gpt-5.5", "openai/gpt-5.4-mini", "OpenAI/gpt-5.6"), [" note"]],
  [
    "those of the only agent",
    given({ agents: { entries: { a: { model: { primary: "opus", fallbacks: ["anthropic/shared"] } } } } }),
    [" note"],
  ],
  ["none", chain("opus"), []],
  ["one elsewhere", chain("opus", "anthropic/shared", "openai/gpt-5.5"), []],
  ["one that there is not", chain("opus", "anthropic/gone"), []],
  ["a primary as a text", defaults({ model: "opus" }), []],
  ["no primary", given({}), []],
];

async function found(check: Check, values: Values): Promise<readonly string[]> {
  const problems = await problemsOf(check, values);
  for (const problem of problems) expect(problem).not.toHaveProperty("fix");
  return problems.map(({ subject, severity }) => `${subject} ${severity}`);
}

describe.each([
  [modelUnknown, unknown],
  [modelCredentials, credentials],
  [modelFallbacks, fallbacks],
] as const)("$id", (check, cases) => {
  it.each(cases)("judges %s", async (_, values, expected) => expect(await found(check, values)).toEqual(expected));

  it("says what it could not look at", async () => {
    expect(await check.look(factsOf({ config: {}, cronJobs: [] }))).toEqual({ ok: false, why: "models was not given" });
    expect(await check.look(factsOf({ models: MODELS, cronJobs: [] }))).toEqual({ ok: false, why: "config was not given" });
  });
});

describe("model-unknown", () => {
  it("is one problem for one reference, with everybody who uses it", async () => {
    const jobs = Array.from({ length: 8 }, (_, index) => ({ id: `j${index}`, name: `Job ${index}`, model: "openai/o9" }));
    const [problem, ...others] = await problemsOf(
      modelUnknown,
      defaults({ model: { primary: "openai/o9", fallbacks: ["opus"] } }, ...jobs),
    );
    expect(others).toEqual([]);
    expect(problem?.evidence).toHaveLength(9);
    expect(problem?.evidence[0]).toEqual({
      fact: "agents.defaults.model.primary is openai/o9",
      from: "openclaw.json agents.defaults.model.primary",
    });
    expect(problem?.evidence[8]).toEqual({ fact: "the job Job 7 has openai/o9 as its model", from: "state/openclaw.sqlite cron_jobs" });
    expect(problem?.cure.commands.slice(0, 3)).toEqual([
      "openclaw models list",
      "openclaw models set MODEL",
      "openclaw cron edit j0 --model MODEL",
    ]);
  });

  it("names the nearest, of providers that can be used", async () => {
    const [problem] = await problemsOf(modelUnknown, chain("anthropic/claude-opus-46"));
    expect(problem?.cure.text).toMatch(/; what looks like it is anthropic\/claude-opus-4-6/);
    expect(problem?.cure.text).not.toContain("google/");
  });

  it("does not print whom a channel talks to", () => {
    const uses = configuredUses({ channels: { modelByChannel: { whatsapp: { "4915112345": "opus" } } } });
    expect(uses.map(({ key }) => key)).toEqual(["channels.modelByChannel.whatsapp.*"]);
  });

  it("stands when the jobs could not be looked at, but finds nothing well then", async () => {
    const values = { models: MODELS, config: { agents: { defaults: { model: "openai/o9" } } } };
    expect(await found(modelUnknown, values)).toEqual(["openai/o9 critical"]);
    expect(await modelUnknown.look(factsOf({ models: MODELS, config: {} }))).toEqual({ ok: false, why: "cronJobs was not given" });
  });
});

describe("model-credentials", () => {
  it("says which variables the provider would read, and never a value", async () => {
    const [problem] = await problemsOf(modelCredentials, chain("google/gemini-2.5-pro"));
    expect(problem?.cure.text).toContain("set GEMINI_API_KEY or GOOGLE_API_KEY for the gateway");
    expect(problem?.cure.commands).toEqual(["openclaw models status", "openclaw models auth login --provider google"]);
  });
});

describe("a reference", () => {
  it.each([
    ["openai/gpt-5.5@work", "openai/gpt-5.5"],
    [" opus@me ", "opus"],
    ["a/b@20260101", "a/b@20260101"],
    ["a/b@20260101@work", "a/b@20260101"],
    ["a/b@q4_k_m", "a/b@q4_k_m"],
    ["a/b@4bit@work", "a/b@4bit"],
    ["a/b@", "a/b@"],
    ["@scope/model", "@scope/model"],
    ["a@b/c", "a@b/c"],
  ])("%j is of the model %j", (raw, ref) => expect(withoutProfile(raw)).toBe(ref));
});

describe("the checks of models", () => {
  it("take any words, and put none into a command that a shell would read", async () => {
    const text = fc.string({ unit: "binary" });
    await fc.assert(
      fc.asyncProperty(text, text, text, fc.dictionary(text, fc.oneof(text, fc.jsonValue())), async (ref, id, agent, anything) => {
        const config = {
          agents: {
            defaults: { model: { primary: `x/${ref}`, fallbacks: [ref, `google/${ref}`] }, models: anything },
            entries: { [agent]: { model: ref, subagents: anything } },
          },
          hooks: { mappings: [anything], gmail: { model: ref } },
          channels: { modelByChannel: { [agent]: anything }, discord: { accounts: { [agent]: { voice: { model: ref } } } } },
        };
        const values = {
          config,
          models: { ...MODELS, providers: [...MODELS.providers, provider(id, [ref], { credentials: "no" })] },
          cronJobs: [{ ...JOB, id, name: id, model: ref }],
        };
        for (const check of [modelUnknown, modelCredentials, modelFallbacks]) {
          const commands = (await problemsOf(check, values)).flatMap(({ cure }) => cure.commands);
          for (const command of commands) expect(command).toMatch(/^openclaw [\w .:@/-]+$/);
        }
      }),
      { numRuns: 25 },
    );
  });
});
