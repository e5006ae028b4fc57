import type { KeyChange, KeyPath } from "./key-changes.ts";

/** What a key that may hold a secret, or somebody's address, has in its name. Too many rather than too few. */
const SECRET_NAME =
  /token|secret|passw|passphrase|key|auth|cred|cookie|session|private|signature|webhook|salt|hash|pin|code|bearer|jwt|dsn|header|env|vars|phone|mail|from|owner|user|account|allow|url|uri|endpoint/i;
const MASK = "(masked)";
const NAMED = 5;

/** One change as a line for a person: `~ gateway.port: 18789 -> "abc"`. Values are masked when in doubt. */
export function renderChange(change: KeyChange): string {
  const path = renderPath(change.path);
  const value = (of: unknown): string => JSON.stringify(masked(of, change.path));
  switch (change.kind) {
    case "added":
      return `+ ${path} = ${value(change.after)}`;
    case "removed":
      return `- ${path} = ${value(change.before)}`;
    case "changed":
      return `~ ${path}: ${value(change.before)} -> ${value(change.after)}`;
  }
}

/** "2 keys differ: gateway.port, agents.defaults". */
export function nameChanges(changes: readonly KeyChange[]): string {
  const names = changes.slice(0, NAMED).map(({ path }) => renderPath(path));
  const more = changes.length > NAMED ? ` and ${changes.length - NAMED} more` : "";
  return `${changes.length} ${changes.length === 1 ? "key differs" : "keys differ"}${names.length === 0 ? "" : `: ${names.join(", ")}${more}`}`;
}

/** A key can itself be a secret or a phone number, as in a map of accounts. */
export function renderPath(path: KeyPath): string {
  return path.map((part) => (looksSecret(part) ? MASK : part)).join(".");
}

function masked(value: unknown, path: KeyPath): unknown {
  if (path.some((part) => SECRET_NAME.test(part))) return MASK;
  if (Array.isArray(value)) return value.map((each) => masked(each, path));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [looksSecret(key) ? MASK : key, masked(child, [...path, key])]));
  }
  return typeof value === "string" && looksSecret(value) ? MASK : value;
}

/** Shown are words, versions, model names, paths and dates; not what is long without a break or mixes letters and digits like a key. */
function looksSecret(text: string): boolean {
  if (text.length > 80 || !/^[\w ./:,+-]*$/.test(text) || /^\+?\d{7,}$/.test(text)) return true;
  return text
    .split(/[^A-Za-z0-9]+/)
    .some((piece) => piece.length > 20 || (piece.length >= 8 && /\d.*\d/.test(piece) && /[A-Za-z]/.test(piece)));
}
