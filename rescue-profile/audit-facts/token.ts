import { readdirSync } from "node:fs";
import path from "node:path";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import type { TokenFacts } from "../audit/facts.ts";
import { readConfig } from "../observe/config-finding.ts";

/** What stands in examples and in scripts that lost a variable. */
const PLACEHOLDER = /^(?:|undefined|null|none|token|secret|password|changeme|change-me|example|test|<.*>|your[-_ ].*|x+|\*+)$/i;
/** A variable or another source, which only the host resolves. */
const REFERENCE = /\$\{[A-Z_][A-Z0-9_]*\}/;

/** The gateway's token or password, described and never told. `home`: where the account's profiles lie; `environment`: the gateway's, null if not known. */
export function describeToken(
  config: JsonObject,
  { configPath, home, environment }: { configPath: string; home: string; environment: Readonly<Record<string, string | undefined>> | null },
): TokenFacts {
  const auth = asObject(asObject(config["gateway"])["auth"]);
  const mode =
    typeof auth["mode"] === "string" ? auth["mode"] : auth["token"] === undefined && auth["password"] !== undefined ? "password" : "token";
  // What the environment hands in wins over the file (the host's own rule).
  const secret = environment?.[`OPENCLAW_GATEWAY_${mode.toUpperCase()}`] || secretOf(config);
  return {
    mode,
    length: secret?.length ?? null,
    distinct: secret === undefined ? null : new Set(secret).size,
    placeholder:
      (secret !== undefined && PLACEHOLDER.test(secret)) || (written(auth[mode]) !== undefined && written(auth[mode])?.trim() === ""),
    sharedWith:
      secret === undefined || secret === ""
        ? []
        : others(configPath, home, config)
            .filter(({ token }) => token === secret)
            .map(({ profile }) => profile),
    sharedWithHooks: secret !== undefined && secret !== "" && asObject(config["hooks"])["token"] === secret,
  };
}

/** Undefined: none, or a reference. */
function secretOf(config: JsonObject): string | undefined {
  const auth = asObject(asObject(config["gateway"])["auth"]);
  const value = written(auth["mode"] === "password" ? auth["password"] : (auth["token"] ?? auth["password"]));
  return value === undefined || REFERENCE.test(value) ? undefined : value;
}

const written = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const portOf = (config: JsonObject): unknown => asObject(config["gateway"])["port"];

/** The other profiles of this account that have a token of their own. What has our port as well is a copy that somebody put aside, and no gateway beside ours. */
function others(configPath: string, home: string, own: JsonObject): readonly { readonly profile: string; readonly token: string }[] {
  return readdirSync(home)
    .filter((name) => name === ".openclaw" || name.startsWith(".openclaw-"))
    .map((name) => ({ profile: name.slice(".openclaw-".length) || "default", file: path.join(home, name, "openclaw.json") }))
    .filter(({ file }) => file !== configPath)
    .flatMap(({ profile, file }) => {
      const config = readConfig(file);
      const token = config === undefined || portOf(config) === portOf(own) ? undefined : secretOf(config);
      return token === undefined ? [] : [{ profile, token }];
    });
}
