import { seenText } from "./clean.ts";
import { isSecretFlag, isSecretGroup, isSecretKey } from "./secret-keys.ts";
import { shapedSecrets } from "./secret-shapes.ts";

const MAX_DEEP = 40;
const REFERENCE = /(?<!\$)\$\{[A-Za-z_][A-Za-z0-9_]*\}/;
/** What the host writes in place of a secret that it resolves itself (docs/reference/secretref-credential-surface.md, cli/agent.md). */
const MARKER = /^secretref-(?:managed|env:[A-Z][A-Z0-9_]*)$/;

/** Gets every secret of the configuration and gives back what is shown in its place. */
type Hide = (secret: string) => string;

/**
 * A copy of the configuration in which `hide` has replaced every secret: values under the keys of secret-keys.ts, everything below `env` and `headers`, what follows a flag such as
 * --token in a list, and what has a secret's shape. References (`${NAME}`, `{source, provider, id}`) are names and stay. Switches stay; numbers stay but below a secret's name.
 */
export function hideInConfig(config: unknown, hide: Hide): unknown {
  return hidden(config, { hide, secret: false, deep: 0 });
}

interface Place {
  readonly hide: Hide;
  /** Everything here is a secret. */
  readonly secret: boolean;
  readonly deep: number;
}

function hidden(value: unknown, place: Place): unknown {
  if (place.deep > MAX_DEEP) return "(too deep)";
  const below: Place = { ...place, deep: place.deep + 1 };
  if (Array.isArray(value))
    return value.map((each: unknown, index) => hidden(each, { ...below, secret: place.secret || follows(value, index) }));
  if (typeof value === "object" && value !== null) return isReference(value) ? value : hiddenObject(value, below);
  if (typeof value === "string") return hiddenText(value, place);
  if (place.secret && (typeof value === "number" || typeof value === "bigint")) return place.hide(String(value));
  return value;
}

function hiddenObject(value: object, place: Place): unknown {
  const entries = Object.entries(value).map(([key, child]) => {
    // A limit such as maxTokens is no secret.
    const counted = typeof child === "number" && /tokens$/i.test(key);
    // An object of this name says how it is done; its own keys tell which of them are secrets.
    const named = !counted && (isSecretGroup(key) || (isSecretKey(key) && !(isObject(child) && /^(?:auth|keys?|secrets)$/i.test(key))));
    const inAuth = isObject(value) && key === "value" && "type" in value;
    return [hideShapes(seenText(key), place.hide), hidden(child, { ...place, secret: place.secret || named || inAuth })];
  });
  return Object.fromEntries(entries);
}

function hiddenText(written: string, { hide, secret }: Place): string {
  const text = seenText(written);
  if (MARKER.test(text)) return text;
  if (!secret) return hideShapes(text, hide);
  // A literal between references is a secret too, unless it is what joins them ("Bearer ${TOKEN}").
  const literals = text.split(REFERENCE);
  if (literals.length === 1) return text === "" ? text : hide(text);
  const references = [...text.matchAll(new RegExp(REFERENCE, "g"))].map(([found]) => found);
  return literals
    .map(
      (literal, index) =>
        `${/^\W*$|^\s*(?:bearer|basic|bot|token)\s*$/i.test(literal) ? literal : hide(literal)}${references[index] ?? ""}`,
    )
    .join("");
}

function hideShapes(text: string, hide: Hide): string {
  return shapedSecrets(text)
    .toSorted((a, b) => b.length - a.length)
    .reduce((shown, secret) => (shown.includes(secret) ? shown.replaceAll(secret, () => hide(secret)) : shown), text);
}

function follows(list: readonly unknown[], index: number): boolean {
  const before = list[index - 1];
  return typeof before === "string" && isSecretFlag(before);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `{source: "env" | "file" | "exec" | "store", provider, id}` and nothing else, the form of docs/gateway/config-secrets-env.md. */
function isReference(value: object): boolean {
  const keys = Object.keys(value);
  const source: unknown = Reflect.get(value, "source");
  return (
    typeof source === "string" &&
    ["env", "file", "exec", "store"].includes(source) &&
    keys.includes("id") &&
    keys.every((key) => ["source", "provider", "id"].includes(key)) &&
    Object.values(value).every((each) => typeof each === "string" && each.length <= 256 && shapedSecrets(each).length === 0)
  );
}
