import { join } from "node:path";
import JSON5 from "json5";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { asObject } from "../src/shared/gateway-config.ts";
import { readIfThere, writePlainFile } from "../src/shared/secure-file.ts";
import { type PolicySettings, parsePolicy } from "./config.ts";

const fromPluginFile = (dir: string) => join(dir, "plugin-settings.json");

/** The plugin's configuration is known only inside the host: kept here, so that `tick`, the runner and a terminal go by the same limits. */
export function rememberPluginSettings(dir: string, settings: unknown): void {
  writePlainFile(fromPluginFile(dir), `${JSON.stringify(settings, null, 2)}\n`);
}

/**
 * The settings in force: what the plugin was configured with, or `<dir>/config.json5`, or what the plugin was configured with when it watched
 * last; then what was changed from a chat, then `overrides` of the form `act.frozenSeconds=8`. Throws `usage`, `not-readable` or `config-invalid` with the place (the file, the plugin's entry, `--set`) and the key.
 */
export function loadSettings(dir: string, options: { fromPlugin?: unknown; overrides?: readonly string[] } = {}): PolicySettings {
  const settings = withChanges(dir, writtenSettings(dir, options.fromPlugin));
  if (options.overrides === undefined || options.overrides.length === 0) return settings;
  return parsePolicy(overridden(settings, options.overrides), "--set");
}

/** As a person wrote them. */
function writtenSettings(dir: string, fromPlugin: unknown): PolicySettings {
  const file = join(dir, "config.json5");
  const where = fromPlugin === undefined ? file : "plugins.entries.rescue-watchdog.config";
  return parsePolicy(fromPlugin ?? readSettings(file) ?? readSettings(fromPluginFile(dir)), where);
}

function overridden(settings: PolicySettings, overrides: readonly string[]): unknown {
  const changed: Record<string, unknown> = structuredClone(settings);
  for (const override of overrides) applyOverride(changed, override);
  return changed;
}

/** Numbers that say how patient and how active it is. Whom it tells, whom it obeys and how far it may go are not for a chat. */
const SAFE: ReadonlySet<string> = new Set(["watch", "act", "limits", "verify"]);
const UNSAFE: ReadonlySet<string> = new Set(["limits.maxTier"]);

/** A setting that is one value: `group.key`, and whether a chat may change it. */
interface FlatSetting {
  readonly key: string;
  readonly value: string;
  readonly safe: boolean;
}

/** Every setting that is one value, as it is in force but for `--set`. */
export function flatSettings(dir: string, fromPlugin?: unknown): readonly FlatSetting[] {
  return flat(loadSettings(dir, { fromPlugin }));
}

function flat(settings: PolicySettings): readonly FlatSetting[] {
  return Object.entries(settings).flatMap(([group, values]) =>
    typeof values !== "object" || values === null
      ? []
      : Object.entries(values)
          .filter(([, value]) => typeof value !== "object")
          .map(([name, value]) => ({
            key: `${group}.${name}`,
            value: String(value),
            safe: typeof value === "number" && SAFE.has(group) && !UNSAFE.has(`${group}.${name}`),
          })),
  );
}

/** Changed from a chat: what stood in the settings then, and what holds instead as long as that still stands there. */
interface Change {
  readonly was: string;
  readonly value: string;
}

const changesFile = (dir: string) => join(dir, "changed-settings.json");

/**
 * Changes one setting and returns what was in force. Kept beside the settings of a person or of the plugin, whose comments stay: who edits the same setting there
 * later has the last word, until the former value stands there again. Throws `usage` when it may not be so or is not for a chat, and leaves everything as it was.
 */
export function changeSetting(dir: string, key: string, value: string, fromPlugin?: unknown): string {
  const own = writtenSettings(dir, fromPlugin);
  const settingIn = (settings: PolicySettings) => flat(settings).find((each) => each.key === key);
  const written = settingIn(own);
  if (written?.safe === false) throw new RescueError("usage", `${key} is not for a chat to change`);
  const was = written?.value ?? "";
  const before = settingIn(withChanges(dir, own))?.value ?? "";
  const changes = Object.fromEntries(Object.entries(readChanges(dir)).filter(([name]) => name !== key));
  parsePolicy(overridden(own, [`${key}=${value}`]), key);
  const change: Change = { was, value };
  writePlainFile(changesFile(dir), `${JSON.stringify(was === value ? changes : { ...changes, [key]: change }, null, 2)}\n`);
  return before;
}

/** Why what was changed from a chat does not hold, for the log; undefined: it does. */
export function troubleWithChanges(dir: string): string | undefined {
  return heldChanges(dir).trouble;
}

type Changes = Readonly<Record<string, Change>>;

/** None, and why, where they cannot be read: what a chat has left is no reason not to watch, and a person's own settings hold. */
function heldChanges(dir: string): { readonly changes: Changes; readonly trouble?: string } {
  try {
    return { changes: readChanges(dir) };
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    return { changes: {}, trouble: error.message };
  }
}

function readChanges(dir: string): Changes {
  const found = asObject(readSettings(changesFile(dir)));
  return Object.fromEntries(
    Object.entries(found).map(([key, change]) => {
      const { was, value } = asObject(change);
      return [key, { was: String(was), value: String(value) }];
    }),
  );
}

function withChanges(dir: string, settings: PolicySettings): PolicySettings {
  const current = new Map(flat(settings).map(({ key, value, safe }) => [key, safe ? value : undefined]));
  const due = Object.entries(heldChanges(dir).changes).flatMap(([key, { was, value }]) =>
    current.get(key) === was ? [`${key}=${value}`] : [],
  );
  return due.length === 0 ? settings : parsePolicy(overridden(settings, due), changesFile(dir));
}

function readSettings(file: string): unknown {
  let text: string | undefined;
  try {
    text = readIfThere(file);
  } catch (error) {
    throw new RescueError("not-readable", `the settings ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (text === undefined) return undefined;
  try {
    return JSON5.parse(text);
  } catch (error) {
    throw new RescueError("config-invalid", `the settings ${file} are not valid JSON5: ${messageOf(error)}`, { cause: error });
  }
}

function applyOverride(settings: Record<string, unknown>, override: string): void {
  const match = /^(\w+)\.(\w+)=(.+)$/.exec(override);
  const [, group = "", key = "", value = ""] = match ?? [];
  if (match === null || [group, key].some((name) => ["__proto__", "constructor", "prototype"].includes(name))) {
    throw new RescueError("usage", `--set wants group.key=value, for example act.frozenSeconds=8, not ${JSON.stringify(override)}`);
  }
  const existing = settings[group];
  const section = typeof existing === "object" && existing !== null ? existing : {};
  settings[group] = { ...section, [key]: Number.isNaN(Number(value)) ? value : Number(value) };
}
