import { RescueError } from "../../shared/errors.ts";

/** What a property list of a job holds; dates and data occur in none that we or the host write. Dictionaries keep their order. */
export type PlistValue = string | number | boolean | readonly PlistValue[] | PlistDict;
export type PlistDict = ReadonlyMap<string, PlistValue>;

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
`;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);
const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;" };
const DEEPEST = 20;
const LONGEST = 262_144;

/** A property list in Apple's XML form. Pure. Throws `refused` for what XML 1.0 cannot carry: most control characters, half characters. */
export function renderPlist(root: PlistDict): string {
  return `${HEAD}<plist version="1.0">\n${render(root, "")}</plist>\n`;
}

function render(value: PlistValue, indent: string): string {
  if (typeof value === "string") return `${indent}<string>${escapeText(value)}</string>\n`;
  if (typeof value === "boolean") return `${indent}<${value}/>\n`;
  if (typeof value === "number") return `${indent}<integer>${integerText(value)}</integer>\n`;
  const inner = `${indent}  `;
  if (isDict(value)) {
    const entries = [...value].map(([key, entry]) => `${inner}<key>${escapeText(key)}</key>\n${render(entry, inner)}`);
    return `${indent}<dict>\n${entries.join("")}${indent}</dict>\n`;
  }
  return `${indent}<array>\n${value.map((entry) => render(entry, inner)).join("")}${indent}</array>\n`;
}

export function isDict(value: PlistValue | undefined): value is PlistDict {
  return value instanceof Map;
}

function escapeText(text: string): string {
  if (!isXmlText(text)) throw new RescueError("refused", `${JSON.stringify(text)} holds a character that a property list cannot carry`);
  // A bare CR would come back as LF.
  return text.replaceAll(/[&<>"'\r]/g, (character) => ESCAPES[character] ?? character);
}

/** XML 1.0, production `Char`. */
function isXmlText(text: string): boolean {
  return /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u.test(text);
}

function integerText(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RescueError("refused", `${value} is no integer that a property list can carry`);
  return String(value);
}

/**
 * A property list in XML, strictly: what is no plist by PropertyList-1.0.dtd, or uses what no job file needs (entities of its own,
 * CDATA, dates, data), is refused. Pure.
 * @throws RescueError `not-readable` that says where
 */
export function parsePlist(text: string): PlistDict {
  if (text.startsWith("bplist")) {
    throw new RescueError("not-readable", "the property list is in Apple's binary form", { fix: "plutil -convert xml1 FILE" });
  }
  if (text.length > LONGEST) throw new RescueError("not-readable", "the property list is too long");
  const reader = new PlistReader(text);
  return reader.document();
}

class PlistReader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
    if (!isXmlText(this.text)) throw this.problem("a character that XML does not allow");
  }

  document(): PlistDict {
    this.take(/<\?xml\s[^?>]*\?>/y);
    this.blank();
    // Without a bracket there is no subset of its own, so no entity can be declared.
    this.take(/<!DOCTYPE\s+plist\s+(?:PUBLIC\s+"[^"<>[]*"|SYSTEM)\s+"[^"<>[]*"\s*>/y);
    this.blank();
    if (this.take(/<plist(?:\s+version="1\.0")?\s*>/y) === undefined) throw this.problem("no <plist>");
    this.blank();
    const root = this.value(0);
    this.blank();
    this.close("plist");
    this.blank();
    if (this.at !== this.text.length) throw this.problem("something after </plist>");
    if (!isDict(root)) throw this.problem("no <dict> at the root");
    return root;
  }

  private value(depth: number): PlistValue {
    if (depth > DEEPEST) throw this.problem("too deep");
    const [, name = "", empty] = this.take(/<([a-z]+)\s*(\/)?>/y) ?? [];
    switch (name) {
      case "true":
      case "false":
        if (empty === undefined) this.close(name);
        return name === "true";
      case "string":
        return empty === undefined ? this.content(name) : "";
      case "integer":
        return this.number(name, /^\s*[+-]?\d+\s*$/);
      case "real":
        return this.number(name, /^\s*[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*$/);
      case "array":
        return empty === undefined ? this.array(depth) : [];
      case "dict":
        return empty === undefined ? this.dict(depth) : new Map();
      default:
        throw this.problem("no value that a job file holds");
    }
  }

  private array(depth: number): PlistValue[] {
    const entries: PlistValue[] = [];
    for (this.blank(); this.take(/<\/array\s*>/y) === undefined; this.blank()) entries.push(this.value(depth + 1));
    return entries;
  }

  private dict(depth: number): PlistDict {
    const entries = new Map<string, PlistValue>();
    for (this.blank(); this.take(/<\/dict\s*>/y) === undefined; this.blank()) {
      if (this.take(/<key\s*>/y) === undefined) throw this.problem("no <key>");
      const key = this.content("key");
      // Readers differ in which of two they take.
      if (entries.has(key)) throw this.problem(`the key ${JSON.stringify(key)} twice`);
      this.blank();
      entries.set(key, this.value(depth + 1));
    }
    return entries;
  }

  private number(name: string, shape: RegExp): number {
    const text = this.content(name);
    const value = Number(text);
    if (!shape.test(text) || (name === "integer" && !Number.isSafeInteger(value))) throw this.problem(`no ${name}`);
    return value;
  }

  private content(name: string): string {
    const [raw = ""] = this.take(/[^<]*/y) ?? [];
    const text = raw.replaceAll(/&([^;&]*);?/g, (whole, entity: string) => this.character(whole, entity));
    this.close(name);
    return text;
  }

  private character(whole: string, entity: string): string {
    const numeric = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(entity);
    const code = numeric?.[1] !== undefined ? Number.parseInt(numeric[1], 16) : Number(numeric?.[2] ?? Number.NaN);
    const named = numeric === null ? ENTITIES.get(entity) : code <= 0x10_ff_ff ? String.fromCodePoint(code) : undefined;
    if (named === undefined || !whole.endsWith(";") || !isXmlText(named)) throw this.problem(`the entity ${JSON.stringify(whole)}`);
    return named;
  }

  private close(name: string): void {
    if (this.take(new RegExp(`</${name}\\s*>`, "y")) === undefined) throw this.problem(`no </${name}>`);
  }

  /** White space and comments. */
  private blank(): void {
    while (this.take(/\s+|<!--(?:(?!--)[\s\S])*-->/y) !== undefined);
  }

  private take(shape: RegExp): RegExpExecArray | undefined {
    shape.lastIndex = this.at;
    const found = shape.exec(this.text);
    if (found === null) return undefined;
    this.at = shape.lastIndex;
    return found;
  }

  private problem(what: string): RescueError {
    const line = this.text.slice(0, this.at).split("\n").length;
    return new RescueError("not-readable", `the property list is not understood in line ${line}: ${what}`);
  }
}
