import { describe, expect, it } from "vitest";
import type { Style } from "../../plugin/cli/command.ts";
import { logLine, plainText } from "../../plugin/cli/render.ts";

const plain: Style = (_format, text) => text;
const marked: Style = (format, text) => `<${format}>${text}</${format}>`;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

/** What hostile or broken programs have put into their output to drive somebody's terminal. */
const HOSTILE = [
  "\u001b[2J\u001b[H",
  "\u001b]0;title\u0007",
  "\u001b]8;;https://example.invalid\u001b\\here\u001b]8;;\u001b\\",
  "\u001b]52;c;cm0gLXJmIH4=\u0007",
  "\u001bP$qm\u001b\\",
  "\u009b31m",
  "\u009d0;title\u009c",
  "\r\u001b[K",
  "\b\b\b",
  "\u0000\u007f\u0085",
  "\u001b",
  "\u001b[",
];

const entry = (changes: Record<string, unknown>) =>
  JSON.stringify({
    ...{ timestamp: "2026-11-21T03:04:05.678Z", level: "info", event: "condition", tier: null, duration_ms: null },
    ...{ trigger: null, success: null, incident: null, cause: null, details: null, ...changes },
  });

describe("text of other programs", () => {
  it("loses what could drive a terminal, and keeps its words, tabs and lines", () => {
    for (const hostile of HOSTILE) {
      const text = plainText(`before ${hostile} after`);
      expect(text, JSON.stringify(hostile)).not.toMatch(CONTROL);
      expect(text).toMatch(/^before .*after$/);
    }
    expect(plainText("\u001b[31mred\u001b[0m \u009b1mbold \u001b]0;title\u0007end")).toBe("red bold end");
    expect(plainText("a\tb\nč 猫 👍")).toBe("a\tb\nč 猫 👍");
  });
});

describe("a log line", () => {
  it("shows time, event and what applies of the rest", () => {
    const line = entry({
      event: "repair-ended",
      incident: 7,
      cause: "process-gone",
      tier: 1,
      duration_ms: 812,
      details: { step: "start", pid: null, seen: ["a", "b"], at: { x: 1 } },
    });
    expect(logLine(line, plain)).toBe(
      '03:04:05.678 repair-ended       incident 7 · process-gone · tier 1 · 812 ms · step: start, seen: a; b, at: {"x":1}\n',
    );
    expect(logLine(entry({ details: "as said" }), plain)).toBe("03:04:05.678 condition          as said\n");
  });

  it("is coloured by its level", () => {
    for (const [level, format] of [
      ["error", "red"],
      ["warn", "yellow"],
      ["info", "dim"],
    ] as const) {
      expect(logLine(entry({ level }), marked)).toContain(`<${format}>condition`);
    }
  });

  it("that is no log entry is shown as it is", () => {
    for (const line of ["not JSON", "{cut", "5", '"text"', "null"]) expect(logLine(line, plain)).toBe(`${line}\n`);
  });

  it("of another shape is shown without words that nobody said", () => {
    const line = logLine('{"timestamp":"2026-11-21T03:04:05.678Z","event":"spawned","details":{"pid":7}}', plain);
    expect(line).toBe("03:04:05.678 spawned            pid: 7\n");
  });

  it("is one line without control characters, whatever is in any of its fields", () => {
    for (const hostile of [...HOSTILE, "two\nlines", "\u2028"]) {
      for (const field of ["timestamp", "level", "event", "cause", "incident", "tier", "duration_ms", "trigger", "details"]) {
        for (const value of [hostile, { [hostile]: hostile }, [hostile], { a: { b: hostile } }]) {
          const line = logLine(entry({ [field]: value }), plain);
          expect(line.slice(0, -1), `${field}: ${JSON.stringify(value)}`).not.toMatch(/[\n\u2028\u2029]/);
          expect(line.slice(0, -1), `${field}: ${JSON.stringify(value)}`).not.toMatch(CONTROL);
        }
      }
      expect(logLine(`no JSON ${hostile}`, plain).slice(0, -1)).not.toMatch(CONTROL);
    }
  });
});
