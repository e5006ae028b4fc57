import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXIT_CODES, messageOf, RescueError, systemErrorCode } from "../../src/shared/errors.ts";

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
}

describe("the exit codes", () => {
  it("are documented, so that none may ever change its number", () => {
    expect(EXIT_CODES).toEqual({
      usage: 2,
      "profile-missing": 3,
      "not-readable": 4,
      "config-invalid": 5,
      "port-foreign": 6,
      "not-running": 7,
      busy: 8,
      refused: 9,
      journal: 10,
      "service-control": 11,
      timeout: 12,
      "preflight-failed": 75,
      interrupted: 130,
      internal: 70,
    });
  });

  it("differ from each other, from success and from 'looked, and something is wrong'", () => {
    const codes = Object.values(EXIT_CODES);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect([0, 1]).not.toContain(code);
  });
});

describe("an error that reaches a person", () => {
  it("keeps its cause and its fix, and has neither when there is none", () => {
    const cause = new Error("EACCES");
    expect(new RescueError("journal", "it cannot be opened", { cause, fix: "chmod u+r it" })).toMatchObject({
      name: "RescueError",
      code: "journal",
      message: "it cannot be opened",
      cause,
      fix: "chmod u+r it",
    });
    const bare = new RescueError("usage", "no");
    expect(bare.fix).toBeUndefined();
    expect(Object.hasOwn(bare, "cause")).toBe(false);
  });
});

describe("the code of a system error", () => {
  it("tells what is not there from what could not be looked at", () => {
    expect(systemErrorCode(thrownBy(() => readFileSync("/nowhere/at/all")))).toBe("ENOENT");
    expect(systemErrorCode(thrownBy(() => readFileSync("/")))).toBe("EISDIR");
    expect(systemErrorCode(thrownBy(() => process.kill(2 ** 30, 0)))).toBe("ESRCH");
  });

  it("is undefined for whatever is no system error", () => {
    for (const error of [new Error("no"), Object.assign(new Error("no"), { code: 5 }), { code: "ENOENT" }, "ENOENT", null, undefined]) {
      expect(systemErrorCode(error)).toBeUndefined();
    }
  });
});

describe("a message", () => {
  it("is one line without a stack, whatever was thrown", () => {
    expect(messageOf(new RescueError("usage", "no"))).toBe("no");
    expect(messageOf("text")).toBe("text");
    expect(messageOf(undefined)).toBe("undefined");
    expect(messageOf(null)).toBe("null");
  });
});
