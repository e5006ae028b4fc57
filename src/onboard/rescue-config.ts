import { join } from "node:path";
import { asObject, type JsonObject } from "../shared/gateway-config.ts";

export interface RescueConfigInput {
  readonly primary: string;
  readonly stateDir: string;
  readonly port: number;
  readonly token: string;
  /** The directory of this plugin's package. */
  readonly pluginRoot: string;
}

/**
 * The configuration of a rescue gateway. What isolates it is laid down each time (port, loopback, own token, no tailscale, no remote, this
 * plugin and no other, no job that would call a model); everything else that a user added to an existing one is kept. Pure.
 */
export function renderRescueConfig(input: RescueConfigInput, existing: JsonObject = {}): JsonObject {
  const gateway = asObject(existing["gateway"]);
  const agents = asObject(existing["agents"]);
  const defaults = asObject(agents["defaults"]);
  const skills = asObject(existing["skills"]);
  const plugins = asObject(existing["plugins"]);
  const entries = asObject(plugins["entries"]);
  const own = asObject(entries["rescue-watchdog"]);
  const allow = Array.isArray(plugins["allow"]) ? plugins["allow"].map(String) : [];
  return {
    ...existing,
    gateway: {
      ...omit(gateway, "remote"),
      mode: "local",
      port: input.port,
      bind: "loopback",
      auth: { mode: "token", token: input.token },
      tailscale: { mode: "off" },
      // 23 MB of staged assets at every boot, for a page that nobody opens.
      controlUi: { ...asObject(gateway["controlUi"]), enabled: false },
    },
    agents: {
      ...agents,
      defaults: {
        ...defaults,
        workspace: join(input.stateDir, "workspace"),
        skipBootstrap: true,
        heartbeat: { ...asObject(defaults["heartbeat"]), every: "0m" },
      },
    },
    // The skill review would call a model; the rest would reach out of the machine.
    skills: { ...skills, workshop: { ...asObject(skills["workshop"]), autonomous: { mode: "off" } } },
    browser: { ...asObject(existing["browser"]), enabled: false },
    update: { ...asObject(existing["update"]), checkOnStart: false },
    telemetry: { ...asObject(existing["telemetry"]), enabled: false },
    discovery: { ...asObject(existing["discovery"]), mdns: { mode: "off" } },
    cron: { ...asObject(existing["cron"]), enabled: true },
    plugins: {
      ...plugins,
      allow: [...new Set([...allow, "rescue-watchdog"])],
      load: { ...asObject(plugins["load"]), paths: pathsWith(plugins, input.pluginRoot) },
      slots: { ...asObject(plugins["slots"]), memory: "none" },
      entries: {
        ...entries,
        "rescue-watchdog": { ...own, enabled: true, config: { ...asObject(own["config"]), watchProfile: input.primary } },
      },
    },
  };
}

/** 256 bits or more in hexadecimal: a token that a re-run keeps. */
export function isStrongToken(token: unknown): token is string {
  return typeof token === "string" && /^[0-9a-f]{64,}$/.test(token);
}

function pathsWith(plugins: JsonObject, pluginRoot: string): readonly string[] {
  const paths = asObject(plugins["load"])["paths"];
  return [...new Set([...(Array.isArray(paths) ? paths.map(String) : []), pluginRoot])];
}

function omit(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
