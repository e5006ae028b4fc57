import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import { jsonObject } from "../../src/shared/json.ts";
import { readIfThere } from "../../src/shared/secure-file.ts";
import type { ModelFacts, Provider } from "../audit/facts.ts";
import type { Reading } from "../core/model.ts";
import type { IndexedPlugin } from "../observe/plugins.ts";
import { seen, unseen } from "../observe/reading.ts";
import { columnsOf, readSqlite } from "../observe/sqlite.ts";
import { isLoopback } from "./loopback.ts";

export interface ModelSources {
  readonly config: JsonObject;
  readonly index: readonly IndexedPlugin[];
  /** Providers that have a stored sign-in. */
  readonly signedIn: ReadonlySet<string>;
  /** The variables that the gateway has; null: not known. */
  readonly environment: Readonly<Record<string, string | undefined>> | null;
}

/** What a plugin's manifest says of the models it brings. */
interface Offer {
  readonly models: ReadonlyMap<string, readonly string[]>;
  readonly found: ReadonlySet<string>;
  readonly prefixes: readonly string[];
  readonly envVars: ReadonlyMap<string, readonly string[]>;
  readonly signsInItself: readonly string[];
  readonly backends: readonly string[];
}

/** The providers that this gateway knows: those that the configuration describes, and those of enabled plugins, by their manifests. */
export function describeModels({ config, index, signedIn, environment }: ModelSources): ModelFacts {
  const configured = asObject(asObject(config["models"])["providers"]);
  const plugins = index.filter(({ enabled }) => enabled !== false).map((plugin) => ({ plugin, offer: offerOf(plugin.rootDir) }));
  const names = new Set([...Object.keys(configured), ...plugins.flatMap(({ plugin, offer }) => [...plugin.providers, ...offer.backends])]);
  const providers = [...names].map((id): Provider => {
    const own = configured[id] === undefined ? undefined : asObject(configured[id]);
    const offers = plugins
      .filter(({ plugin, offer }) => plugin.providers.includes(id) || offer.backends.includes(id))
      .map(({ offer }) => offer);
    const prefixes = offers.flatMap((offer) => offer.prefixes);
    const envVars = [...new Set(offers.flatMap((offer) => offer.envVars.get(id) ?? []))];
    const discovers = offers.some((offer) => offer.found.has(id) || !offer.models.has(id)) && prefixes.length === 0;
    const listed = [...modelsIn(own), ...offers.flatMap((offer) => offer.models.get(id) ?? [])];
    return {
      id,
      from: [...(own === undefined ? [] : (["config"] as const)), ...(offers.length === 0 ? [] : (["plugin"] as const))],
      models: [...new Set(listed)],
      open: discovers || listed.length === 0,
      prefixes,
      envVars,
      credentials: credentialsOf(id, own, {
        envVars,
        signsInItself: offers.some((offer) => offer.signsInItself.includes(id)),
        signedIn,
        environment,
      }),
    };
  });
  return { providers, aliases: aliasesIn(config) };
}

function credentialsOf(
  id: string,
  own: JsonObject | undefined,
  about: { envVars: readonly string[]; signsInItself: boolean } & Pick<ModelSources, "signedIn" | "environment">,
): Provider["credentials"] {
  const key = own?.["apiKey"] ?? asObject(own?.["auth"])["apiKey"];
  if ((typeof key === "string" && key !== "") || (typeof key === "object" && key !== null)) return "yes";
  if (about.signedIn.has(id)) return "yes";
  if (about.environment !== null && about.envVars.some((name) => (about.environment?.[name] ?? "") !== "")) return "yes";
  const url = own?.["baseUrl"];
  if (about.signsInItself || (typeof url === "string" && isLoopback(url))) return "unneeded";
  if (own !== undefined && Object.keys(asObject(own["headers"])).length > 0) return "yes";
  return about.environment === null ? "unknown" : "no";
}

function aliasesIn(config: JsonObject): Map<string, string> {
  const agents = asObject(config["agents"]);
  const scopes = [asObject(agents["defaults"]), ...Object.values(asObject(agents["entries"])).map(asObject)];
  return new Map(
    scopes.flatMap((scope) =>
      Object.entries(asObject(scope["models"])).flatMap(([ref, settings]): [string, string][] => {
        const alias = asObject(settings)["alias"];
        return typeof alias === "string" ? [[alias.toLowerCase(), ref]] : [];
      }),
    ),
  );
}

function modelsIn(provider: JsonObject | undefined): string[] {
  const models = provider?.["models"];
  return (Array.isArray(models) ? models : []).map((each) => asObject(each)["id"]).filter((id) => typeof id === "string");
}

function offerOf(rootDir: string): Offer {
  const manifest = jsonObject(readIfThere(path.join(rootDir, "openclaw.plugin.json")) ?? "{}");
  const catalog = asObject(manifest["modelCatalog"]);
  const setup = asObject(manifest["setup"])["providers"];
  return {
    models: new Map(Object.entries(asObject(catalog["providers"])).map(([id, provider]) => [id, modelsIn(asObject(provider))])),
    found: new Set(Object.entries(asObject(catalog["discovery"])).flatMap(([id, how]) => (how === "static" ? [] : [id]))),
    prefixes: textsIn(asObject(manifest["modelSupport"])["modelPrefixes"]),
    envVars: new Map((Array.isArray(setup) ? setup : []).map(asObject).map(({ id, envVars }) => [String(id), textsIn(envVars)])),
    signsInItself: [...textsIn(manifest["syntheticAuthRefs"]), ...textsIn(manifest["nonSecretAuthMarkers"])],
    backends: textsIn(manifest["cliBackends"]),
  };
}

const textsIn = (value: unknown): string[] => (Array.isArray(value) ? value : []).filter((each) => typeof each === "string");

/** Who has a sign-in in the shared store (`authProfiles.store`, measured) or is named in `auth.profiles`. Keys are not looked at. */
export function readSignedIn(databasePath: string, config: JsonObject): Reading<ReadonlySet<string>> {
  const declared = Object.values(asObject(asObject(config["auth"])["profiles"])).map((each) => asObject(each)["provider"]);
  const stored = readSqlite(databasePath, "the state database", (database) => seen(storedProviders(database)));
  if (!stored.ok && stored.fault !== "missing") return unseen(stored.why);
  return seen(new Set([...declared, ...(stored.ok ? stored.value : [])].filter((provider) => typeof provider === "string")));
}

function storedProviders(database: DatabaseSync): unknown[] {
  if (!["state_key", "value_json"].every((column) => columnsOf(database, "config_machine_state").includes(column))) return [];
  const row = database.prepare("SELECT value_json FROM config_machine_state WHERE state_key = 'authProfiles.store'").get();
  if (row === undefined) return [];
  return Object.values(asObject(jsonObject(row["value_json"])["profiles"])).map((each) => asObject(each)["provider"]);
}
