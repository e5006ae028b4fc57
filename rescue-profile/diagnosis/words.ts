import { cut } from "../../src/shared/cut.ts";

/** One word of a proposed command. */
export interface Word {
  readonly text: string;
  /** It begins with `~/` or holds a `*` that a shell would expand. Only an entry that declares just this text may have it. */
  readonly expands: boolean;
}

/** A line as one reader has it. */
export interface Reading {
  readonly words: readonly Word[];
  /** Of each word, just as it stands there. */
  readonly spellings: readonly string[];
}

/** A command of a proposal as far as its form allows; never run, only compared. */
export type Proposed =
  | { readonly shown: string; readonly words: readonly Word[] }
  /** Its form alone forbids it. */
  | { readonly shown: string; readonly refusal: string };

export const MOST_COMMANDS = 50;
export const LONGEST_WORD = 4_096;
const MOST_SHOWN = 200;

/** Bare words of a shell: what has no meaning for any shell, in any place of a word. */
const PLAIN = /^[A-Za-z0-9_./:=,@%+-]+$/;
/** The same with the two expansions that an entry may declare: `~/` in front, and `*`. */
const EXPANDING = /^(?:~\/)?[A-Za-z0-9_./:=,@%+*-]+$/;
/** Text in quotes: printable ASCII without what some shell reads within some quotes. */
const QUOTED = /^[ #%&()*+,./0-9:;<=>?@A-Z[\]^_a-z{|}~-]*$/;
const PRINTABLE = /^[ -~]*$/;
/** A comment may be in any language, without anything that is not seen or that changes what is seen. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;

/** What a shell reads as something else than a part of a word, by what it is for. */
const FEATURES: Readonly<Record<string, string>> = {
  "|": "a pipe",
  "&": "& or &&",
  ";": "; between commands",
  "<": "a redirection",
  ">": "a redirection",
  "(": "a subshell or a function",
  ")": "a subshell or a function",
  $: "a variable or a substitution",
  "`": "a substitution",
  "\\": "a backslash",
  "!": "! of the shell",
  "{": "braces",
  "}": "braces",
  "[": "a glob",
  "]": "a glob",
  "?": "a glob",
  "*": "a glob",
  "~": "~ of the shell",
  "^": "^ of the shell's history",
  "#": "# within a word",
};

/** A word as it is meant where there is no shell, in a structured plan: `~/` and `*` stand for what they would stand for in a shell. */
export function wordOf(text: string): Word {
  return { text, expands: text.startsWith("~/") || text.includes("*") };
}

/** What forbids the text as a word, wherever it comes from; undefined: nothing. */
export function objectionTo(text: string): string | undefined {
  if (text.length > LONGEST_WORD) return `it has a word of ${text.length} characters, and ${LONGEST_WORD} are the most`;
  return PRINTABLE.test(text) ? undefined : `it has ${nameOf(text)}, and only printable ASCII is allowed`;
}

/**
 * One line in the smallest grammar there can be: words of plain characters, or wholly in one pair of quotes, or `--option=` with its value in one pair of quotes,
 * separated by blanks and tabs; and a comment. Written without the parser, so that both must agree. No words: blank, or a comment alone.
 */
export function tokenize(line: string): Reading | { readonly refusal: string } {
  const words: Word[] = [];
  const spellings: string[] = [];
  let at = 0;
  while (at < line.length) {
    const character = line.charAt(at);
    if (character === " " || character === "\t") {
      at += 1;
      continue;
    }
    if (character === "#") {
      const comment = line.slice(at);
      if (UNSEEN.test(comment.replaceAll("\t", " "))) return { refusal: `its comment has ${nameOf(comment, UNSEEN)}, which is not seen` };
      break;
    }
    const spelling = spellingAt(line, at);
    if (spelling === undefined) return { refusal: "a quote is not closed on its line" };
    const word = readWord(spelling);
    if ("refusal" in word) return word;
    words.push(word);
    spellings.push(spelling);
    at += spelling.length;
  }
  return { words, spellings };
}

/** Up to the next blank outside of quotes; undefined: there is no end. */
function spellingAt(line: string, start: number): string | undefined {
  let quote = "";
  let end = start;
  for (; end < line.length; end += 1) {
    const character = line.charAt(end);
    if (quote === "" && (character === " " || character === "\t")) break;
    if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
  }
  return quote === "" ? line.slice(start, end) : undefined;
}

function readWord(spelling: string): Word | { readonly refusal: string } {
  if (PLAIN.test(spelling)) return checked({ text: spelling, expands: false });
  if (EXPANDING.test(spelling)) return checked({ text: spelling, expands: true });
  const [, option = "", single, double] = /^(--[a-z-]+=)?(?:'([^']*)'|"([^"]*)")$/.exec(spelling) ?? [];
  const quoted = single ?? double;
  if (quoted === undefined) return { refusal: whyNotPlain(spelling) };
  if (!QUOTED.test(quoted)) return { refusal: whyNotQuoted(quoted) };
  return checked({ text: option + quoted, expands: false });
}

function checked(word: Word): Word | { readonly refusal: string } {
  const refusal = objectionTo(word.text);
  return refusal === undefined ? word : { refusal };
}

function whyNotPlain(spelling: string): string {
  if (!PRINTABLE.test(spelling)) return `it has ${nameOf(spelling)}, and only printable ASCII is allowed`;
  const bare = spelling.replace(/'[^']*'|"[^"]*"/g, "");
  const feature = [...bare].find((character) => Object.hasOwn(FEATURES, character));
  if (feature !== undefined) return `it uses the shell: ${FEATURES[feature]}`;
  return "quotes within a word hide what it says: write it without, or the whole word in one pair";
}

function whyNotQuoted(text: string): string {
  return PRINTABLE.test(text)
    ? "within quotes it has $, `, !, \\ or another quote, which some shell reads"
    : `it has ${nameOf(text)}, and only printable ASCII is allowed`;
}

/** The first character that is not printable ASCII (or that `which` finds), so that a look-alike is seen. */
function nameOf(text: string, which: RegExp = /[^ -~]/u): string {
  return `the character U+${codeOf(which.exec(text)?.[0]).toUpperCase().padStart(4, "0")}`;
}

function codeOf(character: string | undefined): string {
  return character?.codePointAt(0)?.toString(16) ?? "";
}

/** One line for a person: what is not printable ASCII by its number, and cut. */
export function shownLine(text: string): string {
  return cut(
    text.replace(/[^ -~]/gu, (character) => `\\u{${codeOf(character)}}`),
    MOST_SHOWN,
  );
}

/** The words as a shell would have to be given them; for a person, not for a shell. */
export function shownWords(words: readonly string[]): string {
  return shownLine(words.map((word) => (EXPANDING.test(word) ? word : JSON.stringify(word))).join(" "));
}
