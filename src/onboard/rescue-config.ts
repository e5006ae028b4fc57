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
  /** Whether a load path of the existing configuration is this plugin at another place. */
  readonly isOurPackage?: (directory: string) => boolean;
  readonly telegram?: TelegramWish | undefined;
  readonly inherited?: InheritedAuth | undefined;
}

/** Provider credentials that were copied into the rescue's own store; here only who they are for, never a value. */
export interface InheritedAuth {
  readonly copied: readonly AuthProfileName[];
  /** Portable ones that the rescue had already, perhaps from a run that was killed before it wrote the configuration. */
  readonly present: readonly AuthProfileName[];
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
  const inherited = [...(input.inherited?.copied ?? []), ...(input.inherited?.present ?? [])];
  const model = inherited.length === 0 ? undefined : input.inherited?.model;
  return {
    ...existing,
    ...withAuth(existing, inherited),
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
        ...(model === undefined || defaults["model"] !== undefined ? {} : { model }),
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
      allow: [
        ...new Set([
          ...allow,
          "rescue-watchdog",
          ...inherited.map(({ provider }) => provider),
          ...(input.telegram === undefined ? [] : ["telegram"]),
        ]),
      ],
      load: { ...asObject(plugins["load"]), paths: pathsWith(plugins, input) },
      slots: { ...asObject(plugins["slots"]), memory: "none" },
      entries: {
        ...entries,
        "rescue-watchdog": {
          ...own,
          enabled: true,
          config: { ...withAlerts(asObject(own["config"]), input.telegram), watchProfile: input.primary },
        },
      },
    },
  };
}

function withAuth(existing: JsonObject, inherited: readonly AuthProfileName[]): JsonObject {
  if (inherited.length === 0) return {};
  const auth = asObject(existing["auth"]);
  const profiles = Object.fromEntries(inherited.map(({ id, provider, mode }) => [id, { provider, mode }]));
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
        ...(telegram.apiRoot === undefined ? {} : { apiRoot: telegram.apiRoot }),
        groupPolicy: "disabled",
        capabilities: { inlineButtons: "all" },
      },
    },
    commands: { ...commands, ownerAllowFrom: telegram.allowFrom.map((id) => `telegram:${id}`) },
  };
}

/** Those who may use the bot are told by it; a private chat has the number of its person. Whom a person has named already stays as he is. */
function withAlerts(config: JsonObject, telegram: TelegramWish | undefined): JsonObject {
  const alerts = asObject(config["alerts"]);
  if (telegram === undefined) return config;
  const named: readonly unknown[] = Array.isArray(alerts["telegram"]) ? alerts["telegram"] : [];
  const isNamed = (id: string) => named.some((receiver) => asObject(receiver)["chat"] === Number(id));
  const added = telegram.allowFrom.filter((id) => !isNamed(id)).map((id) => ({ name: id, chat: Number(id) }));
  return { ...config, alerts: { ...alerts, telegram: [...named, ...added] } };
}

/** 256 bits or more in hexadecimal: a token that a re-run keeps. */
export function isStrongToken(token: unknown): token is string {
  return typeof token === "string" && /^[0-9a-f]{64,}$/.test(token);
}

function pathsWith(plugins: JsonObject, { pluginRoot, isOurPackage = () => false }: RescueConfigInput): readonly string[] {
  const paths = asObject(plugins["load"])["paths"];
  const others = Array.isArray(paths) ? paths.map(String).filter((path) => path !== pluginRoot && !isOurPackage(path)) : [];
  return [...others, pluginRoot];
}

function omit(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
