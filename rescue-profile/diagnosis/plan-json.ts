import { MOST_COMMANDS, objectionTo, type Proposed, shownWords, wordOf } from "./words.ts";

/** What an engine is asked for. Nothing of it is believed but the commands that an allowlist accepts; the rest is shown to a person. */
export interface Proposal {
  readonly diagnosis: string;
  /** 0 to 1, its own. */
  readonly confidence: number;
  readonly commands: readonly { readonly argv: readonly string[]; readonly why: string }[];
  /** What a person should do when the commands are not enough. */
  readonly human: string;
}

const MOST_CHARACTERS = 65_536;
const LONGEST_TEXT = 4_000;
const LONGEST_WHY = 500;
const MOST_WORDS = 32;
const KEYS = ["diagnosis", "confidence", "commands", "human"] as const;
const COMMAND_KEYS = ["argv", "why"] as const;

/** Given to engines. What they answer is read by {@link parseProposal}, which is stricter where a schema cannot say it. */
export const PROPOSAL_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: KEYS,
  properties: {
    diagnosis: { type: "string", maxLength: LONGEST_TEXT, description: "what is wrong, and which evidence says so" },
    confidence: { type: "number", minimum: 0, maximum: 1 },
    commands: {
      type: "array",
      maxItems: MOST_COMMANDS,
      description: "in the order in which they are to be taken; empty when no allowed command would help",
      items: {
        type: "object",
        additionalProperties: false,
        required: COMMAND_KEYS,
        properties: {
          argv: {
            type: "array",
            minItems: 1,
            maxItems: MOST_WORDS,
            items: { type: "string" },
            description: "one simple command, no shell",
          },
          why: { type: "string", maxLength: LONGEST_WHY },
        },
      },
    },
    human: { type: "string", maxLength: LONGEST_TEXT, description: "what a person should do if the commands are not enough" },
  },
} as const;

export type ParsedProposal = { readonly proposal: Proposal } | { readonly refusal: string };

/** Strict: unknown and repeated keys, missing ones, other types and anything beyond the limits refuse the whole. */
export function parseProposal(text: string): ParsedProposal {
  if (text.length > MOST_CHARACTERS) return refused(`it has ${text.length} characters, and ${MOST_CHARACTERS} are the most`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return refused("it is not JSON");
    throw error;
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) return refused(`it has the key ${JSON.stringify(twice)} twice in one object`);
  return readProposal(parsed);
}

function readProposal(parsed: unknown): ParsedProposal {
  const root = exactly(parsed, KEYS);
  if (typeof root === "string") return refused(`it ${root}`);
  const { diagnosis, confidence, commands, human } = root;
  if (!isText(diagnosis, LONGEST_TEXT)) return refused(`diagnosis is not a text of at most ${LONGEST_TEXT} characters`);
  if (!isText(human, LONGEST_TEXT)) return refused(`human is not a text of at most ${LONGEST_TEXT} characters`);
  if (typeof confidence !== "number" || confidence < 0 || confidence > 1) return refused("confidence is not a number from 0 to 1");
  if (!Array.isArray(commands) || commands.length > MOST_COMMANDS) return refused(`commands is not a list of at most ${MOST_COMMANDS}`);
  const read: { argv: readonly string[]; why: string }[] = [];
  for (const [index, each] of commands.entries()) {
    const command = exactly(each, COMMAND_KEYS);
    if (typeof command === "string") return refused(`command ${index + 1} ${command}`);
    const { argv, why } = command;
    if (!isText(why, LONGEST_WHY)) return refused(`why of command ${index + 1} is not a text of at most ${LONGEST_WHY} characters`);
    if (!isWords(argv)) return refused(`argv of command ${index + 1} is not a list of 1 to ${MOST_WORDS} words`);
    read.push({ argv, why });
  }
  return { proposal: { diagnosis, confidence, commands: read, human } };
}

/** For the judge. What a word may hold is the same as in a script; only quotes are not needed. */
export function commandsOf({ commands }: Proposal): readonly Proposed[] {
  return commands.map(({ argv }) => {
    const shown = shownWords(argv);
    const refusal = argv.map(objectionTo).find((objection) => objection !== undefined);
    return refusal === undefined ? { shown, words: argv.map(wordOf) } : { shown, refusal };
  });
}

function refused(refusal: string): { readonly refusal: string } {
  return { refusal };
}

/** An object with just these own keys, or what is wrong with it. */
function exactly<K extends string>(value: unknown, keys: readonly K[]): Readonly<Record<K, unknown>> | string {
  if (!isObject(value)) return "is no object";
  const known: ReadonlySet<string> = new Set(keys);
  const stranger = Object.keys(value).find((key) => !known.has(key));
  if (stranger !== undefined) return `has the unknown key ${JSON.stringify(stranger)}`;
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  return missing === undefined ? value : `lacks ${missing}`;
}

function isObject<K extends string>(value: unknown): value is Readonly<Record<K, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === "string" && value.length <= longest;
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length >= 1 && value.length <= MOST_WORDS && value.every((word) => typeof word === "string");
}

/** JSON.parse takes the last of two; another reader would take the first. The text is JSON already. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, string, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const key = String(JSON.parse(string ?? '""'));
      const keys = open.at(-1);
      if (keys?.has(key) === true) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

export type Answer =
  | { readonly kind: "proposal"; readonly proposal: Proposal }
  | { readonly kind: "script"; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string };

const SCRIPTS: ReadonlySet<string> = new Set(["sh", "bash", "shell"]);
const MOST_ANSWER = 262_144;

/**
 * The one proposal in a model's answer: the whole of it as JSON, or one block fenced as `json`, or one fenced as `sh`, `bash` or `shell`. With two it is not known which is
 * meant, and with a fence that is not closed not whether it is whole.
 */
export function extractPlan(answer: string): Answer {
  if (answer.length > MOST_ANSWER) return unusable(`it has ${answer.length} characters, and ${MOST_ANSWER} are the most`);
  if (answer.trimStart().startsWith("{")) return asAnswer(parseProposal(answer.trim()));
  const blocks = fenced(answer);
  if (blocks === undefined) return unusable("a fenced block is not closed");
  const candidates = blocks.filter(({ language }) => language === "json" || SCRIPTS.has(language));
  const [block, another] = candidates;
  if (block === undefined) return unusable("it has neither a plan in JSON nor a script");
  if (another !== undefined) return unusable(`it has ${candidates.length} plans, and it is not known which is meant`);
  return block.language === "json" ? asAnswer(parseProposal(block.text)) : { kind: "script", text: block.text };
}

function asAnswer(parsed: ParsedProposal): Answer {
  return "refusal" in parsed ? unusable(parsed.refusal) : { kind: "proposal", proposal: parsed.proposal };
}

function unusable(reason: string): Answer {
  return { kind: "refused", reason };
}

interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of Markdown, as CommonMark closes them. Undefined: the last one is open. */
function fenced(answer: string): readonly Block[] | undefined {
  const blocks: Block[] = [];
  let open: { readonly fence: string; readonly language: string; readonly lines: string[] } | undefined;
  for (const line of answer.split("\n")) {
    const [, fence = "", info = ""] = /^[ \t]*(`{3,}|~{3,})(.*)$/s.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== "") open = { fence, language: info.trim().toLowerCase(), lines: [] };
    } else if (fence.startsWith(open.fence) && info.trim() === "") {
      blocks.push({ language: open.language, text: open.lines.join("\n") });
      open = undefined;
    } else open.lines.push(line);
  }
  return open === undefined ? blocks : undefined;
}
