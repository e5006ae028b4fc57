import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../src/shared/duration.ts";

describe("a duration that a person writes", () => {
  it("is a whole number and one unit", () => {
    const written = { "90s": 90_000, "15m": 900_000, "2h": 7_200_000, "1d": 86_400_000, "999999d": 86_399_913_600_000 };
    for (const [text, ms] of Object.entries(written)) expect(parseDuration(text, "--for"), text).toBe(ms);
  });

  it("is refused otherwise, with what it was for, examples and what was written", () => {
    for (const text of ["", "5", "s", "0s", "-5s", "1.5h", "5 m", "2H", "1h30m", "1000000s", "5ms", " 5s", "5s\n", "٥s", "constructor"]) {
      expect(() => parseDuration(text, "--for"), text).toThrow(
        `--for must be a duration such as 90s, 15m, 2h or 1d, not ${JSON.stringify(text)}`,
      );
    }
    expect(() => parseDuration("x", "--since")).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

describe("a duration that a person reads", () => {
  it("has two units at most", () => {
    const read: [number, string][] = [
      [0, "0 ms"],
      [850.4, "850 ms"],
      [999, "999 ms"],
      [1_000, "1.0 s"],
      [4_240, "4.2 s"],
      [60_000, "1 min 0 s"],
      [190_000, "3 min 10 s"],
      [3_600_000, "1 h 0 min"],
      [7_500_000, "2 h 5 min"],
      [86_400_000, "1 d 0 h"],
      [273_600_000, "3 d 4 h"],
    ];
    for (const [ms, text] of read) expect(formatDuration(ms)).toBe(text);
  });
});
