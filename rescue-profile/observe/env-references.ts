import { parseEnv } from "node:util";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";

/** The host's own rule (`config/env-substitution`): capital names only, anywhere in a string; `$${NAME}` stands for the words `${NAME}`. */
const REFERENCE = /\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g;

export interface VariableSources {
  /** What the service's definition, or the living process, hands to the gateway; null: not known, and then nothing is missing. */
  readonly environment: Readonly<Record<string, string>> | null;
  /** Contents of the `.env` files that the host reads besides. */
  readonly dotEnv: readonly string[];
}

/**
 * Variables that string values of the configuration ask for and the gateway does not have; an empty one counts as missing, as it does in the
 * host. The configuration's own `env` block sets variables, too. Where a login shell may hand in more, nothing can be said.
 */
export function missingVariables(config: JsonObject, { environment, dotEnv }: VariableSources): string[] {
  const own = asObject(config["env"]);
  if (environment === null || importsShell(own, environment)) return [];
  const set = [own, asObject(own["vars"]), ...dotEnv.map((text) => parseEnv(text)), environment];
  const has = (name: string) => set.some((source) => typeof source[name] === "string" && source[name] !== "");
  return [...new Set(referencesIn(config))].filter((name) => !has(name));
}

function importsShell(own: JsonObject, environment: Readonly<Record<string, string>>): boolean {
  const asked = environment["OPENCLAW_LOAD_SHELL_ENV"];
  return asObject(own["shellEnv"])["enabled"] === true || (asked !== undefined && asked !== "" && asked !== "0");
}

function referencesIn(value: unknown): string[] {
  if (typeof value === "string") {
    return [...value.matchAll(REFERENCE)].flatMap(([, dollar, name]) => (dollar === "" && name !== undefined ? [name] : []));
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(referencesIn);
}
