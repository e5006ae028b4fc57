import { RescueError } from "../../shared/errors.ts";

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Its own text; that of its children is theirs. */
  readonly text: string;
}

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
const NAME = "[A-Za-z_][A-Za-z0-9_.-]*";

/** XML 1.0, production `Char`: no NUL, hardly a control character, no half of a surrogate pair. */
export function isXmlText(text: string): boolean {
  return /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u.test(text);
}

export function escapeXml(text: string): string {
  // A bare CR would come back as LF.
  return text.replaceAll(/[&<>"'\r]/g, (character) => ESCAPES[character] ?? character);
}

/**
 * As much XML as a scheduled task is: elements, attributes, text, comments, the five entities. What is not needed for that (a DTD, CDATA,
 * processing instructions, prefixes) is refused, so that nothing is expanded and nothing overlooked. Pure.
 * @throws RescueError `service-control` that says where
 */
export function parseXml(text: string): XmlElement {
  if (text.length > LONGEST) throw new RescueError("service-control", "the task's XML is too long");
  return new XmlReader(text).document();
}

class XmlReader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
    if (!isXmlText(this.text)) throw this.problem("a character that XML does not allow");
  }

  document(): XmlElement {
    this.take(/<\?xml\s[^?>]*\?>/y);
    this.blank();
    const root = this.element(0);
    this.blank();
    if (this.at !== this.text.length) throw this.problem("something after the root");
    return root;
  }

  private element(depth: number): XmlElement {
    if (depth > DEEPEST) throw this.problem("too deep");
    const name = this.take(new RegExp(`<(${NAME})`, "y"))?.[1];
    if (name === undefined) throw this.problem("no element");
    const attributes = this.attributes();
    const empty = this.take(/\s*(\/)?>/y);
    if (empty === undefined) throw this.problem(`<${name}> does not end`);
    const children: XmlElement[] = [];
    let text = "";
    if (empty[1] === undefined) {
      while (this.take(new RegExp(`</${name}\\s*>`, "y")) === undefined) {
        if (this.comment()) continue;
        const raw = this.take(/[^<]+/y)?.[0];
        if (raw === undefined) children.push(this.element(depth + 1));
        else text += this.decoded(raw);
      }
    }
    return { name, attributes, children, text };
  }

  private attributes(): ReadonlyMap<string, string> {
    const attributes = new Map<string, string>();
    for (;;) {
      const [, name, value] = this.take(new RegExp(`\\s+(${NAME})\\s*=\\s*("[^"<]*"|'[^'<]*')`, "y")) ?? [];
      if (name === undefined || value === undefined) return attributes;
      if (attributes.has(name)) throw this.problem(`the attribute ${name} twice`);
      attributes.set(name, this.decoded(value.slice(1, -1)));
    }
  }

  private decoded(raw: string): string {
    return raw.replaceAll(/&([^;&]*);?/g, (whole, entity: string) => {
      const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(entity) ?? [];
      const code = hex === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hex, 16);
      const character = Number.isNaN(code) ? ENTITIES.get(entity) : code <= 0x10_ff_ff ? String.fromCodePoint(code) : undefined;
      if (character === undefined || !whole.endsWith(";") || !isXmlText(character))
        throw this.problem(`the entity ${JSON.stringify(whole)}`);
      return character;
    });
  }

  private blank(): void {
    while (this.take(/\s+/y) !== undefined || this.comment());
  }

  private comment(): boolean {
    return this.take(/<!--(?:(?!--)[\s\S])*-->/y) !== undefined;
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
    return new RescueError("service-control", `the task's XML is not understood in line ${line}: ${what}`);
  }
}
