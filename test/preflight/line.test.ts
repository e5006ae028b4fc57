import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fieldsOf, renderLine } from "../../rescue-profile/preflight/line.ts";

/** As a script would read it: a word, or a string of JSON. Undefined when anything else stands there. */
function parseLine(line: string): Record<string, string> | undefined {
  const match = /^PREFLIGHT_FAILED((?: [a-z_]+=(?:[A-Za-z0-9._:/-]+|"(?:[^"\\]|\\.)*"))+)$/.exec(line);
  if (match === null) return undefined;
  const fields = [...(match[1] ?? "").matchAll(/ ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ ]+)/g)];
  return Object.fromEntries(fields.map(([, key = "", value = ""]) => [key, value.startsWith('"') ? JSON.parse(value) : value]));
}

const nasty = fc.constantFrom(
  '"',
  "\\",
  "\n",
  "\r",
  "\t",
  "\0",
  "\u001b",
  "\u0085",
  "\u2028",
  "\ud800",
  "$(reboot)",
  "`id`",
  "' ; &",
  " a=b",
  "=",
);
const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.oneof(nasty, fc.string()), { maxLength: 8 }).map((parts) => parts.join("")),
);
const key = fc.stringMatching(/^[a-z][a-z_]{0,9}$/).filter((name) => name !== "__proto__");

describe("the line", () => {
  it("is what the documentation shows", () => {
    const failure = { reason: "gateway_unreachable", facts: { port: 18_789 }, detail: "nothing listens on 127.0.0.1:18789" } as const;
    expect(renderLine(fieldsOf([failure]))).toBe(
      'PREFLIGHT_FAILED reason=gateway_unreachable port=18789 detail="nothing listens on 127.0.0.1:18789"',
    );
  });

  it("names the other failures behind the first", () => {
    const low = { reason: "disk_low", facts: { free_mb: 3, min_mb: 200 }, detail: "full" } as const;
    const invalid = { reason: "config_invalid", facts: {}, detail: "a.b: no" } as const;
    expect(renderLine(fieldsOf([invalid, low]))).toBe('PREFLIGHT_FAILED reason=config_invalid detail="a.b: no" also=disk_low');
    expect(fieldsOf([invalid, low, low])).toMatchObject({ also: "disk_low,disk_low" });
  });

  it("quotes what is empty", () => {
    expect(renderLine({ command: "" })).toBe('PREFLIGHT_FAILED command=""');
  });

  it("parses back to the same values whatever is in them, and stays one printable line", () => {
    fc.assert(
      fc.property(fc.dictionary(key, value, { minKeys: 1, noNullPrototype: true }), (fields) => {
        const line = renderLine(fields);
        expect(parseLine(line)).toEqual(fields);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      }),
      { numRuns: 500 },
    );
  });
});
