import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configLastGood } from "../../../rescue-profile/audit/checks/config-last-good.ts";
import { configPermissions } from "../../../rescue-profile/audit/checks/config-permissions.ts";
import { configValid } from "../../../rescue-profile/audit/checks/config-valid.ts";
import { gatewayAuth } from "../../../rescue-profile/audit/checks/gateway-auth.ts";
import { gatewayExposed } from "../../../rescue-profile/audit/checks/gateway-exposed.ts";
import { gatewayToken } from "../../../rescue-profile/audit/checks/gateway-token.ts";
import { hostUpdate } from "../../../rescue-profile/audit/checks/host-update.ts";
import { hostVersion } from "../../../rescue-profile/audit/checks/host-version.ts";
import { serviceInstalled } from "../../../rescue-profile/audit/checks/service-installed.ts";
import { serviceParked } from "../../../rescue-profile/audit/checks/service-parked.ts";
import { unitStartLimit } from "../../../rescue-profile/audit/checks/unit-start-limit.ts";
import { webhookSecret } from "../../../rescue-profile/audit/checks/webhook-secret.ts";
import type { HostProgram, ServiceFacts, TokenFacts } from "../../../rescue-profile/audit/facts.ts";
import type { Check } from "../../../rescue-profile/audit/finding.ts";
import { factsOf, problemsOf } from "../facts.ts";

type Values = Parameters<typeof factsOf>[0];
type Case = readonly [name: string, values: Values, found: readonly string[]];

/** Each problem as `subject severity fix`. */
async function found(check: Check, values: Values): Promise<readonly string[]> {
  const problems = await problemsOf(check, values);
  return problems.map(({ subject, severity, fix }) => [subject || "-", severity, ...(fix === undefined ? [] : [fix.kind])].join(" "));
}

const STRONG: TokenFacts = { mode: "token", length: 48, distinct: 16, placeholder: false, sharedWith: [], sharedWithHooks: false };
const WEAK: TokenFacts = { ...STRONG, length: 8, distinct: 8 };
const UNSEEN: TokenFacts = { ...STRONG, length: null, distinct: null };
const OPEN: TokenFacts = { ...UNSEEN, mode: "none" };
const LOCAL = ["127.0.0.1", "::1"];

const gateway = (values: object) => ({ gateway: values });
const REFERENCE = { source: "env", provider: "default", id: "TOKEN" };

const exposed: readonly Case[] = [
  ["lan with a good token", { config: gateway({ bind: "lan" }), listening: ["0.0.0.0"], token: STRONG }, ["bind note"]],
  ["lan with a short token", { config: gateway({ bind: "lan" }), listening: [], token: WEAK }, ["bind critical"]],
  ["lan with no authentication", { config: gateway({ bind: "lan" }), listening: [], token: OPEN }, ["bind critical"]],
  [
    "lan with a placeholder",
    { config: gateway({ bind: "lan" }), listening: [], token: { ...STRONG, placeholder: true } },
    ["bind critical"],
  ],
  ["lan without any token", { config: gateway({ bind: "lan" }), listening: [], token: UNSEEN }, ["bind critical"]],
  [
    "an address of the network",
    { config: gateway({ bind: "custom", customBindHost: "10.0.0.7" }), listening: [], token: STRONG },
    ["bind note"],
  ],
  ["custom without an address", { config: gateway({ bind: "custom" }), listening: [], token: STRONG }, ["bind note"]],
  ["tailnet while it is down", { config: gateway({ bind: "tailnet" }), listening: [], token: STRONG }, ["bind note"]],
  ["auto that takes all addresses", { config: gateway({ bind: "auto" }), listening: ["::"], token: STRONG }, ["bind note"]],
  [
    "all addresses against its configuration",
    { config: gateway({ bind: "loopback" }), listening: ["0.0.0.0"], token: STRONG },
    ["bind warning"],
  ],
  ["the same without authentication", { config: gateway({ bind: "loopback" }), listening: ["10.0.0.7"], token: OPEN }, ["bind critical"]],
  ["a token that could not be looked at", { config: gateway({ bind: "lan" }), listening: [] }, ["bind warning"]],
  ["an unreadable configuration, and all addresses", { listening: ["0.0.0.0"], token: STRONG }, ["bind note"]],
  ["funnel", { config: gateway({ tailscale: { mode: "funnel" } }), listening: LOCAL, token: STRONG }, ["tailscale note"]],
  ["serve with a weak token", { config: gateway({ tailscale: { mode: "serve" } }), listening: LOCAL, token: WEAK }, ["tailscale critical"]],
  ["loopback", { config: gateway({ bind: "loopback" }), listening: LOCAL, token: WEAK }, []],
  ["no bind at all", { config: {}, listening: LOCAL, token: WEAK }, []],
  ["a gateway that is down", { config: gateway({ bind: "loopback" }), listening: [], token: WEAK }, []],
  ["auto on loopback", { config: gateway({ bind: "auto" }), listening: LOCAL, token: WEAK }, []],
  ["tailnet where there is none", { config: gateway({ bind: "tailnet" }), listening: LOCAL, token: WEAK }, []],
  [
    "an address of its own on loopback",
    { config: gateway({ bind: "custom", customBindHost: "127.0.0.2" }), listening: ["127.0.0.2"], token: WEAK },
    [],
  ],
  ["loopback through IPv6", { config: {}, listening: ["::ffff:127.0.0.1"], token: WEAK }, []],
  ["tailscale off", { config: gateway({ tailscale: { mode: "off" } }), listening: LOCAL, token: OPEN }, []],
];

const token: readonly Case[] = [
  ["a short one", { token: WEAK }, ["- warning"]],
  ["a long one of few characters", { token: { ...STRONG, distinct: 3 } }, ["- warning"]],
  ["a placeholder", { token: { ...STRONG, length: 9, placeholder: true } }, ["- critical"]],
  ["the token of two other profiles", { token: { ...STRONG, sharedWith: ["rescue", "work"] } }, ["rescue warning", "work warning"]],
  ["a short password", { token: { ...WEAK, mode: "password" } }, ["- warning"]],
  ["none on loopback", { token: UNSEEN, config: {}, listening: [] }, ["- warning"]],
  ["an empty one on loopback", { token: UNSEEN, config: gateway({ auth: { token: " " } }), listening: [] }, ["- warning"]],
  ["none on a network", { token: UNSEEN, config: gateway({ bind: "lan" }), listening: [] }, ["- critical"]],
  ["none on a network, where it runs", { token: UNSEEN, config: gateway({ bind: "lan" }), listening: ["0.0.0.0"] }, ["- warning"]],
  ["no password", { token: { ...UNSEEN, mode: "password" }, config: {} }, ["- critical"]],
  ["shared, and not in the configuration that could be read", { token: { ...UNSEEN, sharedWith: ["rescue"] } }, ["rescue warning"]],
  ["a strong one", { token: STRONG }, []],
  ["one of just 24 characters, 10 different", { token: { ...STRONG, length: 24, distinct: 10 } }, []],
  ["a reference", { token: UNSEEN, config: gateway({ auth: { token: REFERENCE } }) }, []],
  ["a variable", { token: UNSEEN, config: gateway({ auth: { token: `\${TOKEN}` } }) }, []],
  ["a password by reference", { token: { ...UNSEEN, mode: "password" }, config: gateway({ auth: { password: REFERENCE } }) }, []],
  ["a proxy that authenticates", { token: { ...UNSEEN, mode: "trusted-proxy" }, config: {} }, []],
  ["no authentication, which is another check's", { token: OPEN, config: {} }, []],
];

const APPROVE = { enabled: true, scopes: ["operator.read", "operator.admin"] };
const proxied = (values: object, auth: object = {}) => ({ config: gateway({ auth: { mode: "trusted-proxy", ...auth }, ...values }) });

const auth: readonly Case[] = [
  ["no authentication", { config: gateway({ auth: { mode: "none" } }) }, ["gateway.auth.mode critical"]],
  [
    "a Host header for an origin",
    { config: gateway({ controlUi: { dangerouslyAllowHostHeaderOriginFallback: true } }) },
    ["gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback warning"],
  ],
  [
    "a dangerous flag that nobody knows yet",
    { config: gateway({ a: { b: { dangerouslyTrustAll: true } } }) },
    ["gateway.a.b.dangerouslyTrustAll warning"],
  ],
  [
    "flags of old hosts",
    { config: gateway({ controlUi: { allowInsecureAuth: true, dangerouslyDisableDeviceAuth: true } }) },
    ["gateway.controlUi.allowInsecureAuth note", "gateway.controlUi.dangerouslyDisableDeviceAuth note"],
  ],
  ["X-Real-IP", { config: gateway({ allowRealIpFallback: true }) }, ["gateway.allowRealIpFallback warning"]],
  ["a proxy's authentication without a proxy", proxied({}), ["gateway.trustedProxies critical"]],
  ["a proxy's authentication from everywhere", proxied({ trustedProxies: ["0.0.0.0/0"] }), ["gateway.trustedProxies critical"]],
  ["a token, and every address trusted", { config: gateway({ trustedProxies: ["::/0"] }) }, ["gateway.trustedProxies warning"]],
  [
    "administrators without approval",
    proxied({ trustedProxies: ["10.0.0.1"] }, { trustedProxy: { deviceAutoApprove: APPROVE } }),
    ["gateway.auth.trustedProxy.deviceAutoApprove critical"],
  ],
  ["every origin", { config: gateway({ controlUi: { allowedOrigins: ["*"] } }) }, ["gateway.controlUi.allowedOrigins warning"]],
  ["token mode", { config: gateway({ auth: { mode: "token" } }) }, []],
  ["flags that are off", { config: gateway({ controlUi: { dangerouslyDisableDeviceAuth: false, allowInsecureAuth: false } }) }, []],
  ["a word that only begins like one", { config: gateway({ controlUi: { dangerously: true, allowed: true } }) }, []],
  ["a dangerous flag elsewhere", { config: { browser: { dangerouslyAllowPrivateNetwork: true } } }, []],
  ["a proxy", proxied({ trustedProxies: ["10.0.0.1", "10.1.0.0/16"] }), []],
  [
    "devices approved for less",
    proxied({ trustedProxies: ["10.0.0.1"] }, { trustedProxy: { deviceAutoApprove: { enabled: true, scopes: ["operator.read"] } } }),
    [],
  ],
  ["Tailscale's identity", { config: gateway({ auth: { allowTailscale: true } }) }, []],
  ["named origins", { config: gateway({ controlUi: { allowedOrigins: ["https://a.example"] } }) }, []],
];

const wrong = (count: number) => ({
  valid: false,
  problems: Array.from({ length: count }, (_, index) => ({ path: `a.${index}`, message: "no" })),
});
const GOOD = { valid: true, problems: [] };

const valid: readonly Case[] = [
  ["one complaint", { validation: wrong(1) }, ["- critical"]],
  ["many complaints", { validation: wrong(9) }, ["- critical"]],
  ["no complaint of its own", { validation: wrong(0) }, ["- critical"]],
  ["unknown keys", { validation: { ...wrong(1), onlyUnknownKeys: ["a.0"] }, lastGood: { hosts: true, ours: 1 } }, ["- critical"]],
  ["a valid one", { validation: GOOD }, []],
  ["a valid one without copies", { validation: GOOD, lastGood: { hosts: false, ours: 0 } }, []],
];

const lastGood: readonly Case[] = [
  ["nothing, and valid", { lastGood: { hosts: false, ours: 0 }, validation: GOOD }, ["- warning keep-config"]],
  ["nothing, and invalid", { lastGood: { hosts: false, ours: 0 }, validation: wrong(1) }, ["- warning"]],
  ["nothing, and nobody knows whether it is valid", { lastGood: { hosts: false, ours: 0 } }, ["- warning"]],
  ["the host's", { lastGood: { hosts: true, ours: 0 }, validation: GOOD }, []],
  ["ours", { lastGood: { hosts: false, ours: 1 }, validation: GOOD }, []],
  ["both", { lastGood: { hosts: true, ours: 9 }, validation: wrong(1) }, []],
  ["the host's, and nobody knows whether it is valid", { lastGood: { hosts: true, ours: 0 } }, []],
];

const PATH = "/home/ada/.openclaw/openclaw.json";
const modes = (...values: number[]) => ({
  configModes: values.map((mode, index) => ({ path: index === 0 ? PATH : `/etc/a ${index}`, mode })),
});

const permissions: readonly Case[] = [
  ["readable by all", modes(0o644), [`${PATH} warning narrow-mode`]],
  ["readable by the group", modes(0o640), [`${PATH} warning narrow-mode`]],
  ["writable by the group", modes(0o660), [`${PATH} critical narrow-mode`]],
  ["writable by all", modes(0o777), [`${PATH} critical narrow-mode`]],
  ["an included file", modes(0o600, 0o604), ["/etc/a 1 warning narrow-mode"]],
  ["its account's alone", modes(0o600), []],
  ["read only", modes(0o400), []],
  ["executable, by its account alone", modes(0o700), []],
  ["Windows, which has no modes", modes(), []],
];

const UNIT = { startLimitBurst: 10, startLimitIntervalMs: 300_000, restart: "always", restartMs: 5_000, load: "loaded" };
const SERVICE: ServiceFacts = {
  manager: "systemd",
  name: "openclaw-gateway",
  reading: { manager: "systemd", state: "running", restarts: 2 },
  enabled: true,
  linger: true,
  unit: UNIT,
};
const service = (values: Partial<ServiceFacts>, reading: Partial<ServiceFacts["reading"]> = {}) => ({
  service: { ...SERVICE, ...values, reading: { ...SERVICE.reading, ...reading } },
});
const NO_MANAGER: readonly Case[] = [["a container without a manager", { service: null }, []]];

const installed: readonly Case[] = [
  ["no service", service({ enabled: false, linger: false }, { state: "not-installed" }), ["- warning"]],
  ["not enabled", service({ enabled: false }), ["enabled warning enable-unit"]],
  ["not enabled, launchd", service({ manager: "launchd", enabled: false }), ["enabled warning"]],
  ["no linger", service({ linger: false }), ["linger warning"]],
  ["masked", service({ enabled: false }, { masked: true, state: "stopped" }), ["masked warning"]],
  ["a unit that systemd cannot use", service({ unit: { ...UNIT, load: "bad-setting" } }), ["definition critical"]],
  ["in order", service({}), []],
  ["a manager that does not say", service({ enabled: null, linger: null }), []],
  ["stopped by a person", service({}, { state: "stopped", stoppedOnPurpose: true }), []],
  ...NO_MANAGER,
];

const parked: readonly Case[] = [
  ["exit 78", service({}, { state: "parked", lastExit: { code: 78 } }), ["- critical"]],
  ["exit 78 under our supervisor", service({ manager: "external" }, { state: "parked" }), ["- critical"]],
  ["too many starts", service({}, { state: "latched", restarts: 10, lastExit: { code: 1 } }), ["- critical"]],
  ["too many starts, and nothing else is known", service({ manager: "launchd" }, { state: "latched" }), ["- critical"]],
  ["running", service({}), []],
  ["a start that is to come", service({}, { state: "backing-off", lastExit: { code: 1 } }), []],
  ["stopped by a person", service({}, { state: "stopped", stoppedOnPurpose: true }), []],
  ["not installed", service({}, { state: "not-installed" }), []],
  ...NO_MANAGER,
];

const unit = (values: Partial<typeof UNIT>, reading: Partial<ServiceFacts["reading"]> = {}) =>
  service({ unit: { ...UNIT, ...values } }, reading);

const startLimit: readonly Case[] = [
  ["no burst", unit({ startLimitBurst: 0 }), ["start-limit warning limit-starts"]],
  ["no interval", unit({ startLimitIntervalMs: 0 }), ["start-limit warning limit-starts"]],
  ["pauses that outlast the interval", unit({ startLimitBurst: 5, startLimitIntervalMs: 10_000 }), ["start-limit warning limit-starts"]],
  ["hardly a pause", unit({ restartMs: 100 }), ["pause warning limit-starts"]],
  ["nothing starts it again", unit({ restart: "no", restartMs: 100, startLimitBurst: 0 }), ["restart warning"]],
  ["started again and again", unit({}, { restarts: 2_741 }), ["restarts warning"]],
  [
    "started again and again, launchd",
    { service: { ...service({}, { restarts: 101 }).service, manager: "launchd" } },
    ["restarts warning"],
  ],
  ["the host's own unit", unit({}), []],
  ["a pause of just a second", unit({ restartMs: 1_000 }), []],
  ["a hundred restarts", unit({}, { restarts: 100 }), []],
  ["on failure only", unit({ restart: "on-failure" }), []],
  ["systemd's own values of a unit that is masked", unit({ restart: "no", restartMs: 100 }, { masked: true }), []],
  ...NO_MANAGER,
];

const HOST: HostProgram = {
  root: "/usr/lib/node_modules/openclaw",
  version: "2026.9.6",
  builtVersion: "2026.9.6",
  wroteConfig: "2026.9.6",
  node: "24.21.0",
  nodeRange: ">=24.16.0 <25 || >=26.1.0",
  leftovers: [],
};
const host = (values: Partial<HostProgram>) => ({ hostProgram: { ...HOST, ...values } });

const version: readonly Case[] = [
  ["a configuration of a newer host", host({ wroteConfig: "2026.10.1" }), ["config critical"]],
  ["a configuration of the next year's", host({ wroteConfig: "2027.1.0" }), ["config critical"]],
  ["a Node too old", host({ node: "22.20.0" }), ["node critical"]],
  ["a Node between the ranges", host({ node: "25.0.0" }), ["node critical"]],
  ["a Node just below", host({ node: "24.15.9" }), ["node critical"]],
  ["an old host", host({ version: "2026.9.5", wroteConfig: "2026.9.5" }), ["host note"]],
  ["what belongs together", host({}), []],
  ["a configuration of an older host", host({ wroteConfig: "2026.8.30" }), []],
  ["a configuration of the release's beta", host({ wroteConfig: "2026.9.6-beta.2" }), []],
  ["just the lowest Node", host({ node: "24.16.0" }), []],
  ["a Node of the second range", host({ node: "v26.1.0" }), []],
  ["a range in another syntax", host({ node: "18.0.0", nodeRange: "^24.16.0" }), []],
  ["what is no version", host({ wroteConfig: "unknown" }), []],
];

const update: readonly Case[] = [
  ["files of two versions", host({ builtVersion: "2026.9.5" }), ["- critical"]],
  ["what npm left", host({ leftovers: ["/usr/lib/node_modules/.openclaw-x1"] }), ["- warning"]],
  ["both", host({ version: "2026.10.1", leftovers: ["/usr/lib/node_modules/.openclaw-x1"] }), ["- critical"]],
  ["much that npm left", host({ leftovers: Array.from({ length: 9 }, (_, index) => `/a/${index}`) }), ["- warning"]],
  ["a whole one", host({}), []],
  ["a build that does not say", host({ builtVersion: null }), []],
  ["a package that does not say", host({ version: null }), []],
  ["no host", host({ root: null, version: null, builtVersion: null }), []],
];

const GROUP: readonly (readonly [Check, readonly Case[]])[] = [
  [gatewayExposed, exposed],
  [gatewayToken, token],
  [gatewayAuth, auth],
  [configValid, valid],
  [configLastGood, lastGood],
  [configPermissions, permissions],
  [serviceInstalled, installed],
  [serviceParked, parked],
  [unitStartLimit, startLimit],
  [hostVersion, version],
  [hostUpdate, update],
];

describe.each(GROUP.map(([check, cases]) => ({ id: check.id, check, cases })))("$id", ({ check, cases }) => {
  it.each(cases)("judges %s", async (_, values, expected) => {
    expect(await found(check, values)).toEqual(expected);
  });

  it("says so when it could not look", async () => {
    expect(await check.look(factsOf({}))).toMatchObject({ ok: false });
  });
});

describe("a check of the gateway", () => {
  it("does not call a gateway closed when only one of two places could be looked at", async () => {
    expect(await gatewayExposed.look(factsOf({ config: gateway({ bind: "loopback" }), token: STRONG }))).toMatchObject({ ok: false });
    expect(await gatewayExposed.look(factsOf({ listening: LOCAL, token: STRONG }))).toMatchObject({ ok: false });
    expect(await gatewayToken.look(factsOf({ token: UNSEEN }))).toMatchObject({ ok: false });
    expect(await hostVersion.look(factsOf(host({ root: null, version: null })))).toMatchObject({ ok: false });
  });

  it("shows at most five of the host's complaints, and where a good copy is", async () => {
    const [problem] = await problemsOf(configValid, { validation: wrong(9), lastGood: { hosts: true, ours: 0 } });
    expect(problem?.evidence).toHaveLength(6);
    expect(problem?.evidence[0]).toEqual({ fact: "no", from: "openclaw.json a.0" });
    expect(problem?.evidence[5]?.fact).toBe("4 more");
    expect(problem?.cure.text).toContain(`${PATH}.last-good`);
  });

  it("takes away what others may do, and leaves what the account may", async () => {
    const problems = await problemsOf(configPermissions, modes(0o755, 0o666));
    expect(problems.map(({ fix }) => fix)).toEqual([
      { kind: "narrow-mode", path: PATH, mode: 0o700 },
      { kind: "narrow-mode", path: "/etc/a 1", mode: 0o600 },
    ]);
    expect(problems[1]?.cure.commands).toEqual(["chmod 600 '/etc/a 1'"]);
  });

  it("names the unit to be mended as systemd does", async () => {
    expect((await problemsOf(serviceInstalled, service({ enabled: false })))[0]?.fix).toEqual({
      kind: "enable-unit",
      unit: "openclaw-gateway.service",
    });
    expect((await problemsOf(unitStartLimit, unit({ startLimitBurst: 0 })))[0]?.fix).toEqual({
      kind: "limit-starts",
      unit: "openclaw-gateway.service",
    });
  });

  it("gives commands that reach the profile that was looked at", async () => {
    const answer = await gatewayExposed.look({
      ...factsOf({ config: gateway({ bind: "lan" }), listening: [], token: STRONG }),
      profile: "work",
    });
    expect(answer.ok && answer.value[0]?.cure.commands).toEqual([
      "openclaw --profile work config set gateway.bind loopback",
      "openclaw --profile work gateway restart",
    ]);
  });
});

const CANARY = "canary-7f3a9c51";
const KEYS = [
  "auth",
  "bind",
  "mode",
  "token",
  "secret",
  "password",
  "tailscale",
  "trustedProxies",
  "customBindHost",
  "webhookUrl",
  "accounts",
] as const;
const MODES = [
  "none",
  "token",
  "trusted-proxy",
  "lan",
  "custom",
  "funnel",
  `\${TOKEN}`,
  CANARY,
  `https://ada:${CANARY}@a.example`,
  true,
  false,
] as const;

/** Anything at all, and often what the checks look for. */
const anyConfig = fc.dictionary(
  fc.constantFrom("gateway", "hooks", "channels", "plugins", "telegram"),
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(...MODES),
      fc.jsonValue(),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(
        fc.oneof(fc.constantFrom(...KEYS), fc.constantFrom("dangerouslyX", "__proto__", "enabled", "telegram", "entries")),
        tie("value"),
        {
          maxKeys: 5,
        },
      ),
    ),
  })).value,
);

describe("whatever the configuration is", () => {
  const reads = [gatewayExposed, gatewayToken, gatewayAuth, webhookSecret];

  it("no check throws, and none shows a value of it", async () => {
    const facts = fc.record({
      config: anyConfig,
      listening: fc.constantFrom([], LOCAL, ["0.0.0.0"]),
      token: fc.constantFrom(STRONG, WEAK, UNSEEN, OPEN),
    });
    await fc.assert(
      fc.asyncProperty(facts, async (values) => {
        for (const check of reads) {
          const answer = await check.look(factsOf(values));
          expect(JSON.stringify(answer)).not.toContain(CANARY);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("no check shows a secret that it finds weak", async () => {
    const config = {
      gateway: {
        bind: CANARY,
        customBindHost: CANARY,
        auth: { mode: "token", token: CANARY },
        controlUi: { allowedOrigins: ["*", CANARY] },
      },
      hooks: { enabled: true, token: CANARY, gmail: { account: CANARY, pushToken: CANARY } },
      channels: { telegram: { webhookUrl: `https://${CANARY}`, accounts: { a: { botToken: CANARY } } } },
      plugins: { entries: { webhooks: { config: { routes: { zapier: { secret: CANARY, sessionKey: CANARY } } } } } },
    };
    const values: Values = { config, listening: ["0.0.0.0"], token: { ...WEAK, sharedWithHooks: true } };
    const problems = (await Promise.all(reads.map((check) => problemsOf(check, values)))).flat();
    expect(problems.length).toBeGreaterThan(6);
    expect(JSON.stringify(problems)).not.toContain(CANARY);
  });
});
