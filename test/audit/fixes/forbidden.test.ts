import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fix } from "../../../rescue-profile/audit/finding.ts";
import { type Change, forbidden } from "../../../rescue-profile/audit/fixes/forbidden.ts";

const HOME = "/home/ada";
const PLACES = { write: [`${HOME}/.config`], narrow: [`${HOME}/.openclaw`], rotate: [`${HOME}/.openclaw/logs`] };
const ALLOW: Fix = { kind: "allow-plugins", ids: ["telegram"] };
const NARROW: Fix = { kind: "narrow-mode", path: "p", mode: 0o600 };
const LIMIT: Fix = { kind: "limit-starts", unit: "vllm.service" };
const ENABLE: Fix = { kind: "enable-unit", unit: "openclaw-gateway.service" };
const ROTATE: Fix = { kind: "rotate-logs", files: [], maxBytes: 1, keep: 1 };
const KEEP: Fix = { kind: "keep-config" };

const FILE = { path: `${HOME}/.openclaw/openclaw.json`, readSha256: "a", nowSha256: "a" };
const key = (name: string, values: { readonly before?: unknown; readonly files?: readonly (typeof FILE)[] } = {}): Change => ({
  kind: "config-key",
  key: name.split("."),
  before: undefined,
  files: [FILE],
  ...values,
});
const mode = (from: number, to: number, path = `${HOME}/.openclaw/openclaw.json`): Change => ({ kind: "mode", path, from, to });
const write = (path: string, there: "nothing" | "ours" | "foreign" = "nothing"): Change => ({ kind: "write", path, there });
const order = (...words: string[]): Change => ({ kind: "order", words });

const TIMER = "rescue-watchdog-logrotate-default.timer";

describe("the kill switch", () => {
  it.each<[Fix, Change]>([
    [ALLOW, key("plugins.allow")],
    [ALLOW, key("plugins.allow", { before: [] })],
    [NARROW, mode(0o644, 0o600)],
    [NARROW, mode(0o2777, 0o2755, `${HOME}/.openclaw/plugins/x`)],
    [LIMIT, write(`${HOME}/.config/systemd/user/vllm.service.d/60-rescue-watchdog-limits.conf`)],
    [LIMIT, write(`${HOME}/.config/x`, "ours")],
    [LIMIT, order("daemon-reload")],
    [ENABLE, order("enable", "openclaw-gateway.service")],
    [ROTATE, order("enable", "--now", TIMER)],
    [ROTATE, order("start", "rescue-watchdog-logrotate-default.service")],
    [ROTATE, { kind: "rotate", path: `${HOME}/.openclaw/logs/bridge.log` }],
  ])("lets %j do %j", (fix, change) => {
    expect(forbidden(fix, [change], PLACES)).toBeUndefined();
  });

  it.each<[string, Fix, Change]>([
    ["has been set by somebody", ALLOW, key("plugins.allow", { before: ["a"] })],
    ["has been set by somebody", ALLOW, key("plugins.allow", { before: null })],
    ["was changed by somebody else", ALLOW, key("plugins.allow", { files: [{ ...FILE, nowSha256: "b" }] })],
    ["is not a key that a fix changes", ALLOW, key("plugins.deny")],
    ["is not a key that a fix changes", ALLOW, key("gateway.bind")],
    ["it would make", NARROW, mode(0o600, 0o644)],
    ["it would make", NARROW, mode(0o640, 0o604)],
    ["it would make", NARROW, mode(0o755, 0o4755)],
    ["lies outside", NARROW, mode(0o644, 0o600, "/etc/passwd")],
    ["lies outside", NARROW, mode(0o644, 0o600, `${HOME}/.openclaw/../.ssh/id`)],
    ["lies outside", NARROW, mode(0o644, 0o600, `${HOME}/.openclaw-other/x`)],
    ["lies outside", LIMIT, write("/etc/systemd/system/x.conf")],
    ["is not ours", LIMIT, write(`${HOME}/.config/x`, "foreign")],
    ["would delete", ROTATE, { kind: "delete", path: `${HOME}/.openclaw/logs/x.log` }],
    ["would delete", KEEP, { kind: "delete", path: "x" }],
    ["lies outside", ROTATE, { kind: "rotate", path: `${HOME}/.openclaw/x.log` }],
    ["has not the name of a log", ROTATE, { kind: "rotate", path: `${HOME}/.openclaw/logs/sessions.jsonl` }],
    ["has not the name of a log", ROTATE, { kind: "rotate", path: `${HOME}/.openclaw/logs/x.sqlite` }],
    ["must not do that (mode)", ALLOW, mode(0o644, 0o600)],
    ["must not do that (config-key)", NARROW, key("plugins.allow")],
    ["must not do that (order)", KEEP, order("daemon-reload")],
    ["order the service manager", ENABLE, order("enable", "ssh.service")],
    ["order the service manager", ENABLE, order("enable", "--now", "openclaw-gateway.service")],
    ["order the service manager", ENABLE, order("stop", "openclaw-gateway.service")],
    ["order the service manager", ENABLE, order("daemon-reload")],
    ["order the service manager", { kind: "enable-unit", unit: "--root=/" }, order("enable", "--root=/")],
    ["order the service manager", LIMIT, order("enable", "openclaw-gateway.service")],
    ["order the service manager", LIMIT, order("daemon-reload", "--global")],
    ["order the service manager", ROTATE, order("start", "openclaw-gateway.service")],
    ["order the service manager", ROTATE, order("enable", "--global", TIMER)],
  ])("refuses because it %s", (why, fix, change) => {
    expect(forbidden(fix, [change], PLACES)).toContain(why);
  });

  it.each([
    "gateway.auth.token",
    "gateway.auth.mode",
    "channels.telegram.allowFrom",
    "channels.telegram.dmPolicy",
    "hooks.token",
    "gateway.remote.password",
    "plugins.entries.x.config.clientSecret",
    "pairing.autoApprove",
    "models.providers.x.apiKey",
  ])("never lets anything touch %s", (name) => {
    for (const fix of [ALLOW, NARROW, LIMIT, ENABLE, ROTATE, KEEP]) expect(forbidden(fix, [key(name)], PLACES)).toBeDefined();
    expect(forbidden(ALLOW, [key(name)], PLACES)).toContain("is about a secret, or about who may do what");
  });

  it("lets no mode become wider, whatever the two are", () => {
    fc.assert(
      fc.property(fc.nat(0o7777), fc.nat(0o7777), (from, to) => {
        expect(forbidden(NARROW, [mode(from, to)], PLACES) === undefined).toBe((from | to) === from);
      }),
    );
  });

  it("refuses all when one of many is refused", () => {
    expect(forbidden(LIMIT, [order("daemon-reload"), write("/etc/x")], PLACES)).toContain("/etc/x lies outside");
  });
});
