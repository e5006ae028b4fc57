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

  it("made again from itself is the same", () => {
    const once = renderRescueConfig(input);
    expect(renderRescueConfig(input, once)).toEqual(once);
  });

  it("holds a token of at least 256 bits, or a new one is made", () => {
    expect(isStrongToken("ab".repeat(32))).toBe(true);
    for (const weak of ["ab".repeat(24), "", undefined, 7, "z".repeat(64)]) expect(isStrongToken(weak)).toBe(false);
  });
});
