import { join } from "node:path";
import { asObject, type JsonObject } from "../shared/gateway-config.ts";
import type { TelegramWish } from "./wishes.ts";

export interface RescueConfigInput {
  readonly primary: string;
  readonly stateDir: string;
  readonly port: number;
  readonly token: string;
  /** The directory of this plugin's package. */
  readonly pluginRoot: string;
  readonly telegram?: TelegramWish | undefined;
  readonly inherited?: InheritedAuth | undefined;
}

/** Provider credentials that were copied into the rescue's own store; here only who they are for, never a value. */
export interface InheritedAuth {
  readonly copied: readonly AuthProfileName[];
  /** Not copied, each with the reason. */
  readonly left: readonly { readonly id: string; readonly why: string }[];
  /** `agents.defaults.model` of the primary, so that the rescue has one that these credentials serve. */
  readonly model: unknown;
}

export interface AuthProfileName {
  readonly id: string;
  readonly provider: string;
  readonly mode: string;
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
  const providers = input.inherited?.copied.map(({ provider }) => provider) ?? [];
  return {
    ...existing,
    ...withAuth(existing, input.inherited),
    ...withTelegram(existing, input.telegram),
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
        ...(input.inherited?.model === undefined || defaults["model"] !== undefined ? {} : { model: input.inherited.model }),
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
      allow: [...new Set([...allow, "rescue-watchdog", ...providers, ...(input.telegram === undefined ? [] : ["telegram"])])],
      load: { ...asObject(plugins["load"]), paths: pathsWith(plugins, input.pluginRoot) },
      slots: { ...asObject(plugins["slots"]), memory: "none" },
      entries: {
        ...entries,
        "rescue-watchdog": { ...own, enabled: true, config: { ...asObject(own["config"]), watchProfile: input.primary } },
      },
    },
  };
}

function withAuth(existing: JsonObject, inherited: InheritedAuth | undefined): JsonObject {
  if (inherited === undefined || inherited.copied.length === 0) return {};
  const auth = asObject(existing["auth"]);
  const profiles = Object.fromEntries(inherited.copied.map(({ id, provider, mode }) => [id, { provider, mode }]));
  return { auth: { ...auth, profiles: { ...profiles, ...asObject(auth["profiles"]) } } };
}

/** A bot that speaks with those on its list and with nobody else, with buttons. */
function withTelegram(existing: JsonObject, telegram: TelegramWish | undefined): JsonObject {
  if (telegram === undefined) return {};
  const channels = asObject(existing["channels"]);
  const commands = asObject(existing["commands"]);
  return {
    channels: {
      ...channels,
      telegram: {
        ...asObject(channels["telegram"]),
        enabled: true,
        botToken: telegram.botToken,
        dmPolicy: "allowlist",
        allowFrom: telegram.allowFrom,
        groupPolicy: "disabled",
        capabilities: { inlineButtons: "all" },
      },
    },
    commands: { ...commands, ownerAllowFrom: telegram.allowFrom.map((id) => `telegram:${id}`) },
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
