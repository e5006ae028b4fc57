import { RescueError } from "../../shared/errors.ts";
import { DEEPEST_XML, LONGEST_XML, XmlCursor } from "../xml-cursor.ts";

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Its own text; that of its children is theirs. */
  readonly text: string;
}

const NAME = "[A-Za-z_][A-Za-z0-9_.-]*";

/**
 * As much XML as a scheduled task is: elements, attributes, text, comments, the five entities. What is not needed for that (a DTD, CDATA,
 * processing instructions, prefixes) is refused, so that nothing is expanded and nothing overlooked. Pure.
 * @throws RescueError `service-control` that says where
 */
export function parseXml(text: string): XmlElement {
  if (text.length > LONGEST_XML) throw new RescueError("service-control", "the task's XML is too long");
  return new XmlReader(text).document();
}

class XmlReader extends XmlCursor {
  protected override failure(where: string): RescueError {
    return new RescueError("service-control", `the task's XML is not understood in ${where}`);
  }

  document(): XmlElement {
    this.take(/<\?xml\s[^?>]*\?>/y);
    this.blank();
    const root = this.element(0);
    this.blank();
    if (!this.ended) throw this.problem("something after the root");
    return root;
  }

  private element(depth: number): XmlElement {
    if (depth > DEEPEST_XML) throw this.problem("too deep");
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
}
