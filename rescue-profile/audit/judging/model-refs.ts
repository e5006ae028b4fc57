import { cut } from "../../../src/shared/cut.ts";
import { asObject } from "../../../src/shared/gateway-config.ts";
import type { CronJob, Json } from "../facts.ts";
import type { Evidence } from "../finding.ts";
import { jobEvidence, nameOf } from "./cron.ts";

/**
 * What a reference is for. `primary`: an agent's own model · `fallback`: after one · `other`: a task of its own, or a job · `media`: makes or hears pictures
 * and sound, and stands in no catalogue of text models · `listed`: only named, in a list of aliases or of what may be chosen.
 */
export type ModelRole = "primary" | "fallback" | "other" | "media" | "listed";

export interface ModelUse {
  /** As written, without white space and without the auth profile behind it. */
  readonly ref: string;
  readonly role: ModelRole;
  readonly evidence: Evidence;
  /** Of a primary: what is tried after it, as written. */
  readonly fallbacks: readonly string[];
  /** Of the configuration's: its key, `agents.defaults.model.primary`. */
  readonly key: string | null;
  readonly job: CronJob | null;
}

const OWN = { model: "primary", utilityModel: "other", imageModel: "other", pdfModel: "other", voiceModel: "media" } as const;
const MEDIA = ["image", "video", "music"] as const;
const HEARD = ["image", "audio", "video"] as const;
/** The host fills these in: environment variables, and templates of hooks. */
const TEMPLATE = /\$\{|\{\{/;

/** Every place in the configuration that names a model: the host's own list, `collectConfiguredModelRefs` (2026.9.6), and its allowlists. */
export function configuredUses(config: Json): readonly ModelUse[] {
  const { agents, tools, hooks, tts, channels } = config;
  const { modelByChannel, discord } = asObject(channels);
  const { mappings, gmail } = asObject(hooks);
  const voices = [["channels.discord", discord], ...children("channels.discord.accounts", asObject(discord)["accounts"])] as const;
  return [
    ...agentUses(agents),
    ...selector("tools.exec.reviewer.model", reviewer(tools), "other"),
    ...HEARD.flatMap((kind) =>
      selector(`tools.media.${kind}.preferredModel`, asObject(asObject(asObject(tools)["media"])[kind])["preferredModel"], "media"),
    ),
    // The key behind the channel is somebody's number or name.
    ...children("", modelByChannel).flatMap(([channel, peers]) =>
      Object.values(asObject(peers)).flatMap((ref) => selector(`channels.modelByChannel${channel}.*`, ref, "other")),
    ),
    ...items(mappings).flatMap((mapping, index) => selector(`hooks.mappings.${index}.model`, asObject(mapping)["model"], "other")),
    ...selector("hooks.gmail.model", asObject(gmail)["model"], "other"),
    ...selector("tts.summaryModel", asObject(tts)["summaryModel"], "other"),
    ...voices.flatMap(([at, account]) => {
      const voice = asObject(asObject(account)["voice"]);
      return [
        ...selector(`${at}.voice.model`, voice["model"], "other"),
        ...selector(`${at}.voice.tts.summaryModel`, asObject(voice["tts"])["summaryModel"], "other"),
      ];
    }),
  ];
}

/** Jobs that run, or would if they had not failed so often. */
export function jobUses(jobs: readonly CronJob[]): readonly ModelUse[] {
  return jobs
    .filter(({ enabled, autoDisabled }) => enabled || autoDisabled !== null)
    .flatMap((job) => {
      const named = (raw: string, as: string): readonly ModelUse[] => {
        const ref = withoutProfile(raw);
        if (ref === "") return [];
        return [
          {
            ref,
            role: "other",
            evidence: jobEvidence(`the job ${nameOf(job)} has ${cut(raw, 120)} as ${as}`),
            fallbacks: [],
            key: null,
            job,
          },
        ];
      };
      return [...named(job.model ?? "", "its model"), ...job.fallbacks.flatMap((raw) => named(raw, "a fallback"))];
    });
}

/** The default agent's primary and its fallbacks, as written; undefined: none is configured. */
export function defaultChain(config: Json): { readonly primary: string; readonly fallbacks: readonly string[] } | undefined {
  const { defaults } = asObject(config["agents"]);
  const entries = agentEntries(config["agents"]);
  const [, agent] =
    entries.find(([, entry]) => asObject(entry)["default"] === true) ?? (entries.length === 1 ? entries[0] : undefined) ?? [];
  return chainOf(asObject(agent)["model"]) ?? chainOf(asObject(defaults)["model"]);
}

function chainOf(model: unknown): { readonly primary: string; readonly fallbacks: readonly string[] } | undefined {
  const { primary, fallbacks } = typeof model === "string" ? { primary: model, fallbacks: [] } : asObject(model);
  return typeof primary === "string" && primary.trim() !== ""
    ? { primary: primary.trim(), fallbacks: items(fallbacks).filter(isText) }
    : undefined;
}

function agentUses(agents: unknown): readonly ModelUse[] {
  const { defaults } = asObject(agents);
  return [["agents.defaults", defaults] as const, ...agentEntries(agents)].flatMap(([at, value]) => {
    const agent = asObject(value);
    const { compaction, heartbeat, subagents, mediaModels, models, modelPolicy, tts, tools } = agent;
    const listed = [...Object.keys(asObject(models)), ...items(asObject(modelPolicy)["allow"])].filter(
      (ref) => !String(ref).trim().endsWith("*"),
    );
    return [
      ...Object.entries(OWN).flatMap(([key, role]) => selector(`${at}.${key}`, agent[key], role)),
      ...MEDIA.flatMap((kind) => selector(`${at}.mediaModels.${kind}`, asObject(mediaModels)[kind], "media")),
      ...selector(`${at}.heartbeat.model`, asObject(heartbeat)["model"], "other"),
      ...selector(`${at}.subagents.model`, asObject(subagents)["model"], "other"),
      ...selector(`${at}.compaction.model`, asObject(compaction)["model"], "other"),
      ...selector(`${at}.compaction.memoryFlush.model`, asObject(asObject(compaction)["memoryFlush"])["model"], "other"),
      ...selector(`${at}.tools.exec.reviewer.model`, reviewer(tools), "other"),
      ...selector(`${at}.tts.summaryModel`, asObject(tts)["summaryModel"], "other"),
      ...listed.flatMap((ref) =>
        selector(`${at}.${isText(ref) && Object.hasOwn(asObject(models), ref) ? "models" : "modelPolicy.allow"}`, ref, "listed"),
      ),
    ];
  });
}

/** Older files have a list; where both are, the host reads the entries. */
function agentEntries(agents: unknown): readonly (readonly [string, unknown])[] {
  const { entries, list } = asObject(agents);
  if (entries !== undefined) return children("agents.entries", entries);
  return items(list).map((entry, index) => [`agents.list.${index}`, entry] as const);
}

/** A text, or `{ primary, fallbacks }`. */
function selector(at: string, value: unknown, role: ModelRole): readonly ModelUse[] {
  const chain = chainOf(value);
  if (typeof value === "string") return use(at, value, role, []);
  const fallbacks = items(asObject(value)["fallbacks"]).flatMap((raw, index) =>
    isText(raw) ? use(`${at}.fallbacks.${index}`, raw, role === "primary" ? "fallback" : role, []) : [],
  );
  return [...(chain === undefined ? [] : use(`${at}.primary`, chain.primary, role, chain.fallbacks)), ...fallbacks];
}

function use(key: string, raw: string, role: ModelRole, fallbacks: readonly string[]): readonly ModelUse[] {
  const ref = withoutProfile(raw);
  if (ref === "" || TEMPLATE.test(ref)) return [];
  return [{ ref, role, evidence: { fact: `${key} is ${cut(raw.trim(), 120)}`, from: `openclaw.json ${key}` }, fallbacks, key, job: null }];
}

/** Without `@profile` behind it; but `@20260101`, `@q4_k_m` and `@4bit` belong to the model. The host's `splitTrailingAuthProfile` (2026.9.6). */
export function withoutProfile(raw: string): string {
  const text = raw.trim();
  const own = /^(?:.*\/)?[^/@]+(?:@\d{8}(?=@|$))?(?:@(?:i?q\d+(?:_[a-z0-9]+)*|\d+bit)(?=@|$))?/is.exec(text)?.[0] ?? text;
  return /^@./s.test(text.slice(own.length)) ? own.trim() : text;
}

function reviewer(tools: unknown): unknown {
  return asObject(asObject(asObject(tools)["exec"])["reviewer"])["model"];
}

function children(at: string, value: unknown): readonly (readonly [string, unknown])[] {
  return Object.entries(asObject(value)).map(([key, child]) => [`${at}.${cut(key, 64)}`, child] as const);
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
