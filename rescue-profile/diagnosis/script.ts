import { type Word as ParsedWord, parse, type Statement, type WordPart } from "unbash";
import { MOST_COMMANDS, type Proposed, shownLine, tokenize, type Word } from "./words.ts";

const MOST_CHARACTERS = 20_000;

/** Each command of it with its words or why not; or why nothing of the script can be taken. */
export type Script = { readonly commands: readonly Proposed[] } | { readonly refusal: string };

/**
 * Reads a script as a list of simple commands, one a line. Two readers must agree on each: bash's grammar, and our own tokenizer, which knows blanks and quotes only.
 * Where the lines themselves are in doubt (a statement over several lines, a mistake of grammar) the whole is refused: a line that the shell would take for text is no command.
 */
export function readScript(text: string): Script {
  if (text.length > MOST_CHARACTERS) return { refusal: `it has ${text.length} characters, and ${MOST_CHARACTERS} are the most` };
  const { commands: statements, errors, shebang } = parse(text);
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
    const here = statements.filter(({ pos }) => pos >= start && pos <= end);
    const command = readLine(line, start, here);
    if (command !== undefined) commands.push(command);
    start = end + 1;
  }
  if (commands.length === 0) return { refusal: "there is no command in it" };
  return commands.length > MOST_COMMANDS ? tooMany(commands.length) : { commands };
}

function tooMany(count: number): Script {
  return { refusal: `it has ${count} commands, and ${MOST_COMMANDS} are the most` };
}

/** Undefined: there is nothing in it. `start`: where the line begins in the script. `statements`: what the grammar found in it. */
function readLine(line: string, start: number, statements: readonly Statement[]): Proposed | undefined {
  const shown = shownLine(line.replaceAll(/^[ \t]+|[ \t]+$/g, ""));
  const read = tokenize(line);
  if ("refusal" in read) return { shown, refusal: read.refusal };
  const [statement, another] = statements;
  if (read.words.length === 0 && statement === undefined) return undefined;
  if (statement === undefined || another !== undefined) return { shown, refusal: "it is not one command" };
  const { command, background } = statement;
  if (command.type !== "Command" || background === true) return { shown, refusal: `it uses the shell's own grammar (${command.type})` };
  const { name, prefix, suffix } = command;
  if (prefix.length > 0 || name === undefined) return { shown, refusal: "it uses the shell: an assignment or a redirection" };
  const parsed = [name, ...suffix].map((each) => (each.type === "Word" ? literal(each) : undefined));
  const agree =
    parsed.length === read.words.length &&
    read.words.every(({ text, expands }, index) => parsed[index]?.text === text && parsed[index]?.expands === expands) &&
    [name, ...suffix].every(({ pos, end }, index) => line.slice(pos - start, end - start) === read.spellings[index]);
  return agree ? { shown, words: read.words } : { shown, refusal: "it can be read in more than one way" };
}

/** Undefined: it is not what it will be, by the grammar. */
function literal({ text, value, parts }: ParsedWord): Word | undefined {
  if (parts?.every(isLiteral) === false) return undefined;
  return { text: value, expands: text.startsWith("~") || parts?.some(({ type }) => type === "Glob") === true };
}

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
