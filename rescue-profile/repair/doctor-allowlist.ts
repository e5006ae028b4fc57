import { type KeyChange, type KeyPath, touchedPaths } from "./key-changes.ts";

/** A change to the configuration that the host's doctor may make. `*` stands for one key, `**` for any number of them. */
export interface AllowedChange {
  readonly path: KeyPath;
  readonly why: string;
  /** Says only that the host was here: no reason to rewrite a file that a person has formatted and commented. */
  readonly stamp: boolean;
}

/**
 * Measured on a healthy profile (openclaw 2026.9.6), doctor also switches off some thirty skills whose programs it does not see, which is a
 * person's choice; notes migrations as made (`meta.migrations`), which must not stay noted when what was migrated is put back; and lowers
 * `meta.lastTouchedVersion` of a newer host's file to its own, which takes away the host's guard against running that file.
 * The removal of a key that the host itself called unknown is allowed besides.
 */
export const DOCTOR_ALLOWLIST: readonly AllowedChange[] = [
  { path: ["meta", "lastTouchedAt"], why: "when the host wrote the file", stamp: true },
  { path: ["wizard", "lastRunAt"], why: "when a wizard or doctor ran", stamp: true },
  { path: ["wizard", "lastRunVersion"], why: "of which host", stamp: true },
  { path: ["wizard", "lastRunCommand"], why: "which one ran", stamp: true },
];

/** Who may reach the gateway, and as whom: never changed by a doctor, whatever the allowlist says. Words of a key, split at capitals. */
const PROTECTED_WORDS: ReadonlySet<string> = new Set(
  (
    "auth authentication token tokens secret secrets password passwords credential credentials pairing paired bind port ports " +
    "allow allowed allowlist allowlists deny denied denylist policy policies owner owners trusted tls tailscale"
  ).split(" "),
);
const PROTECTED_NAME = /api_?key|passw|secret|credential|token|allow_?(list|from)/i;

/** plugins.allow, channels.*.dmPolicy, allowFrom and groupPolicy, gateway.auth, bind and port are all found by their words. */
export function isProtected(path: KeyPath): boolean {
  return path.some((part) => PROTECTED_NAME.test(part) || wordsOf(part).some((word) => PROTECTED_WORDS.has(word)));
}

/** Why a change may stay: a stamp, a removed unknown key, another entry of the list; `no` otherwise. */
export function judge(
  change: KeyChange,
  unknownKeys: readonly string[],
  allowlist: readonly AllowedChange[] = DOCTOR_ALLOWLIST,
): "stamp" | "wanted" | "no" {
  const paths = touchedPaths(change);
  if (paths.some(isProtected)) return "no";
  const entries = paths.map((path) => allowlist.find((entry) => matches(entry.path, path)));
  if (entries.every((entry) => entry?.stamp === true)) return "stamp";
  if (entries.every((entry) => entry !== undefined)) return "wanted";
  const unknown = change.kind === "removed" && paths.every((path) => unknownKeys.some((key) => isWithin(path.join("."), key)));
  return unknown ? "wanted" : "no";
}

/** Are these changes, besides stamps, the removal of the unknown keys, all of them and nothing else? */
export function takesAwayJust(unknownKeys: readonly string[], changes: readonly KeyChange[]): boolean {
  const stamps = DOCTOR_ALLOWLIST.filter(({ stamp }) => stamp);
  const isGone = (key: string) => changes.some(({ kind, path }) => kind === "removed" && isWithin(key, path.join(".")));
  return unknownKeys.every(isGone) && changes.every((change) => judge(change, unknownKeys, stamps) !== "no");
}

export function matches(pattern: KeyPath, path: KeyPath): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first === "**") return path.some((_, at) => matches(rest, path.slice(at))) || matches(rest, []);
  return path.length > 0 && (first === "*" || first === path[0]) && matches(rest, path.slice(1));
}

function isWithin(path: string, key: string): boolean {
  return path === key || path.startsWith(`${key}.`);
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase());
}
