import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCommand } from "../../rescue-profile/chat/commands.ts";

const parse = (text: string) => parseCommand(text, "our_bot");

describe("what somebody writes in a chat", () => {
  for (const [text, command] of [
    ["/status", { name: "status" }],
    ["  /Status@Our_Bot  ", { name: "status" }],
    ["/rescue", { name: "status" }],
    ["/rescue config", { name: "config" }],
    ["/watchdog repair", { name: "repair" }],
    ["/proposal", { name: "proposal", incident: null }],
    ["/rescue proposal 3", { name: "proposal", incident: 3 }],
    ["/report #12", { name: "report", incident: 12 }],
    ["/report all", { name: "wrong", why: "/report, or /report 3 for incident 3" }],
    ["/proposal 0", { name: "wrong", why: "/proposal, or /proposal 3 for incident 3" }],
    ["/answer 3", undefined],
    ["/rescue answer 3 approve", { name: "wrong", why: "there is no answer; /help says what there is" }],
    ["/history", { name: "history", days: 7 }],
    ["/history 24h", { name: "history", days: 1 }],
    ["/history week", { name: "wrong", why: "/history 24h, 7d or 30d" }],
    ["/pause", { name: "pause", forMs: null, reason: null }],
    ["/pause 2h moving the disk", { name: "pause", forMs: 7_200_000, reason: "moving the disk" }],
    ["/pause moving the disk", { name: "pause", forMs: null, reason: "moving the disk" }],
    ["/config limits.repairsPerHour 2", { name: "set", key: "limits.repairsPerHour", value: "2" }],
    ["/config limits.repairsPerHour", { name: "wrong", why: expect.stringContaining("KEY VALUE") }],
    ["/rescue dance", { name: "wrong", why: expect.stringContaining("there is no dance") }],
  ] as const) {
    it(`${JSON.stringify(text)}`, () => expect(parse(text)).toEqual(command));
  }

  for (const text of ["", "status", "hello /status", "/status@another_bot", "/start", "/", "//status", "/états"]) {
    it(`${JSON.stringify(text)} is not for us`, () => expect(parse(text)).toBeUndefined());
  }

  it("a time that is none is said, and whatever is written ends neither in an error nor in a long reason", () => {
    expect(parse("/pause 2parsecs")).toMatchObject({ name: "wrong" });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `/pause ${text}`),
          fc.string().map((text) => `/rescue ${text}`),
        ),
        (text) => {
          const command = parse(text);
          expect(JSON.stringify(command ?? "").length).toBeLessThan(3_000);
        },
      ),
      { numRuns: 500 },
    );
    expect(parse(`/pause ${"x".repeat(100_000)}`)).toEqual({ name: "pause", forMs: null, reason: "x".repeat(200) });
  });
});
