import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rescueProfileOf, watchdogDir, watchedBy } from "../../src/shared/rescue-home.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "rescue-home-test-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("the profile that rescues", () => {
  it("is named after the one it watches, and leads back to it", () => {
    expect(rescueProfileOf("default")).toBe("rescue");
    expect(rescueProfileOf("work")).toBe("work-rescue");
    for (const profile of ["default", "work", "a-b", "rescue", "work-rescue"]) expect(watchedBy(rescueProfileOf(profile))).toBe(profile);
  });

  it("is none that is not named so", () => {
    for (const profile of ["default", "work", "rescue-work", "rescued", ""]) expect(watchedBy(profile)).toBeUndefined();
  });
});

describe("the watchdog's directory", () => {
  it("lies under the user's state until the rescue profile has a place for it, and then there", () => {
    expect(watchdogDir("default", home, {})).toBe(join(home, ".local/state/rescue-watchdog/default"));
    mkdirSync(join(home, ".openclaw-rescue"));
    expect(watchdogDir("default", home, {})).toBe(join(home, ".local/state/rescue-watchdog/default"));
    mkdirSync(join(home, ".openclaw-rescue/rescue-watchdog"));
    expect(watchdogDir("default", home, {})).toBe(join(home, ".openclaw-rescue/rescue-watchdog"));
    expect(watchdogDir("work", home, {})).toBe(join(home, ".local/state/rescue-watchdog/work"));
  });

  it("does not depend on XDG_STATE_HOME, which a shell has and a service has not: two journals would be two budgets", () => {
    expect(watchdogDir("work", home, { XDG_STATE_HOME: "/var/state" })).toBe(join(home, ".local/state/rescue-watchdog/work"));
  });

  it("stays where the journal is, also when a rescue profile is set up later", () => {
    const own = join(home, ".local/state/rescue-watchdog/default");
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "journal.sqlite"), "");
    mkdirSync(join(home, ".openclaw-rescue/rescue-watchdog"), { recursive: true });
    expect(watchdogDir("default", home, {})).toBe(own);
  });

  it("is where RESCUE_WATCHDOG_STATE_DIR says, one folder a profile, whatever else there is", () => {
    mkdirSync(join(home, ".openclaw-rescue/rescue-watchdog"), { recursive: true });
    const env = { RESCUE_WATCHDOG_STATE_DIR: "/srv/dog", XDG_STATE_HOME: "/var/state" };
    expect(watchdogDir("default", home, env)).toBe("/srv/dog/default");
    expect(watchdogDir("default", home, { RESCUE_WATCHDOG_STATE_DIR: "" })).toBe(join(home, ".openclaw-rescue/rescue-watchdog"));
    const relative = () => watchdogDir("default", home, { RESCUE_WATCHDOG_STATE_DIR: "dog" });
    expect(relative).toThrow("RESCUE_WATCHDOG_STATE_DIR must be an absolute path, not dog");
    expect(relative).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
