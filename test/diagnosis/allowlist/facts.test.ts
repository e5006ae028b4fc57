import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../rescue-profile/diagnosis/judge-facts.ts";
import { FACTS } from "./support.ts";

const read = (given: unknown) => parseFacts(JSON.stringify(given), "F", FACTS);

describe("facts that a person gives", () => {
  it("are each optional, over what is known", () => {
    expect(read({})).toEqual(FACTS);
    expect(read({ pid: 7, staleLocks: ["/a"] })).toEqual({ ...FACTS, pid: 7, staleLocks: ["/a"] });
    const all = { profile: "work", unit: null, port: 65_535, pid: null, staleLocks: [], home: "/root" };
    expect(read(all)).toEqual(all);
    expect(read({ unit: "a@b.service", port: 1, pid: 2 })).toMatchObject({ unit: "a@b.service", port: 1, pid: 2 });
    expect(read({ pid: 4_194_304, staleLocks: Array.from({ length: 1_000 }, () => "/a") })).toMatchObject({ pid: 4_194_304 });
  });

  // biome-ignore format: a table reads by its rows
  const bad: readonly [string, unknown, string][] = [
    ["a list", [], "F: is no object"],
    ["null", null, "F: is no object"],
    ["a text", "x", "F: is no object"],
    ["an unknown fact", { uid: 0 }, 'F: has the unknown fact "uid"'],
    ["a profile that is no name", { profile: "../x" }, "F: profile is not a profile's name"],
    ["an empty profile", { profile: "" }, "F: profile is not a profile's name"],
    ["a profile with an option's dash", { profile: "-x" }, "F: profile is not a profile's name"],
    ["a unit with an option's dash", { unit: "-x" }, "F: unit is not a unit's name, or null"],
    ["a unit with a path", { unit: "a/b" }, "F: unit is not a unit's name, or null"],
    ["a port of zero", { port: 0 }, "F: port is not a number from 1 to 65535"],
    ["a port beyond", { port: 65_536 }, "F: port is not a number from 1 to 65535"],
    ["a port as text", { port: "1" }, "F: port is not a number from 1 to 65535"],
    ["a pid of init", { pid: 1 }, "F: pid is not a process id above 1, or null"],
    ["a pid that is negative", { pid: -1 }, "F: pid is not a process id above 1, or null"],
    ["a pid that is broken", { pid: 2.5 }, "F: pid is not a process id above 1, or null"],
    ["a pid beyond", { pid: 4_194_305 }, "F: pid is not a process id above 1, or null"],
    ["a pid as text", { pid: "7" }, "F: pid is not a process id above 1, or null"],
    ["locks as text", { staleLocks: "/a" }, "F: staleLocks is not a list of at most 1000 absolute paths"],
    ["a relative lock", { staleLocks: ["a"] }, "F: staleLocks is not a list"],
    ["the root as lock", { staleLocks: ["/"] }, "F: staleLocks is not a list"],
    ["a lock with a NUL", { staleLocks: ["/a\0"] }, "F: staleLocks is not a list"],
    ["a number as lock", { staleLocks: [1] }, "F: staleLocks is not a list"],
    ["1001 locks", { staleLocks: Array.from({ length: 1_001 }, () => "/a") }, "F: staleLocks is not a list"],
    ["a relative home", { home: "a" }, "F: home is not an absolute path"],
    ["no home", { home: null }, "F: home is not an absolute path"],
  ];
  for (const [what, given, message] of bad) {
    it(`with ${what} are refused`, () => {
      expect(() => read(given)).toThrow(
        expect.objectContaining({ code: "config-invalid", message: expect.stringContaining(message), fix: expect.any(String) }),
      );
    });
  }

  it("that are no JSON, or too long, are refused", () => {
    expect(() => parseFacts("{", "F", FACTS)).toThrow("F: is not JSON");
    expect(() => parseFacts(" ".repeat(1_048_577), "F", FACTS)).toThrow("F: has more than 1048576 characters");
    expect(parseFacts("{}".padEnd(1_048_576), "F", FACTS)).toEqual(FACTS);
  });

  it("with a prototype are refused", () => {
    expect(() => parseFacts('{"__proto__": {"pid": 1}}', "F", FACTS)).toThrow('F: has the unknown fact "__proto__"');
  });
});
