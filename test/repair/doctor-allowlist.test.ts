import { describe, expect, it } from "vitest";
import { type AllowedChange, isProtected, judge, matches } from "../../rescue-profile/repair/doctor-allowlist.ts";
import { changesBetween, mergeAllowed } from "../../rescue-profile/repair/key-changes.ts";
import { renderChange } from "../../rescue-profile/repair/masked-diff.ts";
import type { JsonObject } from "../../src/shared/gateway-config.ts";

const EVERYTHING: readonly AllowedChange[] = [{ path: ["**"], why: "anything", stamp: false }];
const merge = (before: JsonObject, after: JsonObject, unknown: readonly string[] = [], allowlist?: readonly AllowedChange[]) =>
  mergeAllowed(before, after, (change) => judge(change, unknown, allowlist) !== "no");
const nested = (path: string, value: unknown): JsonObject => {
  const [key = "", ...rest] = path.split(".");
  return { [key]: rest.length === 0 ? value : nested(rest.join("."), value) };
};

describe("what a doctor may change", () => {
  for (const path of [
    "gateway.auth.mode",
    "gateway.auth.token",
    "gateway.bind",
    "gateway.customBindHost",
    "gateway.port",
    "gateway.trustedProxies",
    "gateway.pairing.autoApprove",
    "plugins.allow",
    "channels.telegram.dmPolicy",
    "channels.telegram.allowFrom",
    "channels.whatsapp.accounts.one.groupPolicy",
    "commands.ownerAllowFrom",
    "models.providers.openai.apiKey",
    "tools.exec.allowlist",
  ]) {
    it(`is never ${path}, changed, added or removed, whatever an allowlist says`, () => {
      const [one, two] = [nested(path, "one"), nested(path, "two")];
      for (const [before, after] of [
        [one, two],
        [{}, two],
        [one, {}],
      ] as const) {
        expect(merge(before, after, [path], EVERYTHING)).toEqual(before);
      }
    });
  }

  it("is anything else that an allowlist names, and nothing that it does not", () => {
    expect(merge({ agents: { a: 1 } }, { agents: { a: 2 } }, [], EVERYTHING)).toEqual({ agents: { a: 2 } });
    expect(merge({ agents: { a: 1 } }, { agents: { a: 2 } })).toEqual({ agents: { a: 1 } });
    expect(merge({ gateway: { mode: "local" } }, { gateway: {} })).toEqual({ gateway: { mode: "local" } });
  });

  it("is the removal of an unknown key with all that is in it, and not its value", () => {
    const before = { bogus: { a: { b: 1 } }, gateway: { bogusKey: true, mode: "local" } };
    expect(merge(before, { gateway: { mode: "local" } }, ["bogus", "gateway.bogusKey"])).toEqual({ gateway: { mode: "local" } });
    expect(merge(before, { ...before, bogus: { a: { b: 2 } } }, ["bogus"])).toEqual(before);
    expect(merge(before, { gateway: { mode: "local" } }, ["bog"])).toEqual(before);
  });

  it("finds a protected key however deep it hides in something unknown", () => {
    const before = { bogus: { list: [{ auth: "x" }] } };
    expect(merge(before, {}, ["bogus"])).toEqual(before);
  });

  it("stamps the file, and neither claims a migration that was put back nor that an older host wrote it", () => {
    const after = {
      meta: { lastTouchedVersion: "2026.9.6", migrations: { modelPolicyAllowlist: true } },
      wizard: { lastRunCommand: "doctor" },
    };
    expect(merge({}, after)).toEqual({ wizard: { lastRunCommand: "doctor" } });
  });

  it("does not switch off skills", () => {
    expect(merge({}, { skills: { entries: { github: { enabled: false } } } })).toEqual({});
  });

  it("takes words for what they are", () => {
    expect(["gateway.transport", "agents.defaults.workspace", "cron.report"].map((path) => isProtected(path.split(".")))).toEqual([
      false,
      false,
      false,
    ]);
    expect(matches(["a", "*"], ["a", "b"])).toBe(true);
    expect(matches(["a", "*"], ["a"])).toBe(false);
    expect(matches(["**", "c"], ["a", "b", "c"])).toBe(true);
    expect(matches(["a"], ["a", "b"])).toBe(false);
  });

  it("keeps the order of a person's keys, and arrays and odd values whole", () => {
    const before = { b: 1, a: [1, 2], c: null, d: {} };
    expect(Object.keys(merge(before, { a: [1], c: {}, b: 2, e: 1 }))).toEqual(["b", "a", "c", "d"]);
    expect(merge(before, { a: [1], c: {}, b: 2, e: 1 })).toEqual(before);
    expect(changesBetween(before, { ...before, a: [2, 1] }).map(({ path }) => path)).toEqual([["a"]]);
  });
});

describe("a change as a person reads it", () => {
  const line = (before: JsonObject, after: JsonObject) => changesBetween(before, after).map(renderChange).join("\n");

  it("names the key and both values", () => {
    expect(line({ gateway: { port: 18789, mode: "local" } }, { gateway: { port: "abc" }, a: { on: true } })).toBe(
      '~ gateway.port: 18789 -> "abc"\n- gateway.mode = "local"\n+ a = {"on":true}',
    );
    expect(line({}, { agents: { model: "openai/gpt-6-astra", since: "2026-11-21", dir: "/home/ana/work" } })).toBe(
      '+ agents = {"model":"openai/gpt-6-astra","since":"2026-11-21","dir":"/home/ana/work"}',
    );
  });

  it("masks by name, by place and by look", () => {
    for (const [path, value] of [
      ["gateway.auth.token", "short"],
      ["channels.telegram.botToken", "1"],
      ["a.apiKey", { deep: ["x1"] }],
      ["env.vars.ANYTHING", "x1"],
      ["a.b", "sk-proj-4f5a6b7c8d9e"],
      ["a.b", "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"],
      ["a.b", "https://ana:x1@example.org"],
      ["a.b", "+4915112345678"],
      ["a.b", [{ c: "ghp_16C7e42F292c6912E7710c838347Ae178B4a" }]],
      ["channels.whatsapp.allowFrom", ["x1"]],
    ] as const) {
      const shown = line({}, nested(path, value));
      expect(shown, path).toContain("(masked)");
      expect(shown, path).not.toMatch(/short|x1|sk-|AAH|4915|ghp_/);
    }
  });

  it("masks a key that is itself a number or a secret", () => {
    expect(line({}, nested("accounts.+4915112345678", 1))).toBe('+ accounts = "(masked)"');
    expect(line({ a: { b: 1 } }, { a: { b: 1, AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw: 1 } })).toBe("+ a.(masked) = 1");
  });
});
