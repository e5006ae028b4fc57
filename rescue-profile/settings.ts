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
 * last, then `overrides` of the form `act.frozenSeconds=8`. Throws `usage`, `not-readable` or `config-invalid` with the place (the file, the plugin's entry, `--set`) and the key.
 */
export function loadSettings(dir: string, options: { fromPlugin?: unknown; overrides?: readonly string[] } = {}): PolicySettings {
  const file = join(dir, "config.json5");
  const where = options.fromPlugin === undefined ? file : "plugins.entries.rescue-watchdog.config";
  const settings = parsePolicy(options.fromPlugin ?? readSettings(file) ?? readSettings(fromPluginFile(dir)), where);
  if (options.overrides === undefined || options.overrides.length === 0) return settings;
  const changed: Record<string, unknown> = structuredClone(settings);
  for (const override of options.overrides) applyOverride(changed, override);
  return parsePolicy(changed, "--set");
}

/** Numbers that say how patient and how active it is. Whom it tells, whom it obeys and how far it may go are not for a chat. */
const SAFE: ReadonlySet<string> = new Set(["watch", "act", "limits", "verify"]);
const UNSAFE: ReadonlySet<string> = new Set(["limits.maxTier"]);

/** Every setting that is one value, as `group.key`. */
export function flatSettings(dir: string): readonly { readonly key: string; readonly value: string; readonly safe: boolean }[] {
  return Object.entries(loadSettings(dir)).flatMap(([group, values]) =>
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

/**
 * Writes one setting into `<dir>/config.json5`, whose comments are lost by that, and returns what it was. Throws `usage` when it may not be so, `refused`
 * when the settings are the plugin's: then they are changed in that profile's configuration.
 */
export function changeSetting(dir: string, key: string, value: string): string {
  const file = join(dir, "config.json5");
  const own = readSettings(file);
  if (own === undefined && readSettings(fromPluginFile(dir)) !== undefined) {
    throw new RescueError("refused", "the settings are those of the plugin, in the rescue profile's configuration", {
      fix: `openclaw --profile rescue config set plugins.entries.rescue-watchdog.config.${key} ${value}`,
    });
  }
  const before = flatSettings(dir).find((each) => each.key === key)?.value ?? "";
  const changed: Record<string, unknown> = structuredClone({ ...asObject(own) });
  applyOverride(changed, `${key}=${value}`);
  parsePolicy(changed, key);
  writePlainFile(file, `${JSON.stringify(changed, null, 2)}\n`);
  return before;
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
