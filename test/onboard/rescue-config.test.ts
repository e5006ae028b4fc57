import { describe, expect, it } from "vitest";
import { isStrongToken, renderRescueConfig } from "../../src/onboard/rescue-config.ts";

const input = { primary: "default", stateDir: "/home/ana/.openclaw-rescue", port: 19_789, token: "ab".repeat(32), pluginRoot: "/opt/dog" };

describe("the configuration of a rescue gateway", () => {
  it("is isolated: loopback, own token and port, only this plugin, nothing that calls a model or reaches out of the machine", () => {
    expect(renderRescueConfig(input)).toMatchObject({
      gateway: { mode: "local", bind: "loopback", port: 19_789, auth: { mode: "token", token: input.token }, tailscale: { mode: "off" } },
      agents: { defaults: { heartbeat: { every: "0m" }, workspace: "/home/ana/.openclaw-rescue/workspace" } },
      skills: { workshop: { autonomous: { mode: "off" } } },
      plugins: {
        allow: ["rescue-watchdog"],
        load: { paths: ["/opt/dog"] },
        slots: { memory: "none" },
        entries: { "rescue-watchdog": { enabled: true, config: { watchProfile: "default" } } },
      },
      telemetry: { enabled: false },
      update: { checkOnStart: false },
      cron: { enabled: true },
    });
  });

  it("keeps what a user added, and mends what would end the isolation", () => {
    const mended = renderRescueConfig(input, {
      channels: { telegram: { enabled: true } },
      gateway: { bind: "lan", remote: { url: "wss://elsewhere" }, auth: { mode: "none" } },
      plugins: { allow: ["telegram"], entries: { telegram: { enabled: true }, "rescue-watchdog": { config: { act: { goneChecks: 3 } } } } },
    });
    expect(mended).toMatchObject({
      channels: { telegram: { enabled: true } },
      gateway: { bind: "loopback", auth: { mode: "token" } },
      plugins: {
        allow: ["telegram", "rescue-watchdog"],
        entries: { telegram: { enabled: true }, "rescue-watchdog": { config: { act: { goneChecks: 3 }, watchProfile: "default" } } },
      },
    });
    expect(mended["gateway"]).not.toHaveProperty("remote");
  });

  it("keeps the wider list of plugins, and never narrows it", () => {
    const { plugins } = renderRescueConfig(input, { plugins: { allow: ["telegram", "openai"], deny: ["x"] } });
    expect(plugins).toMatchObject({ allow: ["telegram", "openai", "rescue-watchdog"], deny: ["x"] });
  });

  it("gets a bot that speaks with those on its list only, and keeps the person's other channels and rules", () => {
    const telegram = { botToken: `1234567:${"A".repeat(35)}`, allowFrom: ["12", "34"] };
    const existing = {
      channels: { signal: { enabled: true }, telegram: { dmPolicy: "open", groups: { "*": {} } } },
      commands: { restart: false },
    };
    const config = renderRescueConfig({ ...input, telegram }, existing);
    expect(config["channels"]).toEqual({
      signal: { enabled: true },
      telegram: {
        enabled: true,
        ...telegram,
        dmPolicy: "allowlist",
        groupPolicy: "disabled",
        groups: { "*": {} },
        capabilities: { inlineButtons: "all" },
      },
    });
    expect(config["commands"]).toEqual({ restart: false, ownerAllowFrom: ["telegram:12", "telegram:34"] });
    const alerts = { telegram: [12, 34].map((chat) => ({ name: String(chat), chat })) };
    expect(config["plugins"]).toMatchObject({
      allow: ["rescue-watchdog", "telegram"],
      entries: { "rescue-watchdog": { config: { alerts } } },
    });
    const own = [
      { name: "ops", chat: -100 },
      { name: "ana", chat: 12, least: "critical" },
    ];
    const named = { plugins: { entries: { "rescue-watchdog": { config: { alerts: { telegram: own } } } } } };
    expect(renderRescueConfig({ ...input, telegram }, named)["plugins"]).toMatchObject({
      entries: { "rescue-watchdog": { config: { alerts: { telegram: [...own, { name: "34", chat: 34 }] } } } },
    });
    expect(renderRescueConfig(input, config)).toEqual(config);
  });

  it("names the credentials that were copied, where its own of that name and its own model win", () => {
    const inherited = {
      copied: [
        { id: "openai:a", provider: "openai", mode: "api_key" },
        { id: "x:b", provider: "x", mode: "token" },
      ],
      present: [],
      left: [{ id: "oauth:c", why: "no" }],
      model: { primary: "openai/one" },
    };
    const fresh = renderRescueConfig({ ...input, inherited });
    expect(fresh).toMatchObject({
      auth: { profiles: { "openai:a": { provider: "openai", mode: "api_key" }, "x:b": { provider: "x", mode: "token" } } },
      agents: { defaults: { model: { primary: "openai/one" } } },
      plugins: { allow: ["rescue-watchdog", "openai", "x"] },
    });
    expect(JSON.stringify(fresh)).not.toContain("oauth:c");
    const own = {
      auth: { profiles: { "openai:a": { provider: "openai", mode: "token" } }, order: ["x"] },
      agents: { defaults: { model: "mine" } },
    };
    expect(renderRescueConfig({ ...input, inherited }, own)).toMatchObject({
      auth: { profiles: { "openai:a": { mode: "token" }, "x:b": { mode: "token" } }, order: ["x"] },
      agents: { defaults: { model: "mine" } },
    });
    expect(renderRescueConfig(input, fresh)).toEqual(fresh);
  });

  it("without a copied credential, has no section for them", () => {
    expect(renderRescueConfig({ ...input, inherited: { copied: [], present: [], left: [], model: undefined } })).not.toHaveProperty("auth");
  });

  it("without a copied credential, has no model either", () => {
    const { agents } = renderRescueConfig({ ...input, inherited: { copied: [], present: [], left: [], model: "openai/one" } });
    expect(agents).not.toMatchObject({ defaults: { model: "openai/one" } });
  });

  it("loads the plugin from one place, also when its package has moved", () => {
    const before = renderRescueConfig(input);
    expect(
      renderRescueConfig({ ...input, pluginRoot: "/opt/dog-2", isOurPackage: (path) => path === "/opt/dog" }, before)["plugins"],
    ).toMatchObject({
      load: { paths: ["/opt/dog-2"] },
    });
  });

  it("made again from itself is the same", () => {
    const once = renderRescueConfig(input);
    expect(renderRescueConfig(input, once)).toEqual(once);
  });

  it("holds a token of at least 256 bits, or a new one is made", () => {
    expect(isStrongToken("ab".repeat(32))).toBe(true);
    for (const weak of ["ab".repeat(24), "", undefined, 7, "z".repeat(64)]) expect(isStrongToken(weak)).toBe(false);
  });
});
