import { seenText } from "./clean.ts";

const SHORTEST = 6;
/** A cut-off secret is known again by this much of its beginning. */
const SHORTEST_HALF = 8;
const MOST_SECRETS = 1_000;

/** Values that are found under secret keys and in env blocks, and are words of every log: hidden there, and not everywhere. */
const WORDS: ReadonlySet<string> = new Set(
  `access account active admin allowlist always anonymous apikey api_key bearer bottoken changeme channel client cookie custom database debug default deny
  develop development disable disabled docker enable enabled example external gateway global inherit internal invalid latest localhost loopback managed manual memory message
  missing native network nobody openai openclaw optional password passwd plugin primary private prod production profile public remote required rescue running sandbox
  secret secrets server service session stable staging started stopped string system telegram testing timeout token tokens trusted undefined unknown update user username verbose version webhook`.split(
    /\s+/,
  ),
);

/** One placeholder: from where to where it stands in a text, and which it is. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly index: number;
}

/**
 * Knows the secrets of one context and puts the same placeholder wherever one of them stands: as it is, cut off at the end of a line, escaped for JSON, HTML or an address (also
 * several times over), in hex, in base64 or base64url whatever stands before it. Placeholders are `<secret-1>`, numbered in the order in which secrets were found.
 */
export class Hiding {
  readonly #numbers = new Map<string, number>();
  readonly #forms: Form[] = [];
  readonly #starts: { readonly text: string; readonly index: number }[] = [];

  /** The placeholder of a secret, which is new or known. What is empty stays; what is short or a common word has a placeholder and is not looked for elsewhere. */
  hide(secret: string): string {
    const value = seenText(secret).trim();
    if (value === "") return "";
    const known = this.#numbers.get(value);
    if (known !== undefined) return this.#mark(known);
    // Nobody has so many; without a bound a log could fill the memory and take the time.
    if (this.#numbers.size >= MOST_SECRETS) return this.#mark(0);
    const index = this.#numbers.size + 1;
    this.#numbers.set(value, index);
    if (value.length >= SHORTEST && !WORDS.has(value.toLowerCase())) this.#learn(value, index);
    return this.#mark(index);
  }

  /** The text with every secret that is known by now behind its placeholder. */
  cover(text: string): string {
    const look = lookAt(text);
    const spans = this.#forms
      .flatMap((form) => form.spans(look).map(([start, end]): Span => ({ start, end, index: form.index })))
      .concat(this.#cutOff(text))
      .toSorted((a, b) => a.start - b.start || b.end - a.end);
    let shown = "";
    let at = 0;
    for (const { start, end, index } of spans) {
      if (end <= at) continue;
      // What overlaps with the one before goes with it: of neither is anything left to see.
      if (start >= at) shown += text.slice(at, start) + this.#mark(index);
      at = end;
    }
    return shown + text.slice(at);
  }

  /** From placeholder to secret. For the tests, and for nobody else: it is never written, sent or logged. */
  get secrets(): ReadonlyMap<string, string> {
    return new Map([...this.#numbers].map(([value, index]) => [placeholder(index), value]));
  }

  #learn(value: string, index: number): void {
    this.#forms.push(...formsOf(value, index));
    if (value.length > SHORTEST_HALF) this.#starts.push({ text: value, index });
    // A key of several lines is logged line by line.
    const lines = value.split("\n").map((line) => line.trim());
    if (lines.length > 1) this.#forms.push(...lines.filter((line) => line.length >= 16).map((line) => spelled(line, index)));
  }

  /** The beginning of a secret where a line was cut. */
  #cutOff(text: string): Span[] {
    const spans: Span[] = [];
    let start = 0;
    for (const line of text.split("\n")) {
      const shown = line.replace(/\s*(?:…|\.{3})?["']?\s*$/, "");
      for (const { text: secret, index } of this.#starts) {
        const most = Math.min(secret.length - 1, shown.length);
        for (let length = most; length >= SHORTEST_HALF; length--) {
          if (!shown.endsWith(secret.slice(0, length))) continue;
          spans.push({ start: start + shown.length - length, end: start + shown.length, index });
          break;
        }
      }
      start += line.length + 1;
    }
    return spans;
  }

  /** Private-use letters, which no text has at this point: so a text cannot bring a placeholder of its own, and what neutralises marks leaves ours alone. */
  #mark(index: number): string {
    return `\uE000${index}\uE001`;
  }
}

const placeholder = (index: number) => (index === 0 ? "<secret>" : `<secret-${index}>`);

/** The last step: placeholders as they are read. */
export function withPlaceholders(text: string): string {
  return text.replaceAll(/\uE000(\d+)\uE001/g, (_, index: string) => placeholder(Number(index)));
}

/** A text in the spellings in which it is searched, all of one length. */
interface Look {
  readonly text: string;
  readonly lower: string;
  /** base64url as base64. */
  readonly code: string;
  /** Something in it is escaped. */
  readonly escaped: boolean;
}

interface Form {
  readonly index: number;
  /** Where it stands, from and to. */
  spans(look: Look): readonly (readonly [number, number])[];
}

function lookAt(text: string): Look {
  const lower = text.replaceAll(/[A-F]/g, (letter) => letter.toLowerCase());
  const code = text.replaceAll(/[-_]/g, (letter) => (letter === "-" ? "+" : "/"));
  return { text, lower, code, escaped: /[%\\&]/.test(text) };
}

function formsOf(value: string, index: number): Form[] {
  const bytes = Buffer.from(value, "utf8");
  const hex = bytes.toString("hex");
  const codes = [0, 1, 2].map((offset) => base64At(bytes, offset)).filter((code) => code.length >= SHORTEST_HALF);
  return [
    spelled(value, index),
    { index, spans: ({ lower }) => (hex.length < 12 ? [] : found(lower, hex)) },
    ...codes.map((code): Form => ({ index, spans: (look) => found(look.code, code) })),
  ];
}

function found(text: string, literal: string): [number, number][] {
  const spans: [number, number][] = [];
  for (let at = text.indexOf(literal); at !== -1; at = text.indexOf(literal, at + 1)) spans.push([at, at + literal.length]);
  return spans;
}

/** How the bytes look inside of a longer text in base64, at one of the three places they can have there; the letters that their neighbours change are left out. */
function base64At(bytes: Buffer, offset: number): string {
  const code = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString("base64")
    .replaceAll("=", "");
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + bytes.length) * 8) / 6);
  return code.slice(first, last);
}

/** A pattern of so many letters is quick; one of some thousands is more than a regular expression can hold. */
const LONGEST_SPELLED = 1_000;

/** In order, of about the same length each. */
function pieces(value: string): readonly string[] {
  const letters = [...value];
  const count = Math.ceil(letters.length / LONGEST_SPELLED);
  const each = Math.ceil(letters.length / count);
  return Array.from({ length: count }, (_, index) => letters.slice(index * each, (index + 1) * each).join(""));
}

/** The value as it is, and letter by letter, each in any of the ways in which JSON, JavaScript, HTML, a shell or an address write it. */
function spelled(value: string, index: number): Form {
  const [first, ...others] = pieces(value).map((piece) => [...piece].map(letterForms).join(""));
  const pattern = new RegExp(first ?? "", "gu");
  const rest = others.map((other) => new RegExp(other, "uy"));
  const spaced = /\s/.test(value);
  return {
    index,
    spans: ({ text, escaped }) => {
      if (!escaped && !spaced) return found(text, value);
      return [...text.matchAll(pattern)].map((match) => [match.index, endOf(text, match.index + match[0].length, rest)] as const);
    },
  };
}

/** Where these end that follow one upon the other from there on, as many as do. */
function endOf(text: string, from: number, rest: readonly RegExp[]): number {
  let at = from;
  for (const pattern of rest) {
    pattern.lastIndex = at;
    if (!pattern.test(text)) break;
    at = pattern.lastIndex;
  }
  return at;
}

const NAMED: Readonly<Record<string, readonly string[]>> = {
  "&": ["&amp;"],
  "<": ["&lt;"],
  ">": ["&gt;"],
  '"': ["&quot;"],
  "'": ["&apos;"],
  "\n": ["\\\\+n", "\\\\+r\\\\+n"],
  "\t": ["\\\\+t"],
  " ": ["\\+", "\\s+"],
};

function letterForms(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  const escaped = letter.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  const bytes = [...Buffer.from(letter, "utf8")].map((byte) => `%(?:25)*${anyCase(byte.toString(16).padStart(2, "0"))}`).join("");
  const units = Array.from(
    { length: letter.length },
    (_, index) => `\\\\+u${anyCase(letter.charCodeAt(index).toString(16).padStart(4, "0"))}`,
  ).join("");
  const forms = [`\\\\*${escaped}`, bytes, units, `&#0*${code};`, `&#[xX]0*${anyCase(code.toString(16))};`, ...(NAMED[letter] ?? [])];
  if (code < 256) forms.push(`\\\\+x${anyCase(code.toString(16).padStart(2, "0"))}`);
  return `(?:${forms.join("|")})`;
}

function anyCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}
