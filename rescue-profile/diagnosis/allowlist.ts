import { RescueError } from "../../src/shared/errors.ts";
import { ACTIONS, type Action } from "./action.ts";
import { NEVER } from "./allow-never.ts";

export const SLOTS = ["pid", "lock", "unit", "profile", "port"] as const;
export type Slot = (typeof SLOTS)[number];

/** One word of an entry: just this text, or what is proven at the moment of judging, behind a fixed text. */
export type PatternWord =
  | { readonly kind: "literal"; readonly text: string }
  /** `~/…*…`: a text that a shell would expand and that is never expanded here. */
  | { readonly kind: "declared"; readonly text: string }
  | { readonly kind: "slot"; readonly before: string; readonly slot: Slot };

export interface Entry {
  readonly id: string;
  readonly does: Action;
  readonly argv: readonly PatternWord[];
  readonly comment: string | null;
  /** The file that it stands in. */
  readonly from: string;
}

export interface Pack {
  readonly path: string;
  /** Of its bytes, as the user approved them; small hexadecimal digits. */
  readonly sha256: string;
}

/** One file's content, checked. Entries of several files become an allowlist by {@link joinEntries}. */
export interface AllowlistPart {
  readonly entries: readonly Entry[];
  readonly packs: readonly Pack[];
}

export type Allowlist = readonly Entry[];

const VERSION = "1";
const MOST_ENTRIES = 500;
const MOST_WORDS = 16;
const MOST_PACKS = 20;
const LONGEST_COMMENT = 500;

/** Which slots an action may ask for, and which of these it must. */
const SLOTS_OF: Readonly<Record<Action, { readonly may: readonly Slot[]; readonly must?: Slot }>> = {
  "start-gateway": { may: ["profile", "unit"] },
  "restart-gateway": { may: ["profile", "unit"] },
  "stop-gateway": { may: ["profile", "unit"] },
  "guarded-doctor": { may: ["profile"] },
  "quarantine-lock": { may: ["lock"], must: "lock" },
  "end-owner": { may: ["pid"], must: "pid" },
  "look-at-port": { may: ["port"] },
};

/** What may stand in a slot's word before it. A pid behind a dash would be a group, and a path behind anything another path. */
const BEFORE: Readonly<Record<Slot, RegExp>> = {
  pid: /^$/,
  lock: /^(?:~\/)?$/,
  unit: /^$/,
  profile: /^(?:--[a-z][a-z-]*=)?$/,
  port: /^(?:--[a-z][a-z-]*=|-[A-Za-z]+:|:)?$/,
};

/** What the value of a slot can look like at all; which one it must be is the judge's. */
export const SHAPE: Readonly<Record<Slot, RegExp>> = {
  pid: /^[1-9][0-9]{0,9}$/,
  lock: /^\/[^/]/,
  unit: /^[A-Za-z0-9][A-Za-z0-9_.@-]*$/,
  profile: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  port: /^[1-9][0-9]{0,4}$/,
};

const ID = /^[a-z][a-z0-9-]{0,63}$/;
const PROGRAM = /^[a-z][a-z0-9_-]*[0-9.]*$/;
const LITERAL = /^[A-Za-z0-9_./:=,@%+-]+$/;
/** Locks below the home, and nothing else: the one pattern of a shell that means something here. */
const DECLARED = /^~\/\.openclaw\/(?:(?:[A-Za-z0-9_-]+|\*)\/)*[A-Za-z0-9_-]*\*(?:\.[A-Za-z0-9_-]+)*\.lock$/;

/**
 * Checks what was read from `file`. Throws `config-invalid` with file, entry, what and what to do: whatever could match more than it says, that is never so here, is refused
 * instead of being read kindly.
 */
export function parseAllowlist(document: unknown, file: string): AllowlistPart {
  const root = object(document, ["version", "entries", "packs"], file);
  if (root["version"] !== VERSION) {
    throw invalid(
      file,
      `has the version ${JSON.stringify(root["version"] ?? null)}, and only ${VERSION} is known`,
      `write version: ${VERSION}`,
    );
  }
  const entries = list(root["entries"], MOST_ENTRIES, `${file}, entries`).map((each, index) => parseEntry(each, index, file));
  const packs = list(root["packs"] ?? [], MOST_PACKS, `${file}, packs`).map((each, index) => parsePack(each, `${file}, pack ${index + 1}`));
  return { entries, packs };
}

/** All files' entries as one list. Throws `config-invalid` where two have one id, or one command could mean two things. */
export function joinEntries(parts: readonly (readonly Entry[])[]): Allowlist {
  const all = parts.flat();
  for (const [index, entry] of all.entries()) {
    const where = `${entry.from}, entry ${entry.id}`;
    for (const other of all.slice(0, index)) {
      if (other.id === entry.id) {
        throw invalid(where, `has an id that ${other.from} has already`, "give it another one; what is there cannot be replaced");
      }
      if (other.does !== entry.does && overlap(other.argv, entry.argv)) {
        throw invalid(
          where,
          `can match the same command as ${other.id} in ${other.from}, and does ${entry.does} instead of ${other.does}`,
          "remove one of both",
        );
      }
    }
  }
  return all;
}

function parseEntry(value: unknown, index: number, file: string): Entry {
  const place = `${file}, entry ${index + 1}`;
  const { id, does, argv, comment } = object(value, ["id", "does", "argv", "comment"], place);
  if (typeof id !== "string" || !ID.test(id)) {
    throw invalid(place, "has no id", "give it one of small letters, digits and -, at most 64, beginning with a letter");
  }
  const where = `${file}, entry ${id}`;
  const action = ACTIONS.find((each) => each === does);
  if (action === undefined)
    throw invalid(where, `does ${JSON.stringify(does ?? null)}, which there is not`, `choose from ${ACTIONS.join(", ")}`);
  if (comment !== undefined && (typeof comment !== "string" || comment.length > LONGEST_COMMENT)) {
    throw invalid(where, `has a comment that is no text of at most ${LONGEST_COMMENT} characters`, "shorten it");
  }
  const words = list(argv, MOST_WORDS, `${where}, argv`).map((word) => parseWord(word, where));
  checkProgram(words[0], where);
  checkSlots(action, words, where);
  return { id, does: action, argv: words, comment: comment ?? null, from: file };
}

function parseWord(value: unknown, where: string): PatternWord {
  if (typeof value !== "string") throw invalid(where, "has a word that is no text", 'write every word in quotes, as "{pid}"');
  const [, before = "", name] = /^(.*)\{(\w+)\}$/.exec(value) ?? [];
  if (name !== undefined) {
    const slot = SLOTS.find((each) => each === name);
    if (slot === undefined) throw invalid(where, `has the unknown slot ${JSON.stringify(value)}`, `use one of {${SLOTS.join("}, {")}}`);
    if (!BEFORE[slot].test(before)) throw invalid(where, `has ${JSON.stringify(value)}, where {${slot}} may not stand`, PLACES[slot]);
    return { kind: "slot", before, slot };
  }
  if (DECLARED.test(value)) return { kind: "declared", text: value };
  if (!LITERAL.test(value)) {
    const fix = "use letters, digits and _ . / : = , @ % + - only; for another spelling write another entry";
    throw invalid(where, `has the word ${JSON.stringify(value)}, which is no plain text`, fix);
  }
  return { kind: "literal", text: value };
}

const PLACES: Readonly<Record<Slot, string>> = {
  pid: "let it be a word of its own",
  lock: 'let it be a word of its own, or "~/{lock}" for one that is written with ~',
  unit: "let it be a word of its own",
  profile: 'let it be a word of its own, or "--name={profile}"',
  port: 'let it be a word of its own, or "--name={port}", ":{port}" or "-i:{port}"',
};

function checkProgram(word: PatternWord | undefined, where: string): void {
  if (word === undefined) throw invalid(where, "has no words", "write the command's words as argv");
  if (word.kind !== "literal" || !PROGRAM.test(word.text)) {
    throw invalid(where, "does not begin with a program's name", "begin with a bare name of small letters, without a path");
  }
  const name = word.text.replace(/[0-9.]+$/, "");
  if (NEVER.has(word.text) || NEVER.has(name)) {
    throw invalid(where, `begins with ${word.text}, which can do anything`, "name the program that does just this");
  }
}

function checkSlots(action: Action, words: readonly PatternWord[], where: string): void {
  const { may, must } = SLOTS_OF[action];
  const used = words.flatMap((word) => (word.kind === "slot" ? [word.slot] : []));
  const stranger = used.find((slot) => !may.includes(slot));
  if (stranger !== undefined) {
    throw invalid(where, `has {${stranger}}, which says nothing for ${action}`, `use only {${may.join("}, {")}} there`);
  }
  const twice = used.find((slot, index) => used.indexOf(slot) !== index);
  if (twice !== undefined) throw invalid(where, `has {${twice}} twice`, "let one word say it");
  const declared = words.filter(({ kind }) => kind === "declared").length;
  if (declared > 0 && (action !== "quarantine-lock" || declared + used.length > 1)) {
    throw invalid(where, "has a pattern of files", "only quarantine-lock may have one, and then no {lock}");
  }
  if (must !== undefined && !used.includes(must) && declared === 0) {
    throw invalid(where, `does ${action} without {${must}}`, `a word must be {${must}}, so that what it means is proven`);
  }
}

function parsePack(value: unknown, where: string): Pack {
  const { path, sha256 } = object(value, ["path", "sha256"], where);
  if (typeof path !== "string" || path === "")
    throw invalid(where, "has no path", "write the pack's file, absolute or from this file's folder");
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw invalid(where, "has no sha256 of 64 small hexadecimal digits", `read the pack, and then: sha256sum ${JSON.stringify(path)}`);
  }
  return { path, sha256 };
}

/** Could there be one command that both match? Rather once too often. */
function overlap(a: readonly PatternWord[], b: readonly PatternWord[]): boolean {
  return (
    a.length === b.length &&
    a.every((word, index) => {
      const other = b[index];
      return other !== undefined && canMeet(word, other);
    })
  );
}

function canMeet(a: PatternWord, b: PatternWord): boolean {
  if (a.kind === "slot" && b.kind === "slot") return a.before === b.before || a.before === "" || b.before === "";
  if (a.kind === "slot" && b.kind !== "slot") return fits(b.text, a);
  if (a.kind !== "slot" && b.kind === "slot") return fits(a.text, b);
  return textOf(a) === textOf(b);
}

function fits(text: string, { before, slot }: Extract<PatternWord, { kind: "slot" }>): boolean {
  if (!text.startsWith(before)) return false;
  const value = text.slice(before.length);
  return SHAPE[slot].test(before === "~/" ? `/${value}` : value);
}

/** As it stands in the file. */
export function textOf(word: PatternWord): string {
  return word.kind === "slot" ? `${word.before}{${word.slot}}` : word.text;
}

function object(value: unknown, keys: readonly string[], where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(where, "is no mapping", `write ${keys.join(", ")}, each with its value`);
  }
  const stranger = Object.keys(value).find((key) => !keys.includes(key));
  if (stranger !== undefined) throw invalid(where, `has the unknown key ${JSON.stringify(stranger)}`, `use only ${keys.join(", ")}`);
  return { ...value };
}

function list(value: unknown, most: number, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(where, "is no list", "write a list, [] for none");
  if (value.length > most) throw invalid(where, `has ${value.length} members, and ${most} are the most`, "shorten it");
  return value;
}

function invalid(where: string, what: string, fix: string): RescueError {
  return new RescueError("config-invalid", `${where}: ${what}`, { fix });
}
