import { isDeepStrictEqual } from "node:util";
import { type ParsedScript, parse, type Statement, type WordPart } from "unbash";
import { MOST_COMMANDS, type Proposed, type Reading, shownLine, tokenize, type Word } from "./words.ts";

const MOST_CHARACTERS = 20_000;

/** Each command of it with its words or why not; or why nothing of the script can be taken. */
export type Script = { readonly commands: readonly Proposed[] } | { readonly refusal: string };

/**
 * Reads a script as a list of simple commands, one a line. Two readers must agree on each: bash's grammar, and our own tokenizer, which knows blanks and quotes only.
 * Where the lines themselves are in doubt (a statement over several lines, a mistake of grammar) the whole is refused: a line that the shell would take for text is no command.
 */
export function readScript(text: string): Script {
  if (text.length > MOST_CHARACTERS) return { refusal: `it has ${text.length} characters, and ${MOST_CHARACTERS} are the most` };
  const parsed = parseBounded(text);
  if (parsed === undefined) return { refusal: "it is nested too deeply to be read" };
  const { commands: statements, errors, shebang } = parsed;
  const [error] = errors ?? [];
  if (error !== undefined) return { refusal: `line ${lineAt(text, error.pos)} is no grammar of a shell: ${shownLine(error.message)}` };
  if (shebang !== undefined) return { refusal: "its first line names an interpreter, and nothing of it is given to one" };
  if (statements.length > MOST_COMMANDS) return tooMany(statements.length);
  const long = statements.find(({ pos, end }) => text.slice(pos, end).includes("\n"));
  if (long !== undefined) return { refusal: `the statement in line ${lineAt(text, long.pos)} goes over several lines` };

  const commands: Proposed[] = [];
  let start = 0;
  for (const line of text.split("\n")) {
    const end = start + line.length;
    const command = readLine(
      line,
      statements.filter(({ pos }) => pos >= start && pos < end),
    );
    if (command !== undefined) commands.push(command);
    start = end + 1;
  }
  if (commands.length === 0) return { refusal: "there is no command in it" };
  return commands.length > MOST_COMMANDS ? tooMany(commands.length) : { commands };
}

/** Undefined: the parser ran out of its stack, as 5,000 times `f() ` make it. */
function parseBounded(text: string): ParsedScript | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function tooMany(count: number): Script {
  return { refusal: `it has ${count} commands, and ${MOST_COMMANDS} are the most` };
}

/** Undefined: there is nothing in it. `statements`: what the grammar found in it. */
function readLine(line: string, statements: readonly Statement[]): Proposed | undefined {
  const shown = shownLine(line.replace(/^[ \t]+/, "").replace(/[ \t]+$/, ""));
  const read = tokenize(line);
  if ("refusal" in read) return { shown, refusal: read.refusal };
  const [statement, another] = statements;
  if (statement === undefined) return read.words.length === 0 ? undefined : { shown, refusal: "it is no command, but text of another one" };
  if (another !== undefined) return { shown, refusal: "it is more than one command" };
  const parsed = readByGrammar(statement);
  if ("refusal" in parsed) return { shown, refusal: parsed.refusal };
  const words = agreed(read, parsed);
  return words === undefined
    ? { shown, refusal: "it can be read in more than one way" }
    : { shown: shownLine(read.spellings.join(" ")), words };
}

/** The words that both have, when every word and every spelling is the same. */
export function agreed(one: Reading, other: Reading): readonly Word[] | undefined {
  return isDeepStrictEqual(one, other) ? one.words : undefined;
}

/** By bash's grammar alone: the words of a statement that is one simple command with nothing to expand but `~/` and `*`. It would do without the tokenizer. */
export function readByGrammar({ command, background }: Statement): Reading | { readonly refusal: string } {
  if (command.type !== "Command") return { refusal: `it uses the shell's own grammar (${command.type})` };
  if (background === true) return { refusal: "it uses the shell: a command in the background" };
  const { name, prefix, suffix } = command;
  if (name === undefined || prefix.length > 0) return { refusal: "it uses the shell: an assignment or a redirection" };
  const words: Word[] = [];
  const spellings: string[] = [];
  for (const each of [name, ...suffix]) {
    if (each.type !== "Word") return { refusal: `it uses the shell's own grammar (${each.type})` };
    const expansion = each.parts?.find((part) => !isLiteral(part));
    if (expansion !== undefined) return { refusal: `it uses the shell's own grammar (${expansion.type})` };
    spellings.push(each.text);
    words.push({ text: each.value, expands: each.text.startsWith("~") || each.parts?.some(({ type }) => type === "Glob") === true });
  }
  return { words, spellings };
}

/** It is what it will be. */
function isLiteral(part: WordPart): boolean {
  switch (part.type) {
    case "Literal":
    case "SingleQuoted":
      return true;
    case "Glob":
      return part.kind === "star";
    case "DoubleQuoted":
      return part.parts.every(({ type }) => type === "Literal");
    default:
      return false;
  }
}

function lineAt(text: string, pos: number): number {
  return text.slice(0, pos).split("\n").length;
}
