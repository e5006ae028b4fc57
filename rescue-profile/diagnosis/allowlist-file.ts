import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { Lexer, parseAllDocuments } from "yaml";
import { messageOf, RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { type Allowlist, type AllowlistPart, joinEntries, type Pack, parseAllowlist } from "./allowlist.ts";

const MOST_BYTES = 65_536;
const OWN_MODE = 0o600;
/** The lexer's own mark (`yaml`'s CST.SCALAR). */
const SCALAR = "\u001f";

/** The user's own list, in the watchdog's directory. */
export const USER_FILE = "allowlist.yaml";

/**
 * The entries in force: those of the package, then of the user's file where there is one, then of the packs that it approves. Throws `config-invalid` for what is wrong
 * with a file's content, `refused` for what is wrong with a file, `not-readable` when it cannot be read.
 */
export function loadAllowlist(shipped: string, watchdogDir: string): Allowlist {
  const own = parseAllowlist(parseYaml(read(shipped, () => undefined) ?? missing(shipped), shipped), shipped);
  if (own.packs.length > 0) throw new RescueError("config-invalid", `${shipped}: has packs, which only a user approves`);
  const user = readUsers(join(watchdogDir, USER_FILE));
  const packs = (user?.packs ?? []).map((pack) => readPack(pack, watchdogDir));
  return joinEntries([own.entries, user?.entries ?? [], ...packs.map(({ entries }) => entries)]);
}

function missing(file: string): never {
  throw new RescueError("internal", `${file} is missing from the package`, { fix: "install the package again" });
}

/** Undefined: there is none. Whoever can write it decides what may be proposed, so nobody else may. */
function readUsers(file: string): AllowlistPart | undefined {
  const bytes = read(file, (stat) => {
    const uid = process.getuid?.();
    if (uid !== undefined && stat.uid !== uid) return { why: `belongs to user ${stat.uid}`, fix: `look at it, and write one of your own` };
    const mode = stat.mode & 0o7777;
    if (process.platform === "win32" || mode === OWN_MODE) return undefined;
    return { why: `has the mode ${mode.toString(8)}, and only 600 is taken`, fix: `look at what it says, and then: chmod 600 ${file}` };
  });
  return bytes === undefined ? undefined : parseAllowlist(parseYaml(bytes, file), file);
}

/** Whose it is does not matter: it is its content that was approved. */
function readPack({ path, sha256 }: Pack, directory: string): AllowlistPart {
  const file = isAbsolute(path) ? path : join(directory, path);
  const bytes = read(file, () => undefined);
  const fix = `put it there, or remove it from ${join(directory, USER_FILE)}`;
  if (bytes === undefined) throw new RescueError("not-readable", `the pack ${file} does not exist`, { fix });
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== sha256) {
    throw new RescueError("refused", `the pack ${file} is not the one that was approved: its sha256 is ${found}`, {
      fix: `read what has changed; to approve it, write that sum into ${join(directory, USER_FILE)}`,
    });
  }
  const pack = parseAllowlist(parseYaml(bytes, file), file);
  if (pack.packs.length > 0)
    throw new RescueError("config-invalid", `${file}: has packs of its own`, { fix: "approve each in your own file" });
  return pack;
}

interface Objection {
  readonly why: string;
  readonly fix: string;
}

/** A plain file's bytes, looked at and read by one descriptor, so that it cannot be another one in between. Undefined: there is none. */
function read(file: string, object: (stat: { readonly uid: number; readonly mode: number }) => Objection | undefined): Buffer | undefined {
  let descriptor: number;
  try {
    // Without waiting for a writer, which a fifo would make us.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") throw refused(file, { why: "is a symbolic link", fix: "put the file itself there" });
    throw new RescueError("not-readable", `${file} cannot be read: ${messageOf(error)}`, {
      fix: "make it readable for this user",
      cause: error,
    });
  }
  try {
    const stat = fstatSync(descriptor);
    const objection = stat.isFile() ? object(stat) : { why: "is no plain file", fix: "put a plain file there" };
    if (objection !== undefined) throw refused(file, objection);
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (length > MOST_BYTES) throw refused(file, { why: `has more than ${MOST_BYTES} bytes`, fix: "shorten it" });
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

function refused(file: string, { why, fix }: Objection): RescueError {
  return new RescueError("refused", `${file} ${why}`, { fix });
}

/**
 * The one document as mappings, lists and texts: no value is anything but text, so that `no`, `010` and `1e3` stay what they are. Anchors, aliases, tags, directives and
 * keys that stand twice are refused. Throws `config-invalid` with file and line.
 */
export function parseYaml(bytes: Uint8Array, file: string): unknown {
  const invalid = (what: string, fix: string) => new RescueError("config-invalid", `${file}: ${what}`, { fix });
  const text = decode(bytes);
  if (text === undefined) throw invalid("is not UTF-8", "write it again as plain text");
  const problem = unwanted(text);
  if (problem !== undefined) throw invalid(problem, "write it out, in plain mappings and lists");
  const documents = parseAllDocuments(text, {
    schema: "failsafe",
    version: "1.2",
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
  });
  const [document, another] = Array.isArray(documents) ? documents : [];
  if (document === undefined) throw invalid("is empty", "write version: 1 and entries: []");
  if (another !== undefined) throw invalid("has more than one document", "remove all but one, and the ---");
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) throw invalid(mistake.message.split(":\n")[0] ?? "is no YAML", "correct it there");
  return document.toJS({ maxAliasCount: 0 });
}

const UNWANTED: Readonly<Record<string, string>> = { "&": "an anchor", "*": "an alias", "!": "a tag", "%": "a directive" };
/** More than a list of commands needs, and few enough for a reader that calls itself for each level. */
const DEEPEST = 8;

/** By its tokens, before anything is built of them. */
function unwanted(text: string): string | undefined {
  let line = 1;
  let before = "";
  let flow = 0;
  for (const token of new Lexer().lex(text)) {
    // What follows this mark is the text of a value.
    const what = before === SCALAR ? undefined : UNWANTED[token.charAt(0)];
    if (what !== undefined) return `line ${line} has ${what}`;
    if (before !== SCALAR && (token === "[" || token === "{")) flow += 1;
    if (before !== SCALAR && (token === "]" || token === "}")) flow -= 1;
    if (flow > DEEPEST) return `line ${line} is nested too deeply`;
    line += token.split("\n").length - 1;
    before = token;
  }
  const dashes = text.split("\n").findIndex((each) => /^\s*(?:[-?] +){8}/.test(each) || /^ {64}/.test(each));
  return dashes === -1 ? undefined : `line ${dashes + 1} is nested too deeply`;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
