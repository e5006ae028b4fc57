import { symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readFacts } from "../../src/onboard/facts.ts";
import { rescuePackageRoot } from "../../src/onboard/package-copy.ts";
import { hostOrThrow, isInside, loadsPlugin, patchHost, primaryPatch } from "../../src/onboard/primary.ts";
import { machine } from "./harness.ts";

const withPlugins = (plugins: object) => readFacts({ profile: "default", home: machine({ gateway: { port: 18_789 }, plugins }).home });

describe("what the primary's configuration gets", () => {
  it.each([
    ["nothing where there is no list", {}, undefined],
    ["nothing where it is allowed already", { allow: ["telegram", "rescue-watchdog"] }, undefined],
    ["itself, behind all the others", { allow: ["telegram", "memory-core"] }, ["telegram", "memory-core", "rescue-watchdog"]],
  ])("to the list of allowed plugins: %s", (_what, plugins, allow) => {
    expect(primaryPatch(withPlugins(plugins)).plugins.allow).toEqual(allow);
  });

  it("is the wish to watch its own rescue, and the plugin switched on", () => {
    expect(primaryPatch(withPlugins({ entries: { "rescue-watchdog": { enabled: false } } })).plugins.entries).toEqual({
      "rescue-watchdog": { enabled: true, config: { watchProfile: "rescue" } },
    });
  });

  it("never narrows an empty list, which allows every plugin", () => {
    expect(primaryPatch(withPlugins({ allow: [] })).plugins.allow).toBeUndefined();
  });
});

describe("a primary that loads this package already", () => {
  it("has it enabled, or installed inside itself, or linked; not one of a like name, nor one in a directory beside", () => {
    const at = machine({ plugins: { load: { paths: ["/opt/dog"] } } });
    const facts = readFacts({ profile: "default", home: at.home });
    expect(loadsPlugin(facts, "/opt/dog")).toBe(true);
    expect(loadsPlugin(facts, at.at(".openclaw", "npm", "projects", "x", "node_modules", "rescue-watchdog"))).toBe(true);
    expect(loadsPlugin(facts, "/opt/dog2")).toBe(false);
    expect(loadsPlugin(facts, at.at(".openclaw-work", "npm"))).toBe(false);
    expect(loadsPlugin(withPlugins({ entries: { "rescue-watchdog": { enabled: true } } }), "/elsewhere")).toBe(true);
    expect(loadsPlugin(withPlugins({ entries: { "rescue-watchdog": { enabled: false } } }), "/elsewhere")).toBe(false);
  });

  it("is asked by whole names of directories", () => {
    expect([isInside("/a/b/c", "/a/b"), isInside("/a/b/c", "/a/b/"), isInside("/a/bc", "/a/b"), isInside("/a/b", "/a/b")]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("is recognised through a home that is a link", () => {
    const real = machine();
    const link = real.at("link");
    symlinkSync(real.home, link);
    const facts = readFacts({ profile: "default", home: link });
    const resolved = real.at(".openclaw", "npm", "projects", "x", "node_modules", "rescue-watchdog");
    expect([loadsPlugin(facts, resolved), rescuePackageRoot(facts, resolved) !== resolved]).toEqual([true, true]);
  });
});

describe("the host's CLI", () => {
  it("is told a patch on stdin, never on its command line, and nothing that points at another gateway", async () => {
    const at = machine();
    const redirecting = { OPENCLAW_STATE_DIR: "/x", OPENCLAW_CONFIG_PATH: "/x", OPENCLAW_PROFILE: "x", OPENCLAW_GATEWAY_PORT: "1" };
    await patchHost(at.ports(redirecting).cli, "default", { plugins: { entries: { secret: "canary" } } });
    expect(at.calls()).toEqual([
      { profile: "default", args: ["config", "patch", "--stdin"], stdin: expect.stringContaining("canary"), redirected: [] },
    ]);
  });

  it("is not sent to another home than the one that was read", async () => {
    const at = machine();
    await patchHost(at.ports({ OPENCLAW_HOME: "/srv/claw" }).cli, "default", {});
    expect(at.calls()[0]?.redirected).toEqual([]);
  });

  it("fails with its own words on what was tried for which profile", async () => {
    const at = machine();
    const { cli } = at.ports();
    await expect(hostOrThrow(cli, "work", ["plugins", "uninstall", "rescue-watchdog", "--force"], 10_000)).rejects.toMatchObject({
      code: "service-control",
      message: expect.stringContaining("openclaw plugins uninstall failed for profile work"),
    });
  });

  it("fails with its reason, also when that is JSON", async () => {
    const { cli } = machine().ports({ FAIL_AT: "1" });
    await expect(hostOrThrow(cli, "rescue", ["gateway", "install", "--json"], 10_000)).rejects.toThrow("no gateway install today");
  });
});
