import { asObject } from "../../../src/shared/gateway-config.ts";
import type { Json } from "../facts.ts";

/** What lies at a path of keys in dots, whatever it is. */
export function valueAt(config: Json, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => {
    const parent = asObject(value);
    return Object.hasOwn(parent, key) ? parent[key] : undefined;
  }, config);
}

/** The objects in an object, by their keys: accounts, routes. */
export function objectsIn(value: unknown): readonly (readonly [string, Json])[] {
  return Object.entries(asObject(value))
    .filter(([, child]) => typeof child === "object" && child !== null && !Array.isArray(child))
    .map(([key, child]) => [key, asObject(child)] as const);
}

/** Of what lies at a secret's key, only this leaves: how it is given. `reference`: the host fills it in (an object, `${VARIABLE}`), and its length is not known. */
export type SecretShape = { readonly given: "none" | "reference" } | { readonly given: "plain"; readonly length: number };

export function shapeOfSecret(value: unknown): SecretShape {
  if (value === undefined || value === null) return { given: "none" };
  if (typeof value !== "string" || /\$\{[^}]+\}/.test(value)) return { given: "reference" };
  const length = value.trim().length;
  return length === 0 ? { given: "none" } : { given: "plain", length };
}
