import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { RescueError } from "../../src/shared/errors.ts";
import { asObject, type JsonObject, mergeObjects, parseConfig, readHostConfig } from "../../src/shared/gateway-config.ts";
import type { CommandResult } from "../../src/shared/run-command.ts";

const TOP = ["gateway", "agents", "channels", "plugins", "meta", "wizard", "skills"];
const GATEWAY = ["mode", "port", "bind", "auth", "tls"];

/** What else a doctor does besides removing the keys that it does not know. */
export interface DoctorNature {
  /** Merged over the configuration. */
  readonly sets?: JsonObject;
  /** Top-level keys that it takes away. */
  readonly drops?: readonly string[];
  /** Does other things to the files. */
  readonly also?: (configPath: string) => void;
  /** Never ends: is killed at its deadline, with half of its file written. */
  readonly hangs?: boolean;
}

/** Measured on a healthy profile, 2026.9.6: stamps, and skills whose programs it does not see. */
export const HARMLESS: JsonObject = {
  wizard: { lastRunAt: "2026-11-21T15:37:34.989Z", lastRunCommand: "doctor" },
  skills: { entries: { "1password": { enabled: false }, github: { enabled: false } } },
};

/** The host's CLI for one profile, working on the real file, with answers in the words of openclaw 2026.9.6. */
export class FakeHost {
  doctor: DoctorNature = { sets: HARMLESS };
  /** What `config set` does besides. */
  setAlso: JsonObject = {};
  setExit = 0;
  /** Says nothing that can be understood. */
  silent = false;
  readonly calls: string[] = [];
  readonly timeouts: number[] = [];
  readonly #configPath: string;

  constructor(configPath: string) {
    this.#configPath = configPath;
  }

  readonly run = async (args: readonly string[], { timeoutMs }: { timeoutMs: number }): Promise<CommandResult> => {
    this.calls.push(args.join(" "));
    this.timeouts.push(timeoutMs);
    if (this.silent) return result(1, "Segmentation fault");
    if (args[0] === "config" && args[1] === "validate") return this.#validate();
    if (args[0] === "config") return this.#set(args[2] ?? "", args[3] === "true");
    return args[1] === "--lint" ? this.#lint() : this.#fix();
  };

  /** What of a command that writes has happened when it dies half-way. */
  readonly half = (args: readonly string[]): void => {
    if (args[1] !== "--fix" && args[1] !== "set") return;
    this.calls.push(args.join(" "));
    writeFileSync(this.#configPath, readFileSync(this.#configPath, "utf8").slice(0, 40));
  };

  count(command: string): number {
    return this.calls.filter((call) => call.startsWith(command)).length;
  }

  #issues(): { path: string; message: string }[] | string {
    try {
      const config = readHostConfig(this.#configPath, (file) => new RescueError("profile-missing", file));
      const gateway = asObject(config["gateway"]);
      const unknown = (path: string, keys: string[]) =>
        keys.length === 0
          ? []
          : [{ path, message: `Unrecognized key${keys.length > 1 ? "s" : ""}: ${keys.map((key) => `"${key}"`).join(", ")}` }];
      return [
        ...unknown("gateway", without(gateway, GATEWAY)),
        ...unknown("<root>", without(config, TOP)),
        ...(typeof gateway["port"] === "number"
          ? []
          : [{ path: "gateway.port", message: "Invalid input: expected number, received string" }]),
      ];
    } catch (error) {
      if (!(error instanceof RescueError)) throw error;
      if (error.code === "profile-missing") return "file not found";
      return [{ path: "<root>", message: "JSON5 parse failed: SyntaxError: JSON5: invalid end of input at 30:16" }];
    }
  }

  #validate(): CommandResult {
    const issues = this.#issues();
    const path = this.#configPath;
    if (issues.length === 0) return result(0, JSON.stringify({ valid: true, path, warnings: [] }));
    const message = typeof issues === "string" ? issues : `OpenClaw config is invalid: ${path}`;
    const error = { ok: false, error: { type: "cli_error", message }, valid: false, path };
    return result(1, JSON.stringify(typeof issues === "string" ? error : { ...error, issues }, null, 2));
  }

  #lint(): CommandResult {
    const issues = this.#issues();
    const lines = typeof issues === "string" ? [] : issues.map((issue) => JSON.stringify({ checkId: "core/doctor/final", ...issue }));
    return result(1, [JSON.stringify({ schemaVersion: 1, ok: false, checksRun: 35 }), ...lines].join("\n"));
  }

  #fix(): CommandResult {
    if (this.doctor.hangs === true) {
      writeFileSync(this.#configPath, readFileSync(this.#configPath, "utf8").slice(0, 40));
      return { ...result(null, ""), signal: "SIGKILL", timedOut: true };
    }
    const token = this.#token();
    this.#rewrite((config) => {
      const known = pick(config, TOP, this.doctor.drops ?? []);
      const gateway = pick(asObject(known["gateway"]), GATEWAY, []);
      return mergeObjects({ ...known, gateway }, this.doctor.sets ?? {});
    });
    this.doctor.also?.(this.#configPath);
    // It ends well whatever it has done.
    return result(0, `Doctor complete. token ${token}`);
  }

  #set(path: string, value: boolean): CommandResult {
    if (this.setExit !== 0) return result(this.setExit, "OpenClaw config is invalid");
    if (this.#issues().length > 0) return result(1, "OpenClaw config is invalid");
    const entry = path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    this.#rewrite((config) => mergeObjects(mergeObjects(config, asObject(entry)), this.setAlso));
    return result(0, `Updated ${path}. Change will apply without restarting the gateway.`);
  }

  /** As the host writes: a backup beside it, no comments, no included files followed. */
  #rewrite(change: (config: JsonObject) => JsonObject): void {
    const backup = `${this.#configPath}.bak`;
    if (existsSync(backup)) copyFileSync(backup, `${backup}.1`);
    copyFileSync(this.#configPath, backup);
    const config = parseConfig(this.#configPath, readFileSync(this.#configPath, "utf8"));
    writeFileSync(this.#configPath, `${JSON.stringify(change(config), null, 2)}\n`);
  }

  #token(): unknown {
    const config = parseConfig(this.#configPath, readFileSync(this.#configPath, "utf8"));
    return asObject(asObject(config["gateway"])["auth"])["token"];
  }
}

function result(exitCode: number | null, stdout: string): CommandResult {
  return { exitCode, signal: null, stdout, stderr: "", timedOut: false, tookMs: 1, truncated: false };
}

function without(object: JsonObject, known: readonly string[]): string[] {
  return Object.keys(object).filter((key) => !known.includes(key));
}

function pick(object: JsonObject, known: readonly string[], dropped: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => known.includes(key) && !dropped.includes(key)));
}
