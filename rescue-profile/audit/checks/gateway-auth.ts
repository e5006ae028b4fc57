import { asObject } from "../../../src/shared/gateway-config.ts";
import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Json } from "../facts.ts";
import type { Check, Problem, Severity } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { valueAt } from "../judging/config-shape.ts";

/** What opens the gateway, by `gateway/security/*.md` and the host's own audit. What is there for convenience and documented as safe (allowTailscale) is not. */
export const gatewayAuth: Check = {
  id: "gateway-auth",
  group: "gateway",
  question: "Is the gateway's authentication as strict as the host makes it?",
  look: async (facts) => judged(await facts.config(), (config) => weakenings(config).map((each) => problemOf(each, facts.profile))),
};

interface Weakening {
  readonly key: string;
  readonly severity: Severity;
  readonly title: string;
  readonly fact: string;
  readonly text: string;
  /** Of the host, after which it is strict again; absent: the value is a person's choice. */
  readonly command?: string;
}

function weakenings(config: Json): readonly Weakening[] {
  return [...noAuth(config), ...flags(config), ...proxies(config), ...origins(config)];
}

function noAuth(config: Json): readonly Weakening[] {
  if (valueAt(config, "gateway.auth.mode") !== "none") return [];
  return [
    {
      key: "gateway.auth.mode",
      severity: "critical",
      title: "The gateway asks nobody for a token",
      fact: "the mode is none",
      text: "Every process of this machine, and whatever a proxy lets through, has full control of it: set the mode to token and give it one.",
      command: "configure --section gateway",
    },
  ];
}

/** They do nothing in a supported host, and open it in an older one. */
const RETIRED: ReadonlySet<string> = new Set(["gateway.controlUi.allowInsecureAuth", "gateway.controlUi.dangerouslyDisableDeviceAuth"]);
const FLAG = /^(?:dangerously|allowInsecure)[A-Z]/;

function flags(config: Json): readonly Weakening[] {
  const set = trueKeys(valueAt(config, "gateway"), "gateway").filter((key) => FLAG.test(key.slice(key.lastIndexOf(".") + 1)));
  const dangerous = set.map((key): Weakening => {
    const retired = RETIRED.has(key);
    return {
      key,
      severity: retired ? "note" : "warning",
      title: retired ? `${key} is set, which only an older host obeys` : `${key} switches a protection off`,
      fact: "it is true",
      text: retired ? "Remove it." : "Remove it: it is there for a moment's search for a fault.",
      command: retired ? "doctor --fix" : `config unset ${key}`,
    };
  });
  if (valueAt(config, "gateway.allowRealIpFallback") !== true) return dangerous;
  const spoofed: Weakening = {
    key: "gateway.allowRealIpFallback",
    severity: "warning",
    title: "The gateway believes X-Real-IP, by which a caller can give itself another address",
    fact: "it is true",
    text: "Remove it, unless the proxy always overwrites that header and cannot send X-Forwarded-For.",
    command: "config unset gateway.allowRealIpFallback",
  };
  return [...dangerous, spoofed];
}

function trueKeys(value: unknown, path: string): readonly string[] {
  return Object.entries(asObject(value)).flatMap(([key, child]) =>
    child === true ? [`${path}.${key}`] : trueKeys(child, `${path}.${key}`),
  );
}

function proxies(config: Json): readonly Weakening[] {
  const trusted = listAt(config, "gateway.trustedProxies");
  const everybody = trusted.some((range) => typeof range === "string" && /\/0+$/.test(range.trim()));
  const behindProxy = valueAt(config, "gateway.auth.mode") === "trusted-proxy";
  const found: Weakening[] = [];
  if (everybody) {
    found.push({
      key: "gateway.trustedProxies",
      severity: behindProxy ? "critical" : "warning",
      title: "The gateway takes every address for its trusted proxy",
      fact: "a range in it covers all addresses",
      text: "Whoever connects can say who they are: list the proxy's own addresses only.",
    });
  }
  if (behindProxy && trusted.length === 0) {
    found.push({
      key: "gateway.trustedProxies",
      severity: "critical",
      title: "The gateway leaves authentication to a proxy and trusts none, so it refuses everybody",
      fact: "the mode is trusted-proxy, and no trusted proxies are listed",
      text: "List the addresses of the proxy, or go back to a token.",
      command: "configure --section gateway",
    });
  }
  const approve = "gateway.auth.trustedProxy.deviceAutoApprove";
  if (behindProxy && valueAt(config, `${approve}.enabled`) === true && listAt(config, `${approve}.scopes`).includes("operator.admin")) {
    found.push({
      key: approve,
      severity: "critical",
      title: "Everybody whom the proxy lets through becomes an administrator without approval",
      fact: "it is enabled, with the scope operator.admin",
      text: "Take operator.admin out of its scopes, and approve administrators by hand.",
    });
  }
  return found;
}

function origins(config: Json): readonly Weakening[] {
  if (!listAt(config, "gateway.controlUi.allowedOrigins").includes("*")) return [];
  return [
    {
      key: "gateway.controlUi.allowedOrigins",
      severity: "warning",
      title: "The gateway takes browser requests from every web site",
      fact: "it contains *",
      text: "List the full origins from which it is used.",
    },
  ];
}

function listAt(config: Json, path: string): readonly unknown[] {
  const value = valueAt(config, path);
  return Array.isArray(value) ? value : [];
}

function problemOf({ key, severity, title, fact, text, command }: Weakening, profile: string): Problem {
  const evidence = [{ fact, from: `openclaw.json ${key}` }] as const;
  return {
    subject: key,
    severity,
    title,
    evidence,
    cure: { text, commands: command === undefined ? [] : [hostCommand(profile, command)] },
  };
}
