import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commandLine, splitCommandLine } from "../../../src/service-installers/schtasks/argv.ts";

// Unproven here: that Windows' own CommandLineToArgvW and node.exe split as the function below does, which was written from their documents.

/**
 * The documented rules of CommandLineToArgvW for everything behind the program's name, one character at a time: 2n backslashes and a quote
 * are n backslashes and the quotes' begin or end, 2n+1 are n backslashes and a quote, other backslashes are themselves; space and tab
 * separate outside of quotes. (What two quotes in a row mean differs between versions, so a good line has none within quotes.)
 */
function commandLineToArgvW(line: string): string[] {
  const args: string[] = [];
  let at = 0;
  for (;;) {
    while (line[at] === " " || line[at] === "\t") at++;
    if (at >= line.length) return args;
    let argument = "";
    let quoted = false;
    while (at < line.length && (quoted || (line[at] !== " " && line[at] !== "\t"))) {
      let slashes = 0;
      while (line[at + slashes] === "\\") slashes++;
      if (line[at + slashes] === '"') {
        argument += "\\".repeat(Math.floor(slashes / 2));
        if (slashes % 2 === 1) argument += '"';
        else quoted = !quoted;
        at += slashes + 1;
      } else if (slashes > 0) {
        argument += "\\".repeat(slashes);
        at += slashes;
      } else {
        argument += line[at];
        at++;
      }
    }
    args.push(argument);
  }
}

const character = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("\\", '"', " ", "\t", "&", "%", "^", "!", "'", "|", "<", ">", "(", ")", "a", "ß", "ü", "漢", "😀", "\n"),
  },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }) },
);
const argument = fc.array(character, { maxLength: 12 }).map((parts) => parts.join(""));

describe("a Windows command line", () => {
  it("gives every program that splits by the documented rules the same arguments back", () => {
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 6 }), (args) => {
        expect(commandLineToArgvW(commandLine(args))).toEqual(args);
      }),
      { numRuns: 3000 },
    );
  });

  it("is read back by our own splitting, which agrees with the documented rules", () => {
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 6 }), (args) => {
        expect(splitCommandLine(commandLine(args))).toEqual(args);
      }),
      { numRuns: 3000 },
    );
  });

  it("is split as the documented rules split it, also when a person wrote it", () => {
    const line = fc.array(character, { maxLength: 30 }).map((parts) => parts.join("").replaceAll('""', '"'));
    fc.assert(
      fc.property(line, (text) => {
        // Two quotes in a row are where versions differ, also behind a backslash.
        fc.pre(!text.includes('""'));
        expect(splitCommandLine(text)).toEqual(commandLineToArgvW(text));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    [["C:\\a b\\"], String.raw`"C:\a b\\"`],
    [["C:\\a\\"], "C:\\a\\"],
    [[""], '""'],
    [['say "hi"'], String.raw`"say \"hi\""`],
    [[String.raw`back\"quote`], String.raw`"back\\\"quote"`],
    [["a&b", "100%", "^caret", "!bang"], "a&b 100% ^caret !bang"],
    [["Jürgen", "日本 語"], 'Jürgen "日本 語"'],
  ])("quotes %j as documented, and nothing that needs no quotes", (args, line) => {
    expect(commandLine(args)).toBe(line);
  });

  it("takes two quotes within quotes for one, as programs since 2008 do", () => {
    expect(splitCommandLine('"a ""b"" c" d')).toEqual(['a "b" c', "d"]);
    expect(splitCommandLine('"" x')).toEqual(["", "x"]);
  });
});
