/** What the first line of a program says about who reads it. */
export type Shebang =
  /** `words` stand between it and the program. A name without a slash is looked up on PATH. */
  | { readonly kind: "interpreter"; readonly name: string; readonly words: readonly string[] }
  /** The kernel starts it by itself. */
  | { readonly kind: "binary" }
  | { readonly kind: "none" }
  /** It asks for more than is understood here. */
  | { readonly kind: "strange"; readonly line: string };

/** ELF, and Mach-O in its four forms: thin in either byte order, fat. */
const BINARIES = ["7f454c46", "cffaedfe", "feedfacf", "cafebabe"] as const;

/** `head`: the first bytes of the program, some hundred. As the kernel reads it: one word, and the rest of the line as one more. Pure. */
export function parseShebang(head: Uint8Array): Shebang {
  const bytes = Buffer.from(head);
  if (BINARIES.some((magic) => bytes.toString("hex", 0, 4) === magic)) return { kind: "binary" };
  const line = /^#![ \t]*([^\n]*)/.exec(bytes.toString("utf8"))?.[1]?.replace(/[ \t]+$/, "");
  if (line === undefined || line === "") return { kind: "none" };
  const [, name = "", rest = ""] = /^([^ \t]+)[ \t]*(.*)$/.exec(line) ?? [];
  if (!/(^|\/)env$/.test(name)) return { kind: "interpreter", name, words: rest === "" ? [] : [rest] };
  const split = /^-S[ \t]*/.test(rest);
  const [program = "", ...words] = split ? rest.replace(/^-S[ \t]*/, "").split(/[ \t]+/) : [rest];
  // Its own quoting, variables and options are env's business.
  if (program === "" || /^-|[='"\\$#]/.test(program) || words.some((word) => /['"\\$#]/.test(word))) return { kind: "strange", line };
  return { kind: "interpreter", name: program, words };
}
