import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { RescueError } from "../../../src/shared/errors.ts";
import { asObject, type JsonObject, readHostConfig } from "../../../src/shared/gateway-config.ts";
import type { Fix } from "../finding.ts";
import type { Remedy } from "../fixing.ts";
import type { RemedyPorts, SavedFiles } from "./ports.ts";

const CLI_MS = 180_000;
/** The host stamps what it writes. */
const MAY_DIFFER = /^(plugins\.allow|meta(\..*)?)$/;

type Ports = Pick<RemedyPorts, "profile" | "folder" | "config" | "save" | "restore" | "host" | "maskSecrets">;

/**
 * `plugins.allow` by the host's own CLI, which validates before it writes and tells a running gateway. Undone by writing back the very bytes. It is left to a person when
 * the file is JSON5 (the host would write plain JSON and drop the comments), and taken back when the host changed any other key with it.
 */
export function allowPlugins({ ids }: Extract<Fix, { kind: "allow-plugins" }>, ports: Ports): Remedy {
  const { config, folder } = ports;
  const args = ["config", "set", "plugins.allow", JSON.stringify(ids), "--strict-json"];
  let saved: SavedFiles | undefined;
  /** What the command left, so that an undo does not write over what somebody else wrote later. */
  let left: ReadonlyMap<string, string> | undefined;

  return {
    changesConfig: true,
    async plan() {
      const hashes = hashesOf(config.files());
      if (!isPlainJson(readFileSync(config.path, "utf8")))
        throw new RescueError(
          "refused",
          `${config.path} has comments or is otherwise more than plain JSON, which the host would not keep`,
          {
            fix: "set plugins.allow there by hand",
          },
        );
      const files = [...hashes].map(([path, nowSha256]) => ({ path, nowSha256, readSha256: config.readSha256.get(path) }));
      const before = asObject(readHostConfig(config.path, missing)["plugins"])["allow"];
      const select = ports.profile === "default" ? "" : `--profile ${ports.profile} `;
      return {
        what: `set plugins.allow to ${ids.join(", ")}`,
        files: [],
        commands: [`openclaw ${select}config set plugins.allow '${JSON.stringify(ids).replaceAll("'", "'\\''")}' --strict-json`],
        changes: [{ kind: "config-key", key: ["plugins", "allow"], before, files }],
        undoByHand: `openclaw ${select}config unset plugins.allow`,
      };
    },
    async save() {
      saved = ports.save(folder, config.files());
      return saved.directory;
    },
    async apply() {
      const before = kept();
      const changed = before.files.find(({ path, sha256 }) => config.readSha256.get(path) !== sha256 || hashOf(path) !== sha256);
      if (changed !== undefined) throw new RescueError("refused", `${changed.path} was changed by somebody else since it was read`);
      const whole = readHostConfig(config.path, missing);
      const result = await ports.host(args, { timeoutMs: CLI_MS });
      left = hashesOf(before.files.map(({ path }) => path));
      const said = ports.maskSecrets(`${result.stdout}${result.stderr}`.trim());
      if (result.exitCode !== 0)
        throw new RescueError("refused", `openclaw config set ended with ${result.exitCode ?? result.signal}: ${said}`);
      const rewritten = before.files.find(
        ({ path, sha256, content }) => hashOf(path) !== sha256 && !isPlainJson(content().toString("utf8")),
      );
      if (rewritten !== undefined) throw new RescueError("refused", `the host has written ${rewritten.path} anew, without its comments`);
      const strange = changedKeys(whole, readHostConfig(config.path, missing));
      const [other] = strange.filter((key) => !MAY_DIFFER.test(key));
      if (other !== undefined) throw new RescueError("refused", `the host changed ${other} together with plugins.allow`);
      if (!isDeepStrictEqual(asObject(readHostConfig(config.path, missing)["plugins"])["allow"], [...ids]))
        throw new RescueError("refused", "plugins.allow is not what it was set to");
      return said;
    },
    async undo() {
      if (left === undefined) return "the configuration was not touched";
      const before = kept();
      const changed = [...left].find(([path, hash]) => hashOf(path) !== hash);
      if (changed !== undefined)
        throw new RescueError("refused", `${changed[0]} was changed by somebody else meanwhile, and was left alone`);
      ports.restore(before);
      return "the configuration is what it was, byte for byte";
    },
  };

  function kept(): SavedFiles {
    if (saved === undefined) throw new RescueError("internal", "nothing was saved");
    return saved;
  }
}

/** The differences, as `a.b.c`, each at the highest key that is no object on both sides; one that is missing counts as an object without keys. */
export function changedKeys(before: JsonObject, after: JsonObject, under = ""): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const [lower, upper] = [before[key], after[key]];
    const path = `${under}${key}`;
    if (isDeepStrictEqual(lower, upper)) return [];
    const deeper = isObject(lower ?? upper) && isObject(upper ?? lower);
    return deeper ? changedKeys(asObject(lower), asObject(upper), `${path}.`) : [path];
  });
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPlainJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function hashesOf(paths: readonly string[]): ReadonlyMap<string, string> {
  return new Map(paths.map((path) => [path, hashOf(path)]));
}

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function missing(path: string): RescueError {
  return new RescueError("profile-missing", `${path} does not exist`);
}
