import { resolve, sep } from "node:path";
import type { Fix } from "../finding.ts";

/** One thing that a fix is going to change, for the guard. Paths are absolute and real. */
export type Change =
  /** `before`: what stands there now; each file of the configuration with its hash when the audit read it, and now. */
  | {
      readonly kind: "config-key";
      readonly key: readonly string[];
      readonly before: unknown;
      readonly files: readonly { readonly path: string; readonly readSha256: string | undefined; readonly nowSha256: string }[];
    }
  | { readonly kind: "mode"; readonly path: string; readonly from: number; readonly to: number }
  | { readonly kind: "write"; readonly path: string; readonly there: "nothing" | "ours" | "foreign" }
  /** Is copied first and emptied then. */
  | { readonly kind: "rotate"; readonly path: string }
  | { readonly kind: "delete"; readonly path: string }
  /** Of the account's service manager. */
  | { readonly kind: "order"; readonly words: readonly string[] };

/** Directories, real paths, below which something may be changed. */
export interface Places {
  readonly write: readonly string[];
  readonly narrow: readonly string[];
  /** Or files: then just these. */
  readonly rotate: readonly string[];
}

/** What each kind of fix may change at all. */
const MAY: Readonly<Record<Fix["kind"], readonly Change["kind"][]>> = {
  "allow-plugins": ["config-key"],
  "narrow-mode": ["mode"],
  "limit-starts": ["write", "order"],
  "enable-unit": ["order"],
  "rotate-logs": ["write", "order", "rotate"],
  "keep-config": [],
};

/** A key with one of these in its name is never for a program to change. */
const SENSITIVE = /token|password|passwd|secret|auth|pairing|allowfrom|dmpolicy|credential|apikey/i;
const LOG_NAME = /\.(log|out|err|txt)$/i;
const UNIT = /^[A-Za-z0-9_][A-Za-z0-9:_.@-]*\.(service|timer)$/;

/**
 * The kill switch: why this must not be done by a program, as a sentence; undefined: it may. Refused is what touches a secret, auth or pairing, changes a list that
 * somebody made, makes a mode wider, deletes, overwrites a file that is not ours, leaves the expected places, works on a configuration that was changed since it was
 * read, or does anything that this kind of fix has no business with. Pure.
 */
export function forbidden(fix: Fix, changes: readonly Change[], places: Places): string | undefined {
  for (const change of changes) {
    const why = objection(fix, change, places);
    if (why !== undefined) return `${why}; nothing was changed, this is for a person to decide`;
  }
  return undefined;
}

function objection(fix: Fix, change: Change, places: Places): string | undefined {
  if (change.kind === "delete") return `it would delete ${change.path}`;
  if (!MAY[fix.kind].includes(change.kind)) return `a fix of the kind ${fix.kind} must not do that (${change.kind})`;
  switch (change.kind) {
    case "config-key":
      return keyObjection(change);
    case "mode": {
      if (!within(change.path, places.narrow)) return `${change.path} lies outside of the places where modes are changed`;
      if ((change.to & ~change.from) !== 0) return `it would make ${change.path} wider: ${octal(change.from)} to ${octal(change.to)}`;
      return undefined;
    }
    case "write":
      if (!within(change.path, places.write)) return `${change.path} lies outside of the places that are written to`;
      return change.there === "foreign" ? `${change.path} is there already and is not ours` : undefined;
    case "rotate":
      if (!places.rotate.includes(change.path) && !within(change.path, places.rotate))
        return `${change.path} lies outside of the places where logs are rotated`;
      return LOG_NAME.test(change.path) ? undefined : `${change.path} has not the name of a log`;
    case "order":
      return orderObjection(fix, change.words);
  }
}

function keyObjection({ key, before, files }: Extract<Change, { kind: "config-key" }>): string | undefined {
  const name = key.join(".");
  if (key.some((part) => SENSITIVE.test(part))) return `${name} is about a secret, or about who may do what`;
  if (name !== "plugins.allow") return `${name} is not a key that a fix changes`;
  if (before !== undefined && !(Array.isArray(before) && before.length === 0)) return `${name} has been set by somebody`;
  const changed = files.find(({ readSha256, nowSha256 }) => readSha256 !== nowSha256);
  return changed === undefined ? undefined : `${changed.path} was changed by somebody else since it was read`;
}

function orderObjection(fix: Fix, words: readonly string[]): string | undefined {
  const [verb, ...rest] = words;
  const unit = rest.at(-1) ?? "";
  const ours = unit.startsWith("rescue-watchdog-logrotate-") && UNIT.test(unit);
  const may =
    (fix.kind !== "enable-unit" && verb === "daemon-reload" && rest.length === 0) ||
    (fix.kind === "enable-unit" && verb === "enable" && rest.length === 1 && unit === fix.unit && UNIT.test(unit)) ||
    (fix.kind === "rotate-logs" && ours && verb === "enable" && rest.length === 2 && rest[0] === "--now") ||
    (fix.kind === "rotate-logs" && ours && verb === "start" && rest.length === 1);
  return may ? undefined : `it would order the service manager to ${words.join(" ")}`;
}

function within(path: string, places: readonly string[]): boolean {
  return resolve(path) === path && places.some((place) => path.startsWith(place.endsWith(sep) ? place : `${place}${sep}`));
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
