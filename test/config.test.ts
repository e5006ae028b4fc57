import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PolicySchema, parsePolicy, toPolicy } from "../rescue-profile/config.ts";
import { RescueError } from "../src/shared/errors.ts";

type Leaf = readonly [path: readonly string[], schema: Record<string, unknown>];

function leaves(schema: Record<string, unknown>, path: readonly string[] = []): Leaf[] {
  const properties = schema["properties"];
  const isOptional = path.length > 0 && schema["default"] === undefined;
  if (typeof properties !== "object" || properties === null || isOptional) return [[path, schema]];
  return Object.entries(properties).flatMap(([key, each]) => leaves(each, [...path, key]));
}

const LEAVES = leaves(PolicySchema);
/** What is not there unless somebody asks for it. */
const OPTIONAL: ReadonlySet<string> = new Set([
  "watchProfile",
  "alerts.quietHours",
  "alerts.heartbeatUrl",
  "chat.telegram",
  "diagnosis.mode",
]);
const isThere = ([path]: Leaf) => !OPTIONAL.has(path.join("."));
const NUMBERS = LEAVES.filter(([, schema]) => schema["type"] === "number" || schema["type"] === "integer");
const nested = (path: readonly string[], value: unknown): unknown => path.reduceRight((inner, key) => ({ [key]: inner }), value);
const at = (settings: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined),
    settings,
  );

function refusal(settings: unknown): RescueError {
  try {
    parsePolicy(settings);
  } catch (error) {
    if (error instanceof RescueError) return error;
    throw error;
  }
  throw new Error(`it was not refused: ${JSON.stringify(settings)}`);
}

describe("the schema", () => {
  it("explains every setting, and gives each a default but those that are not there unless asked for", () => {
    for (const [path, schema] of LEAVES) {
      expect(schema["description"], path.join(".")).toEqual(expect.stringMatching(/\.$/));
      expect(schema["default"] !== undefined, path.join(".")).toBe(isThere([path, schema]));
    }
  });

  it("bounds every number, and its defaults lie within", () => {
    expect(NUMBERS.length).toBeGreaterThan(25);
    for (const [path, schema] of NUMBERS) {
      expect(Number(schema["default"]), path.join(".")).toBeGreaterThanOrEqual(Number(schema["minimum"]));
      if (!/bytes$/i.test(path.join("."))) expect(Number(schema["default"]), path.join(".")).toBeLessThanOrEqual(Number(schema["maximum"]));
    }
  });
});

describe("settings", () => {
  it("that are missing, empty or partly given are filled up with the defaults", () => {
    const defaults = parsePolicy({});
    expect(parsePolicy(undefined)).toEqual(defaults);
    expect(parsePolicy(null)).toEqual(defaults);
    expect(parsePolicy({ act: {} })).toEqual(defaults);
    for (const [path, schema] of LEAVES) expect(at(defaults, path), path.join(".")).toEqual(schema["default"]);
    expect(parsePolicy({ act: { goneChecks: 9 } })).toEqual({ ...defaults, act: { ...defaults.act, goneChecks: 9 } });
  });

  it("are not changed by being read", () => {
    const given = Object.freeze({ act: Object.freeze({ goneChecks: 9 }) });
    parsePolicy(given);
    expect(given).toEqual({ act: { goneChecks: 9 } });
  });

  it("may be any profile's name for watchProfile, and nothing else", () => {
    for (const name of ["default", "a", "work-2", "x".repeat(64)]) expect(parsePolicy({ watchProfile: name }).watchProfile).toBe(name);
    for (const name of ["", "-a", "Work", "../x", "a b", "x".repeat(65), 5, null]) {
      expect(refusal({ watchProfile: name }).message, String(name)).toContain("watchProfile");
    }
  });

  it("at a limit are taken, and beyond it refused with the key and the limit", () => {
    for (const [path, schema] of NUMBERS) {
      const key = path.join(".");
      for (const [limit, step] of [
        ["minimum", -1],
        ["maximum", 1],
      ] as const) {
        const bound = schema[limit];
        if (typeof bound !== "number") continue;
        expect(at(parsePolicy(nested(path, bound)), path), key).toBe(bound);
        const error = refusal(nested(path, bound + step));
        expect(error, key).toMatchObject({ code: "usage", fix: `correct or remove ${key}` });
        expect(error.message, key).toContain(`${key} is ${bound + step}, but must be:`);
        expect(error.message, key).toContain(`at ${limit === "minimum" ? "least" : "most"} ${bound}`);
      }
    }
  });

  it("of the wrong kind are refused by their key", () => {
    for (const [path, schema] of LEAVES) {
      const isList = schema["type"] === "array";
      for (const wrong of [schema["type"] === "object" ? "word" : {}, isList ? "word" : [], true, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(refusal(nested(path, wrong)).message).toContain(path.join("."));
      }
    }
    expect(refusal({ limits: { repairsPerHour: 2.5 } }).message).toContain("limits.repairsPerHour is 2.5");
    expect(refusal({ alerts: { telegram: { name: "me" } } }).message).toContain("alerts.telegram must be a list");
    expect(refusal({ unheard: {} }).message).toContain("unheard");
    for (const wrong of [5, "act", true, ["act"]]) expect(refusal(wrong).code).toBe("usage");
  });

  it("of any shape are either refused as a user's mistake or complete", () => {
    const complete = (settings: unknown) => LEAVES.filter(isThere).every(([path]) => at(settings, path) !== undefined);
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record(Object.fromEntries(LEAVES.map(([[group = ""]]) => [group, fc.jsonValue()])), { requiredKeys: [] }),
    );
    fc.assert(
      fc.property(value, (settings) => {
        try {
          expect(complete(parsePolicy(settings))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: "RescueError", code: "usage" });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("the policy", () => {
  it("is the same in the core's units: seconds become milliseconds, numbers stay", () => {
    const policy: Readonly<Record<string, number>> = { ...toPolicy(parsePolicy({})) };
    const settings = parsePolicy({});
    const inSettings = Object.entries({ ...settings.watch, ...settings.act, ...settings.limits, ...settings.verify }).filter(
      ([key]) => key !== "probeTimeoutSeconds",
    );
    expect(Object.keys(policy).length).toBe(inSettings.length);
    for (const [key, value] of inSettings) {
      const name = key.replace(/Seconds$/, "Ms");
      expect(policy[name], key).toBe(name === key ? value : value * 1_000);
    }
  });

  it("has whole milliseconds", () => {
    expect(toPolicy(parsePolicy({ watch: { recheckSeconds: 0.1 + 0.2, identitySeconds: 1.2345 } }))).toMatchObject({
      recheckMs: 300,
      identityMs: 1_235,
    });
  });
});
