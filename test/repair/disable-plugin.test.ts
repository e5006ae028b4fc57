import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { disablePlugin } from "../../rescue-profile/repair/disable-plugin.ts";
import { parseConfig } from "../../src/shared/gateway-config.ts";
import { exposed, GOOD, litter, machine, tree } from "./machine.ts";

const STEP = { name: "disable-plugin", plugin: "crashy", deadlineMs: 30_000 } as const;
const WANTED = parseConfig("wanted", GOOD.replace("enabled: true", "enabled: false"));

describe("disabling a plugin", () => {
  it("changes one key by the host's own command and names the undo", async () => {
    using at = machine();
    expect(await disablePlugin(STEP, at.step)).toEqual({
      outcome: "done",
      detail: "disabled plugin crashy; undo: openclaw plugins enable crashy",
    });
    expect(parseConfig("now", at.read())).toEqual(WANTED);
    expect(at.host.calls).toEqual(["config set plugins.entries.crashy.enabled false"]);
    expect([at.read("openclaw.json.bak"), existsSync(`${at.configPath}.bak.1`)]).toEqual(["{}\n", false]);
    expect([exposed(at.home), litter(at.home)]).toEqual([[], []]);
  });

  it("that is disabled already, or has no entry, ends the same", async () => {
    using done = machine(GOOD.replace("enabled: true", "enabled: false"));
    expect(await disablePlugin(STEP, done.step)).toMatchObject({ outcome: "done", detail: expect.stringContaining("disabled already") });
    expect(done.host.calls).toEqual([]);
    using none = machine(GOOD.replace("crashy: { enabled: true }", ""));
    expect(await disablePlugin(STEP, none.step)).toMatchObject({ outcome: "done" });
    expect(parseConfig("now", none.read())).toEqual(WANTED);
  });

  it("puts back whatever else the host changed", async () => {
    using at = machine();
    at.host.setAlso = { plugins: { allow: ["crashy", "other"] }, gateway: { bind: "lan" }, meta: { lastTouchedVersion: "2026.9.6" } };
    expect(await disablePlugin(STEP, at.step)).toMatchObject({
      outcome: "done",
      detail: expect.stringContaining("3 other changes of the host were put back"),
    });
    expect(parseConfig("now", at.read())).toEqual(WANTED);
  });

  it("finds its entry in an included file, where only `enabled` may differ", async () => {
    using at = machine(GOOD.replace("entries: { crashy: { enabled: true } }", 'entries: { $include: "./entries.json5" }'));
    at.write("entries.json5", "{ crashy: { enabled: true, config: { bind: 1 } } }");
    const host: typeof at.step.host = async (_, options) => {
      at.write("entries.json5", '{ "crashy": { "enabled": false, "config": { "bind": 2 } } }');
      return { ...(await at.host.run(["config", "validate", "--json"], options)), exitCode: 0 };
    };
    expect(await disablePlugin(STEP, { ...at.step, host })).toMatchObject({ outcome: "done" });
    expect(parseConfig("now", at.read("entries.json5"))).toEqual({ crashy: { enabled: false, config: { bind: 1 } } });
  });

  it("leaves everything as it was when the host refuses", async () => {
    using at = machine();
    const before = tree(at.stateDir);
    at.host.setExit = 1;
    expect(await disablePlugin(STEP, at.step)).toMatchObject({ outcome: "failed", detail: expect.stringContaining("(exit 1)") });
    expect(tree(at.stateDir)).toEqual(before);
  });

  it("refuses our own, ids that are no plain word, a broken configuration and a host at work", async () => {
    using at = machine();
    for (const plugin of ["rescue-watchdog", "--profile", "a.b", "a b", ""]) {
      expect(await disablePlugin({ ...STEP, plugin }, at.step), plugin).toMatchObject({ outcome: "aborted" });
    }
    const maintenance = async () => [{ pid: 7, what: "openclaw update" }];
    expect(await disablePlugin(STEP, { ...at.step, maintenance })).toMatchObject({ outcome: "aborted" });
    at.write("openclaw.json", "{");
    expect(await disablePlugin(STEP, at.step)).toMatchObject({ outcome: "failed", detail: expect.stringContaining("not valid JSON5") });
    expect(at.host.calls).toEqual([]);
  });
});
