import type { RescueError } from "../shared/errors.ts";

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);
const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;" };
/** Of a definition that we read; the managers' own are a few kilobytes. */
export const LONGEST_XML = 262_144;
export const DEEPEST_XML = 20;

/** XML 1.0, production `Char`: no NUL, hardly a control character, no half of a surrogate pair. */
export function isXmlText(text: string): boolean {
  return /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u.test(text);
}

export function escapeXml(text: string): string {
  // A bare CR would come back as LF.
  return text.replaceAll(/[&<>"'\r]/g, (character) => ESCAPES[character] ?? character);
}

/**
 * What the strict readers of property lists and of tasks have in common: a place in a text, the five entities and no others, comments, and
 * a failure that says in which line.
 */
export abstract class XmlCursor {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
    if (!isXmlText(this.text)) throw this.problem("a character that XML does not allow");
  }

  protected abstract failure(where: string): RescueError;

  protected problem(what: string): RescueError {
    const line = this.text.slice(0, this.at).split("\n").length;
    return this.failure(`line ${line}: ${what}`);
  }

  protected get ended(): boolean {
    return this.at === this.text.length;
  }

  /** Takes the shape if it stands here; it has to be sticky. */
  protected take(shape: RegExp): RegExpExecArray | undefined {
    shape.lastIndex = this.at;
    const found = shape.exec(this.text);
    if (found === null) return undefined;
    this.at = shape.lastIndex;
    return found;
  }

  /** White space and comments. */
  protected blank(): void {
    while (this.take(/\s+/y) !== undefined || this.comment());
  }

  protected comment(): boolean {
    return this.take(/<!--(?:(?!--)[\s\S])*-->/y) !== undefined;
  }

  protected decoded(raw: string): string {
    return raw.replaceAll(/&([^;&]*);?/g, (whole, entity: string) => {
      const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(entity) ?? [];
      const code = hex === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hex, 16);
      const character = Number.isNaN(code) ? ENTITIES.get(entity) : code <= 0x10_ff_ff ? String.fromCodePoint(code) : undefined;
      if (character === undefined || !whole.endsWith(";") || !isXmlText(character))
        throw this.problem(`the entity ${JSON.stringify(whole)}`);
      return character;
    });
  }
}
