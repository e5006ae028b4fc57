import { RescueError } from "../../shared/errors.ts";
import { DEEPEST_XML, escapeXml, isXmlText, LONGEST_XML, XmlCursor } from "../xml-cursor.ts";

/** What a property list of a job holds; dates and data occur in none that we or the host write. Dictionaries keep their order. */
export type PlistValue = string | number | boolean | readonly PlistValue[] | PlistDict;
export type PlistDict = ReadonlyMap<string, PlistValue>;

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
`;

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
  return escapeXml(text);
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
  if (text.length > LONGEST_XML) throw new RescueError("not-readable", "the property list is too long");
  const reader = new PlistReader(text);
  return reader.document();
}

class PlistReader extends XmlCursor {
  protected override failure(where: string): RescueError {
    return new RescueError("not-readable", `the property list is not understood in ${where}`);
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
    if (!this.ended) throw this.problem("something after </plist>");
    if (!isDict(root)) throw this.problem("no <dict> at the root");
    return root;
  }

  private value(depth: number): PlistValue {
    if (depth > DEEPEST_XML) throw this.problem("too deep");
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
    const text = this.decoded(raw);
    this.close(name);
    return text;
  }

  private close(name: string): void {
    if (this.take(new RegExp(`</${name}\\s*>`, "y")) === undefined) throw this.problem(`no </${name}>`);
  }
}
