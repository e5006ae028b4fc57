import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parsePolicy } from "../rescue-profile/config.ts";
import { changeSetting, flatSettings, loadSettings, troubleWithChanges } from "../rescue-profile/settings.ts";
import { RescueError } from "../src/shared/errors.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "settings-test-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = () => join(dir, "config.json5");
const write = (text: string) => writeFileSync(file(), text);

function refusal(options: Parameters<typeof loadSettings>[1] = {}): RescueError {
  try {
    loadSettings(dir, options);
  } catch (error) {
    if (error instanceof RescueError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("the settings", () => {
  it("are the defaults where there is no file", () => {
    expect(loadSettings(dir)).toEqual(parsePolicy({}));
    expect(loadSettings(join(dir, "missing"))).toEqual(parsePolicy({}));
  });

  it("are the file's, as people write JSON5, over the defaults", () => {
    write("// mine\n{ act: { frozenSeconds: 8, }, log: { level: 'debug' } }");
    const settings = loadSettings(dir);
    expect(settings.act).toEqual({ ...parsePolicy({}).act, frozenSeconds: 8 });
    expect(settings.log.level).toBe("debug");
  });

  it("are the plugin's when it gives some, and the file is not read then", () => {
    write("not even JSON5");
    expect(loadSettings(dir, { fromPlugin: { act: { goneChecks: 5 } } }).act.goneChecks).toBe(5);
  });

  it("are not changed for others by an override", () => {
    const fromPlugin = { act: { goneChecks: 5 } };
    loadSettings(dir, { fromPlugin, overrides: ["act.goneChecks=7"] });
    expect(fromPlugin).toEqual({ act: { goneChecks: 5 } });
  });

  it("that are empty are the defaults", () => {
    for (const text of ["{}", "null"]) {
      write(text);
      expect(loadSettings(dir), text).toEqual(parsePolicy({}));
    }
  });
});

describe("settings that cannot be used are refused with the file, the key and the limit:", () => {
  it("no JSON5", () => {
    write("{ act: ");
    expect(refusal()).toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining(`the settings ${file()} are not valid JSON5: `),
    });
  });

  it("unreadable, which is not the same as missing", () => {
    mkdirSync(file());
    expect(refusal()).toMatchObject({ code: "not-readable", message: expect.stringContaining(`the settings ${file()} cannot be read: `) });
  });

  it("a value out of its limits", () => {
    write("{ act: { frozenSeconds: 0 } }");
    const error = refusal();
    expect(error.code).toBe("usage");
    for (const part of [file(), "act.frozenSeconds", "is 0", "at least 1", "at most 86400"]) expect(error.message).toContain(part);
    expect(error.fix).toBe("correct or remove act.frozenSeconds");
  });

  it("a key that does not exist", () => {
    write("{ act: { frozenSecond: 5 } }");
    expect(refusal()).toMatchObject({
      code: "usage",
      message: expect.stringContaining("act.frozenSecond"),
      fix: "correct or remove act.frozenSecond",
    });
  });

  it("something else than an object, also with an override", () => {
    for (const text of ["5", "'act'", "['act']", "{ act: 5 }", "{ act: [5] }"]) {
      write(text);
      expect(refusal().code, text).toBe("usage");
      expect(refusal({ overrides: ["act.goneChecks=3"] }).code, text).toBe("usage");
    }
  });

  it("the plugin's, which stand in another place", () => {
    const error = refusal({ fromPlugin: { limits: { repairsPerHour: 1.5 } } });
    expect(error.message).toContain("plugins.entries.rescue-watchdog.config: limits.repairsPerHour is 1.5");
  });
});

describe("an override (--set)", () => {
  const withOverrides = (...overrides: string[]) => loadSettings(dir, { overrides });

  it("sets numbers and words, the last one of a key winning, over file and plugin", () => {
    write("{ act: { frozenSeconds: 8, goneChecks: 4 } }");
    const { act, log } = withOverrides("act.frozenSeconds=9", "log.level=debug", "act.frozenSeconds=7.5");
    expect(act).toMatchObject({ frozenSeconds: 7.5, goneChecks: 4 });
    expect(log.level).toBe("debug");
    expect(loadSettings(dir, { fromPlugin: { act: { goneChecks: 3 } }, overrides: ["act.goneChecks=6"] }).act.goneChecks).toBe(6);
  });

  it("of the wrong shape is refused with an example", () => {
    const shapes = [
      "frozenSeconds=8",
      "act.frozenSeconds",
      "act.frozenSeconds=",
      "act.a.b=1",
      "=1",
      "",
      "act .goneChecks=1",
      "__proto__.polluted=1",
      "act.__proto__=1",
    ];
    for (const override of shapes) {
      const error = refusal({ overrides: [override] });
      expect(error.code, override).toBe("usage");
      expect(error.message, override).toBe(`--set wants group.key=value, for example act.frozenSeconds=8, not ${JSON.stringify(override)}`);
    }
    expect({}).not.toHaveProperty("polluted");
  });

  it("of an unknown or wrong value is refused as such, and not blamed on the file", () => {
    for (const override of [
      "act.nothing=1",
      "nothing.act=1",
      "act.toString=1",
      "act.goneChecks=many",
      "act.goneChecks=0",
      "act.goneChecks= ",
      "log.level=5",
    ]) {
      const error = refusal({ overrides: [override] });
      expect(error.code, override).toBe("usage");
      expect(error.message, override).toMatch(/^--set: /);
      expect(error.message, override).not.toContain(file());
    }
  });
});

describe("a setting that is changed from a chat", () => {
  const inForce = (fromPlugin?: unknown) => loadSettings(dir, fromPlugin === undefined ? {} : { fromPlugin }).limits.repairsPerHour;

  it("holds from then on, and leaves a person's file with its comments as it is", () => {
    const text = "// mine\n{ limits: { repairsPerHour: 4 } }";
    write(text);
    expect(changeSetting(dir, "limits.repairsPerHour", "2")).toBe("4");
    expect(inForce()).toBe(2);
    expect(changeSetting(dir, "limits.repairsPerHour", "5")).toBe("2");
    expect(inForce()).toBe(5);
    expect(flatSettings(dir).find(({ key }) => key === "limits.repairsPerHour")?.value).toBe("5");
    expect(readFileSync(file(), "utf8")).toBe(text);
  });

  it("holds over the plugin's own settings too", () => {
    const fromPlugin = { limits: { repairsPerHour: 4 } };
    expect(changeSetting(dir, "limits.repairsPerHour", "2", fromPlugin)).toBe("4");
    expect(inForce(fromPlugin)).toBe(2);
  });

  it("gives way to whoever edits the same setting later, and comes to nothing when it is set back", () => {
    write("{ limits: { repairsPerHour: 4 } }");
    changeSetting(dir, "limits.repairsPerHour", "2");
    write("{ limits: { repairsPerHour: 6 } }");
    expect(inForce()).toBe(6);
    changeSetting(dir, "limits.repairsPerHour", "2");
    changeSetting(dir, "limits.repairsPerHour", "6");
    write("{ limits: { repairsPerHour: 1 } }");
    expect(inForce()).toBe(1);
  });

  it("is refused beyond its limits, with nothing written", () => {
    expect(() => changeSetting(dir, "limits.repairsPerHour", "9000")).toThrow(/limits\.repairsPerHour is 9000/);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("does not keep anybody from watching when its file is broken, and the next change says so", () => {
    write("{ limits: { repairsPerHour: 4 } }");
    writeFileSync(join(dir, "changed-settings.json"), "{ broken");
    expect(inForce()).toBe(4);
    expect(() => changeSetting(dir, "limits.repairsPerHour", "2")).toThrow(/changed-settings\.json/);
    expect(troubleWithChanges(dir)).toMatch(/changed-settings\.json/);
  });

  it("cannot reach, through its file, what is not for a chat", () => {
    const changes = { "limits.maxTier": { was: "2", value: "1" }, "alerts.language": { was: "en", value: "zh-CN" } };
    writeFileSync(join(dir, "changed-settings.json"), JSON.stringify(changes));
    expect(loadSettings(dir)).toEqual(parsePolicy({}));
  });

  it("is refused for what is not for a chat, with nothing written", () => {
    expect(() => changeSetting(dir, "limits.maxTier", "3")).toThrow(/limits\.maxTier is not for a chat/);
    expect(readdirSync(dir)).toEqual([]);
    expect(troubleWithChanges(dir)).toBeUndefined();
  });

  it("goes under --set", () => {
    changeSetting(dir, "limits.repairsPerHour", "2");
    expect(loadSettings(dir, { overrides: ["limits.repairsPerHour=1"] }).limits.repairsPerHour).toBe(1);
  });
});
