// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the shell that would read them
import { parse } from "unbash";
import { describe, expect, it } from "vitest";
import { agreed, readByGrammar, readScript } from "../../../rescue-profile/diagnosis/script.ts";
import { objectionTo, shownLine, shownWords, tokenize, wordOf } from "../../../rescue-profile/diagnosis/words.ts";

/** What is read of each line: its words, or why not; or why nothing of the whole. */
function read(text: string): string | readonly (string | readonly string[])[] {
  const script = readScript(text);
  if ("refusal" in script) return script.refusal;
  return script.commands.map((command) => ("refusal" in command ? command.refusal : command.words.map((word) => word.text)));
}

const FAR = (count: number, line: string) => Array.from({ length: count }, () => line).join("\n");

describe("a script", () => {
  // biome-ignore format: a table reads by its rows
  const good: readonly [string, string, readonly (readonly string[])[]][] = [
    ["of one command", "a b", [["a", "b"]]],
    ["with a new line at the end", "a b\n", [["a", "b"]]],
    ["of several commands, blank lines and comments", "\n# c\na\n\n  \t\n b\t c  # d\n", [["a"], ["b", "c"]]],
    ["with quotes of both kinds", `'a' "b" 'c d' "e;f"`, [["a", "b", "c d", "e;f"]]],
    ["with an empty word", `a '' ""`, [["a", "", ""]]],
    ["with every character of a plain word", "azAZ09_./:,@%+- x=", [["azAZ09_./:,@%+-", "x="]]],
    ["with every character in quotes", "a ' #%&()*+,-./09:;<=>?@AZ[]^_az{|}~'", [["a", " #%&()*+,-./09:;<=>?@AZ[]^_az{|}~"]]],
    ["with quotes behind an option", `a --b='c d' --e-f="g" --h=''`, [["a", "--b=c d", "--e-f=g", "--h="]]],
    ["with a # in quotes", "a '#b' \"#c\"", [["a", "#b", "#c"]]],
    ["with a name like a keyword in quotes", "'if' 'time'", [["if", "time"]]],
    ["with a keyword as word", "a if then time", [["a", "if", "then", "time"]]],
    ["with 50 commands", FAR(50, "a"), Array.from({ length: 50 }, () => ["a"])],
    ["with a word of 4096 characters", `a ${"b".repeat(4_096)}`, [["a", "b".repeat(4_096)]]],
    ["of 20000 characters", `a #${"b".repeat(19_997)}`, [["a"]]],
    ["with tabs in a comment", "a #\tb\tc", [["a"]]],
    ["with a comment in any language", "a # é — 再起動", [["a"]]],
    ["with a comment that names an interpreter later", "a\n#!/bin/sh", [["a"]]],
  ];
  for (const [what, text, words] of good) it(`${what} is read`, () => expect(read(text)).toEqual(words));

  // biome-ignore format: a table reads by its rows
  const lines: readonly [string, string, RegExp][] = [
    ["a pipe", "a | b", /^it uses the shell: a pipe$/],
    ["a list", "a; b", /^it uses the shell: ; between commands$/],
    ["&&", "a && b", /^it uses the shell: & or &&$/],
    ["a redirection out", "a > b", /^it uses the shell: a redirection$/],
    ["a redirection in", "a < b", /^it uses the shell: a redirection$/],
    ["a subshell", "(a)", /^it uses the shell: a subshell or a function$/],
    ["a variable", "a $b", /^it uses the shell: a variable or a substitution$/],
    ["backquotes", "a `b`", /^it uses the shell: a substitution$/],
    ["a backslash", "a\\b", /^it uses the shell: a backslash$/],
    ["an exclamation mark", "a!", /^it uses the shell: ! of the shell$/],
    ["braces", "a {b,c}", /^it uses the shell: braces$/],
    ["a closing brace", "a b}", /^it uses the shell: braces$/],
    ["a glob of a class", "a [b]", /^it uses the shell: a glob$/],
    ["an end of a class", "a b]", /^it uses the shell: a glob$/],
    ["a glob of one letter", "a b?", /^it uses the shell: a glob$/],
    ["a home of somebody", "a ~b", /^it uses the shell: ~ of the shell$/],
    ["a home alone", "a ~/", /^it uses the shell: ~ of the shell$/],
    ["a home within", "a b~/c", /^it uses the shell: ~ of the shell$/],
    ["a home behind an option", "a --b=~/c", /^it uses the shell: ~ of the shell$/],
    ["history", "^a^b", /^it uses the shell: \^ of the shell's history$/],
    ["a # within a word", "a b#c", /^it uses the shell: # within a word$/],
    ["a glob beside quotes", "a *'b'", /^it uses the shell: a glob$/],
    ["a glob that is quoted within a word", "a b'*'", /^quotes within a word hide what it says/],
    ["quotes within a word", "a b'c'", /^quotes within a word hide what it says/],
    ["quotes before a word", "a 'b'c", /^quotes within a word hide what it says/],
    ["quotes behind an upper-case option", "a --B='c'", /^quotes within a word/],
    ["quotes behind a short option", "a -b='c'", /^quotes within a word/],
    ["quotes behind two options", "a --b=--c='d'", /^quotes within a word/],
    ["quotes and text behind an option", "a --b='c'd", /^quotes within a word/],
    ["quotes behind dashes alone", "a --='c'", /^quotes within a word/],
    ["a feature between empty quotes", "a '';''", /^it uses the shell: ; between commands$/],
    ["a feature between empty double quotes", 'a "";""', /^it uses the shell: ; between commands$/],
    ["a feature in quotes and another without", "a ';'|';'", /^it uses the shell: a pipe$/],
    ["quotes twice behind an option", "a --b='c''d'", /^quotes within a word/],
    ["a variable in double quotes", 'a "$b"', /^within quotes it has \$/],
    ["a variable in single quotes", "a '$b'", /^within quotes it has \$/],
    ["a backquote in single quotes", "a '`'", /^within quotes it has/],
    ["a backslash in single quotes", "a '\\'", /^within quotes it has/],
    ["an exclamation mark in quotes", "a '!'", /^within quotes it has/],
    ["a quote in quotes of the other kind", `a '"'`, /^within quotes it has/],
    ["the other quote in quotes", `a "'"`, /^within quotes it has/],
    ["a look-alike", "a \u0430", /^it has the character U\+0430, and only printable ASCII is allowed$/],
    ["a look-alike in quotes", "a '\u0430'", /^it has the character U\+0430, and only printable ASCII is allowed$/],
    ["a look-alike behind letters and a feature", "a ab\u0430;", /^it has the character U\+0430/],
    ["a character beyond 16 bits", "a \u{1f680}", /^it has the character U\+1F680,/],
    ["a CR", "a\r", /^it has the character U\+000D,/],
    ["a tab in quotes", "a '\t'", /^it has the character U\+0009,/],
    ["a delete", "a \u007f", /^it has the character U\+007F,/],
    ["a comment that turns around", "a # \u202e", /^its comment has the character U\+202E, which is not seen$/],
    ["a comment with an escape", "# \u001b", /^its comment has the character U\+001B, which is not seen$/],
    ["a comment with a line separator", "# \u2028", /^its comment has the character U\+2028, which is not seen$/],
    ["a comment with a paragraph separator", "# \u2029", /^its comment has the character U\+2029, which is not seen$/],
    ["a word of 4097 characters", `a ${"b".repeat(4_097)}`, /^it has a word of 4097 characters, and 4096 are the most$/],
    ["a word of 4097 characters in quotes", `a '${"b".repeat(4_097)}'`, /^it has a word of 4097 characters/],
    ["a word of 4097 characters with a glob", `a *${"b".repeat(4_096)}`, /^it has a word of 4097 characters/],
    ["a timed command", "time a", /^it uses the shell's own grammar \(Pipeline\)$/],
    ["an assignment", "a=b", /^it uses the shell: an assignment or a redirection$/],
    ["an assignment before a command", "a=b c", /^it uses the shell: an assignment or a redirection$/],
    ["a declaration", "export a=b", /^it uses the shell's own grammar \(Assignment\)$/],
    ["a coprocess", "coproc a", /^it uses the shell's own grammar \(Coproc\)$/],
  ];
  for (const [what, text, reason] of lines) {
    it(`with ${what} is refused there, and read before and behind`, () => {
      const said = read(`x\n${text}\ny z`);
      expect(said).toEqual([["x"], expect.stringMatching(reason), ["y", "z"]]);
    });
  }

  // biome-ignore format: a table reads by its rows
  const wholes: readonly [string, string, RegExp][] = [
    ["nothing", "", /^there is no command in it$/],
    ["blanks", " \t\n \n", /^there is no command in it$/],
    ["comments", "# a\n\t# b", /^there is no command in it$/],
    ["20001 characters", `a #${"b".repeat(19_998)}`, /^it has 20001 characters, and 20000 are the most$/],
    ["51 commands", FAR(51, "a"), /^it has 51 commands, and 50 are the most$/],
    ["51 commands in fewer lines", FAR(17, "a; b; c"), /^it has 51 commands, and 50 are the most$/],
    ["a quote that is not closed behind an empty line", "\na 'b", /^line 2 is no grammar of a shell/],
    ["51 lines that are none", FAR(51, "# \u202e"), /^it has 51 commands, and 50 are the most$/],
    ["functions of functions", "f() ".repeat(5_000), /^it is nested too deeply to be read$/],
    ["an interpreter", "#!/bin/sh\na", /^its first line names an interpreter/],
    ["a quote that is not closed", "x\na 'b", /^line 2 is no grammar of a shell: [ -~]+$/],
    ["a double quote that is not closed", 'x\n\na "b', /^line 3 is no grammar of a shell/],
    ["a substitution that is not closed", "a $(b", /^line 1 is no grammar of a shell/],
    ["an if without its end", "if a", /^line 1 is no grammar of a shell/],
    ["an if over lines", "x\nif a\nthen b\nfi", /^the statement in line 2 goes over several lines$/],
    ["a quote over lines", "a 'b\nc'", /^the statement in line 1 goes over several lines$/],
    ["a line that goes on", "a \\\nb", /^the statement in line 1 goes over several lines$/],
    ["a list that goes on", "a &&\nb", /^the statement in line 1 goes over several lines$/],
  ];
  for (const [what, text, reason] of wholes)
    it(`of ${what} is refused whole`, () => expect(read(text)).toEqual(expect.stringMatching(reason)));

  it("does not take a here-document's text for commands", () => {
    expect(read("a <<E\nopenclaw gateway restart\nE")).toEqual([
      "it uses the shell: a redirection",
      "it is no command, but text of another one",
      "it is no command, but text of another one",
    ]);
  });

  it("shows a command without its blanks and comment, and what is refused as it stands, what is not seen by its number", () => {
    const script = readScript(" \t a  'b'\t# c\n\ta \u202e  # d\n\u00a0a\r\n a;\t\na  b;");
    if ("refusal" in script) throw new Error(script.refusal);
    expect(script.commands.map(({ shown }) => shown)).toEqual(["a 'b'", "a \\u{202e}  # d", "\\u{a0}a\\u{d}", "a;", "a  b;"]);
  });

  it("knows which words a shell would expand", () => {
    const script = readScript("a ~/b * c*d '~/b' \"*\" --e=* ~/f*");
    if ("refusal" in script) throw new Error(script.refusal);
    const [command] = script.commands;
    if (command === undefined || "refusal" in command) throw new Error("it was refused");
    expect(command.words).toEqual([
      { text: "a", expands: false },
      { text: "~/b", expands: true },
      { text: "*", expands: true },
      { text: "c*d", expands: true },
      { text: "~/b", expands: false },
      { text: "*", expands: false },
      { text: "--e=*", expands: true },
      { text: "~/f*", expands: true },
    ]);
  });
});

describe("the grammar by itself", () => {
  const grammar = (text: string) => {
    const [statement] = parse(text).commands;
    if (statement === undefined) throw new Error("there is no statement");
    return readByGrammar(statement);
  };

  it("keeps each word's spelling, and knows what would be expanded", () => {
    expect(grammar(`a 'b' --c="d" ~/e f* "~/g" '*'`)).toEqual({
      words: [
        { text: "a", expands: false },
        { text: "b", expands: false },
        { text: "--c=d", expands: false },
        { text: "~/e", expands: true },
        { text: "f*", expands: true },
        { text: "~/g", expands: false },
        { text: "*", expands: false },
      ],
      spellings: ["a", "'b'", '--c="d"', "~/e", "f*", '"~/g"', "'*'"],
    });
    expect(grammar("a")).toEqual({ words: [{ text: "a", expands: false }], spellings: ["a"] });
  });

  // biome-ignore format: a table reads by its rows
  const refused: readonly [string, string][] = [
    ["a | b", "it uses the shell's own grammar (Pipeline)"],
    ["a && b", "it uses the shell's own grammar (AndOr)"],
    ["! a", "it uses the shell's own grammar (Pipeline)"],
    ["time a", "it uses the shell's own grammar (Pipeline)"],
    ["(a)", "it uses the shell's own grammar (Subshell)"],
    ["{ a; }", "it uses the shell's own grammar (BraceGroup)"],
    ["if a; then b; fi", "it uses the shell's own grammar (If)"],
    ["f() { a; }", "it uses the shell's own grammar (Function)"],
    ["[[ a ]]", "it uses the shell's own grammar (TestCommand)"],
    ["((1))", "it uses the shell's own grammar (ArithmeticCommand)"],
    ["{ a; } > b", "it uses the shell's own grammar (Redirected)"],
    ["a &", "it uses the shell: a command in the background"],
    ["a=b", "it uses the shell: an assignment or a redirection"],
    ["a=b c", "it uses the shell: an assignment or a redirection"],
    ["> a", "it uses the shell: an assignment or a redirection"],
    ["> a b", "it uses the shell: an assignment or a redirection"],
    ["a > b", "it uses the shell's own grammar (Redirect)"],
    ["a <<< b", "it uses the shell's own grammar (HereString)"],
    ["a << b\nb", "it uses the shell's own grammar (HereDoc)"],
    ["export a=b", "it uses the shell's own grammar (Assignment)"],
    ["a $b", "it uses the shell's own grammar (SimpleExpansion)"],
    ["$a b", "it uses the shell's own grammar (SimpleExpansion)"],
    ["a x${b}", "it uses the shell's own grammar (ParameterExpansion)"],
    ["a $(b)", "it uses the shell's own grammar (CommandExpansion)"],
    ["a `b`", "it uses the shell's own grammar (CommandExpansion)"],
    ["a $((1))", "it uses the shell's own grammar (ArithmeticExpansion)"],
    ["a <(b)", "it uses the shell's own grammar (ProcessSubstitution)"],
    ["a {b,c}", "it uses the shell's own grammar (BraceExpansion)"],
    ["a b?", "it uses the shell's own grammar (Glob)"],
    ["a [b]", "it uses the shell's own grammar (Glob)"],
    ["a *[b]", "it uses the shell's own grammar (Glob)"],
    ["a !(b)", "it uses the shell's own grammar (ExtendedGlob)"],
    ["a $'b'", "it uses the shell's own grammar (AnsiCQuoted)"],
    ['a $"b"', "it uses the shell's own grammar (LocaleString)"],
    ['a "$b"', "it uses the shell's own grammar (DoubleQuoted)"],
    ['a "b$c"', "it uses the shell's own grammar (DoubleQuoted)"],
    ['a "b$(c)d"', "it uses the shell's own grammar (DoubleQuoted)"],
  ];
  for (const [text, refusal] of refused) it(`refuses ${JSON.stringify(text)}`, () => expect(grammar(text)).toEqual({ refusal }));
});

describe("the tokenizer by itself", () => {
  it("keeps each word's spelling", () => {
    expect(tokenize(`a 'b'\t--c="d" # e`)).toEqual({
      words: [
        { text: "a", expands: false },
        { text: "b", expands: false },
        { text: "--c=d", expands: false },
      ],
      spellings: ["a", "'b'", '--c="d"'],
    });
  });

  it("refuses a quote that is not closed", () => {
    for (const line of ["'", '"', "a 'b", 'a "b c', `'a"`, `"a'`])
      expect(tokenize(line)).toEqual({ refusal: "a quote is not closed on its line" });
  });

  it("knows nothing of the grammar, which is the other reader's", () => {
    expect(tokenize("if a=b")).toMatchObject({ spellings: ["if", "a=b"] });
  });
});

describe("two readers", () => {
  const word = (text: string, expands = false) => ({ text, expands });
  const reading = { words: [word("a"), word("b*", true)], spellings: ["'a'", "b*"] };

  it("agree when every word and spelling is the same", () => expect(agreed(reading, structuredClone(reading))).toEqual(reading.words));

  it("do not agree for one that is not", () => {
    for (const other of [
      { ...reading, words: [word("a"), word("c*", true)] },
      { ...reading, words: [word("a"), word("b*")] },
      { ...reading, words: [word("a")] },
      { ...reading, words: [...reading.words, word("c")] },
      { ...reading, spellings: ["a", "b*"] },
      { ...reading, spellings: ["'a'"] },
    ]) {
      expect(agreed(reading, other)).toBe(undefined);
      expect(agreed(other, reading)).toBe(undefined);
    }
  });
});

describe("a word without a shell", () => {
  it("stands for what it would stand for in one", () => {
    expect([wordOf("a"), wordOf("~/a"), wordOf("a*"), wordOf("a~/"), wordOf("~a")].map(({ expands }) => expands)).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it("is printable ASCII of at most 4096 characters", () => {
    expect(objectionTo(" ~azAZ09'\"$\\")).toBe(undefined);
    expect(objectionTo("a".repeat(4_096))).toBe(undefined);
    expect(objectionTo("a".repeat(4_097))).toBe("it has a word of 4097 characters, and 4096 are the most");
    expect(objectionTo("a\n")).toBe("it has the character U+000A, and only printable ASCII is allowed");
    expect(objectionTo("\u007f")).toContain("U+007F");
    expect(objectionTo("\u001f")).toContain("U+001F");
  });
});

describe("what is shown of a command", () => {
  it("is one line of printable ASCII, cut at 200", () => {
    expect(shownLine("a\nb\u{1f680}\ud800")).toBe("a\\u{a}b\\u{1f680}\\u{d800}");
    expect(shownLine("a".repeat(200))).toBe("a".repeat(200));
    expect(shownLine("a".repeat(201))).toBe(`${"a".repeat(198)} …`);
  });

  it("has quotes around the words that are not plain", () => {
    expect(shownWords(["rm", "~/a*", "a b", "", "x;y", "\u0430"])).toBe('rm ~/a* "a b" "" "x;y" "\\u{430}"');
  });
});
