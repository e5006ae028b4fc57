import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isWithdrawn } from "../../rescue-profile/consent.ts";
import { machine } from "./harness.ts";

const withdrawn = (config: object | string) => {
  const at = machine();
  at.profile(".openclaw", config);
  return isWithdrawn("default", at.home);
};
const entry = (value: unknown) => ({ plugins: { entries: { "rescue-watchdog": value } } });

describe("consent to be repaired", () => {
  it("is withdrawn by switching the plugin off, as `plugins uninstall` leaves it, and by denying it", () => {
    expect(withdrawn(entry({ enabled: false }))).toBe(true);
    expect(withdrawn(entry({ enabled: false, config: { watchProfile: "rescue" } }))).toBe(true);
    expect(withdrawn({ plugins: { deny: ["other", "rescue-watchdog"] } })).toBe(true);
    expect(withdrawn("{ plugins: { entries: { 'rescue-watchdog': { enabled: false } } } } // JSON5")).toBe(true);
  });

  it("stands when the plugin is on, or is not mentioned, or others are denied", () => {
    for (const config of [
      entry({ enabled: true }),
      entry({}),
      entry({ enabled: "false" }),
      {},
      { plugins: { deny: ["other"] } },
      { plugins: { allow: ["other"] } },
    ]) {
      expect(withdrawn(config), JSON.stringify(config)).toBe(false);
    }
  });

  it("stands when the configuration is missing or broken: that is a fault to rescue from", () => {
    for (const text of ["", "{", "[]", "null", '{"plugins":{"entries":{"rescue-watchdog":{"enabled":false}}'])
      expect(withdrawn(text)).toBe(false);
    for (const plugins of [null, [], "off", 7]) expect(withdrawn({ plugins })).toBe(false);
    const at = machine();
    rmSync(at.at(".openclaw"), { recursive: true });
    expect(isWithdrawn("default", at.home)).toBe(false);
  });

  it("is read of the profile that is meant", () => {
    const at = machine(entry({ enabled: false }));
    at.profile(".openclaw-work", entry({ enabled: true }));
    expect([isWithdrawn("default", at.home), isWithdrawn("work", at.home), isWithdrawn("none", at.home)]).toEqual([true, false, false]);
  });

  it("is withdrawn also in a file that the plugins' section includes", () => {
    const at = machine({ plugins: { $include: "./plugins.json5" } });
    at.profile(".openclaw", { plugins: { $include: "./inc/openclaw.json" } });
    at.profile(".openclaw/inc", { entries: { "rescue-watchdog": { enabled: false } } });
    expect(isWithdrawn("default", at.home)).toBe(true);
  });
});
