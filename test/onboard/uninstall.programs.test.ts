import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { setup } from "../../src/onboard/provision.ts";
import { uninstall } from "../../src/onboard/uninstall.ts";
import { journalHome } from "../../src/shared/rescue-home.ts";
import { machine, rescued, WISHES } from "./harness.ts";

const STAMP = "2026-11-21T00-00-00-000Z";
const ASIDE = `.openclaw-rescue.removed-${STAMP}`;
const options = { profile: "default", stamp: STAMP, keepHistory: false };
const commands = (at: ReturnType<typeof machine>) => at.calls().map(({ profile, args }) => `${profile}: ${args.slice(0, 2).join(" ")}`);

describe("uninstall", () => {
  it("takes the service, the plugin and the profile away, in this order, erases nothing, and has nothing to do the second time", async () => {
    const at = await rescued();
    const rescue = at.json(".openclaw-rescue", "openclaw.json");
    const { did, movedTo, keptHistory } = await uninstall(options, at.ports());
    expect(commands(at)).toEqual(["rescue: gateway uninstall", "default: plugins uninstall", "default: config patch"]);
    expect(did).toHaveLength(4);
    expect([movedTo, keptHistory]).toEqual([at.at(ASIDE), null]);
    expect(at.json(ASIDE, "openclaw.json")).toEqual(rescue);
    expect(at.json(".openclaw", "openclaw.json")).toEqual({ gateway: { port: 18_789 }, plugins: { entries: {} } });
    expect(readdirSync(at.at(".openclaw"))).toEqual(["openclaw.json"]);
    expect(existsSync(at.at("unit-rescue"))).toBe(false);
    const after = at.files();
    expect(await uninstall({ ...options, stamp: "later" }, at.ports())).toEqual({ did: [], movedTo: null, keptHistory: null });
    expect(at.files()).toEqual(after);
    expect(commands(at)).toHaveLength(3);
  });

  it("leaves a plugin that was there before, with its settings, and only ends its watching", async () => {
    const at = machine({ plugins: { entries: { "rescue-watchdog": { enabled: true, config: { act: { goneChecks: 3 } } } } } });
    await setup(WISHES, at.ports());
    await uninstall(options, at.ports());
    expect(commands(at)).not.toContain("default: plugins uninstall");
    expect(at.json(".openclaw", "openclaw.json").plugins.entries).toEqual({
      "rescue-watchdog": { enabled: true, config: { act: { goneChecks: 3 } } },
    });
  });

  it("keeps the history where the next watch looks for it, without the mark and the package, when asked", async () => {
    const at = await rescued();
    mkdirSync(at.at(".openclaw-rescue", "rescue-watchdog", "package"));
    mkdirSync(at.at(".openclaw-rescue", "rescue-watchdog", "logs", "package"), { recursive: true });
    const { keptHistory } = await uninstall({ ...options, keepHistory: true }, at.ports());
    const kept = journalHome("default", at.home);
    expect(keptHistory).toBe(kept);
    expect(readdirSync(kept).sort()).toEqual(["journal.sqlite", "logs"]);
    expect(existsSync(join(kept, "logs", "package"))).toBe(true);
    expect(existsSync(at.at(ASIDE, "rescue-watchdog", "journal.sqlite"))).toBe(true);
  });

  it("never overwrites a history that is there already", async () => {
    const at = await rescued();
    mkdirSync(journalHome("default", at.home), { recursive: true });
    writeFileSync(join(journalHome("default", at.home), "journal.sqlite"), "another");
    expect(await uninstall({ ...options, keepHistory: true }, at.ports())).toMatchObject({
      keptHistory: journalHome("default", at.home),
    });
    expect(at.files()[".local/state/rescue-watchdog/default/journal.sqlite"]).toBe("another");
  });

  it("works when the primary is gone", async () => {
    const at = await rescued();
    rmSync(at.at(".openclaw"), { recursive: true });
    const { did } = await uninstall(options, at.ports());
    expect(commands(at)).toEqual(["rescue: gateway uninstall"]);
    expect(did).toHaveLength(2);
    expect([existsSync(at.at(ASIDE)), existsSync(at.at(".openclaw")), existsSync(at.at("unit-rescue"))]).toEqual([true, false, false]);
    await expect(uninstall(options, at.ports())).rejects.toMatchObject({ code: "profile-missing" });
  });

  it("works when somebody has removed the rescue's directory: service, wish and notes go", async () => {
    const at = await rescued();
    rmSync(at.at(".openclaw-rescue"), { recursive: true });
    const { did, movedTo } = await uninstall(options, at.ports());
    expect(commands(at)).toEqual(["rescue: gateway uninstall", "default: config patch"]);
    expect([did.length, movedTo, existsSync(at.at("unit-rescue"))]).toEqual([3, null, false]);
    expect((await uninstall({ ...options, stamp: "later" }, at.ports())).did).toEqual([]);
  });

  it("does not touch a profile of that name without our mark, nor a link to one with it", async () => {
    const foreign = machine();
    foreign.profile(".openclaw-rescue", { theirs: true });
    const before = foreign.files();
    await expect(uninstall(options, foreign.ports())).rejects.toMatchObject({ code: "refused" });
    expect([foreign.files(), foreign.calls()]).toEqual([before, []]);

    const at = await rescued();
    renameSync(at.at(".openclaw-rescue"), at.at("elsewhere"));
    symlinkSync(at.at("elsewhere"), at.at(".openclaw-rescue"));
    await expect(uninstall(options, at.ports())).rejects.toMatchObject({
      code: "refused",
      message: expect.stringContaining("symbolic link"),
    });
    expect(at.calls()).toEqual([]);
  });

  it("ends in an error when the host fails, with the directory in its place, and is completed by the next run", async () => {
    const at = await rescued();
    await expect(uninstall(options, at.ports({ FAIL_AT: "3" }))).rejects.toMatchObject({ code: "service-control" });
    expect(existsSync(at.at(".openclaw-rescue"))).toBe(true);
    await uninstall(options, at.ports());
    expect([existsSync(at.at(ASIDE)), existsSync(at.at("unit-rescue"))]).toEqual([true, false]);
  });

  it("finds a name for a second backup of the same moment", async () => {
    const at = await rescued();
    mkdirSync(at.at(ASIDE));
    expect((await uninstall(options, at.ports())).movedTo).toBe(at.at(`${ASIDE}-2`));
    expect(readdirSync(at.at(ASIDE))).toEqual([]);
  });

  it("without the rescue's directory, is completed by the next run when the host fails", async () => {
    const at = await rescued();
    rmSync(at.at(".openclaw-rescue"), { recursive: true });
    await expect(uninstall(options, at.ports({ FAIL_AT: "2" }))).rejects.toMatchObject({ code: "service-control" });
    await uninstall(options, at.ports());
    expect(existsSync(at.at("unit-rescue"))).toBe(false);
  });

  it("leaves a wish to watch that names another profile than the rescue", async () => {
    const config = { plugins: { entries: { "rescue-watchdog": { enabled: true, config: { watchProfile: "work" } } } } };
    const at = machine(config);
    await uninstall(options, at.ports());
    expect(at.json(".openclaw", "openclaw.json")).toEqual(config);
  });

  it("does not mind the broken configuration of an unrelated profile", async () => {
    const at = await rescued();
    at.profile(".openclaw-old", "{ broken");
    await uninstall(options, at.ports());
  });

  it("removes a rescue whose configuration is broken", async () => {
    const at = await rescued();
    writeFileSync(at.at(".openclaw-rescue", "openclaw.json"), "{ broken");
    await uninstall(options, at.ports());
  });

  it("takes out the plugin that setup had installed, also when it was switched off meanwhile", async () => {
    const at = await rescued();
    const config = at.json(".openclaw", "openclaw.json");
    config.plugins.entries["rescue-watchdog"].enabled = false;
    at.profile(".openclaw", config);
    await uninstall(options, at.ports());
    expect(at.json(".openclaw", "openclaw.json").plugins.load).toBeUndefined();
  });
});
