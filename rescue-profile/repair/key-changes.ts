import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "../../src/shared/gateway-config.ts";

export type KeyPath = readonly string[];

/** One difference between two configurations: a key that only one has, or whose values differ. Arrays are compared as wholes. */
export interface KeyChange {
  readonly path: KeyPath;
  readonly kind: "added" | "removed" | "changed";
  readonly before: unknown;
  readonly after: unknown;
}

/** The differences, each at the highest key where it is one. */
export function changesBetween(before: JsonObject, after: JsonObject, under: KeyPath = []): KeyChange[] {
  return keysOf(before, after).flatMap((key) => {
    const [lower, upper] = [before[key], after[key]];
    const path = [...under, key];
    if (isObject(lower) && isObject(upper)) return changesBetween(lower, upper, path);
    return isDeepStrictEqual(lower, upper) ? [] : [{ path, kind: kindOf(lower, upper), before: lower, after: upper }];
  });
}

/**
 * `before` with those changes towards `after` that are allowed. Each is judged by itself down to the last key, so that a forbidden one cannot
 * hide in an object that was added or removed as a whole; an object that loses all its keys that way goes too.
 */
export function mergeAllowed(
  before: JsonObject,
  after: JsonObject,
  allowed: (change: KeyChange) => boolean,
  under: KeyPath = [],
): JsonObject {
  const entries = keysOf(before, after).flatMap((key): [string, unknown][] => {
    const [lower, upper] = [before[key], after[key]];
    const path = [...under, key];
    if (hasKeys(lower, upper)) {
      const merged = mergeAllowed(asObject(lower), asObject(upper), allowed, path);
      const vanished = Object.keys(merged).length === 0 && !(isObject(lower) && isObject(upper));
      return vanished ? [] : [[key, merged]];
    }
    if (isDeepStrictEqual(lower, upper)) return [[key, lower]];
    const value = allowed({ path, kind: kindOf(lower, upper), before: lower, after: upper }) ? upper : lower;
    return value === undefined ? [] : [[key, value]];
  });
  return Object.fromEntries(entries);
}

/** Every last key that a change adds, removes or alters, also within arrays. */
export function touchedPaths(change: KeyChange): KeyPath[] {
  return [...leaves(change.before, change.path), ...leaves(change.after, change.path)];
}

function leaves(value: unknown, path: KeyPath): KeyPath[] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([key, child]) => leaves(child, [...path, key]));
}

/** Both are objects, or one has keys and the other is not there. An empty object is a value like any other. */
function hasKeys(lower: unknown, upper: unknown): boolean {
  if (isObject(lower) && isObject(upper)) return true;
  const only = lower ?? upper;
  return (lower === undefined || upper === undefined) && isObject(only) && Object.keys(only).length > 0;
}

function kindOf(lower: unknown, upper: unknown): KeyChange["kind"] {
  if (lower === undefined) return "added";
  return upper === undefined ? "removed" : "changed";
}

function keysOf(before: JsonObject, after: JsonObject): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])];
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
