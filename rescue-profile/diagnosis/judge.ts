import type { Action, Judged, SlotFacts } from "./action.ts";
import { type Allowlist, type Entry, type PatternWord, SHAPE, type Slot } from "./allowlist.ts";
import { objectionTo, type Proposed, type Word, wordOf } from "./words.ts";

export interface JudgePolicy {
  /** `skip-line`: what is accepted may still be taken when another line is rejected. */
  readonly onRejected: "reject-plan" | "skip-line";
}

/** What is to be done, and whom it is about. */
export interface PlannedAction {
  readonly action: Action;
  readonly entry: string;
  readonly pid?: number;
  /** None, for quarantine-lock: all locks that are proven stale. */
  readonly lock?: string;
}

export interface JudgedPlan {
  /** All of `actions` may be taken. */
  readonly accepted: boolean;
  /** Why the plan as a whole may not; null when it may. */
  readonly refusal: string | null;
  readonly judged: readonly Judged[];
  /** Empty unless it is accepted. */
  readonly actions: readonly PlannedAction[];
}

export const MOST_ACTIONS = 10;

/**
 * Judges every command by itself and then the plan. A command is accepted when it is, word by word, what an entry says, with slots that hold just what is proven in `facts`.
 * The same action twice running is one: each step is idempotent, and SIGTERM followed by SIGKILL is what `end-owner` does anyway.
 */
export function judgePlan(commands: readonly Proposed[], allowlist: Allowlist, facts: SlotFacts, policy: JudgePolicy): JudgedPlan {
  const judged = commands.map((command) => judgeCommand(command, allowlist, facts));
  const actions = judged
    .flatMap(({ verdict }) => (verdict.accepted ? [actionOf(verdict)] : []))
    .filter((each, index, all) => !isSame(each, all[index - 1]));
  const refusal = objectionToPlan(judged, actions, policy);
  return { accepted: refusal === null, refusal, judged, actions: refusal === null ? actions : [] };
}

/** A plan whose form alone forbids it. */
export function refusedPlan(refusal: string): JudgedPlan {
  return { accepted: false, refusal, judged: [], actions: [] };
}

function objectionToPlan(judged: readonly Judged[], actions: readonly PlannedAction[], { onRejected }: JudgePolicy): string | null {
  const rejected = judged.filter(({ verdict }) => !verdict.accepted).length;
  if (judged.length === 0) return "there is no command in it";
  if (actions.length === 0) return "none of its commands is allowed";
  if (rejected > 0 && onRejected === "reject-plan") return `${rejected} of its ${judged.length} commands are not allowed`;
  if (actions.length > MOST_ACTIONS) return `it has ${actions.length} actions, and ${MOST_ACTIONS} are the most`;
  const stop = actions.findLastIndex(({ action }) => action === "stop-gateway");
  const starts = actions.slice(stop).some(({ action }) => action === "start-gateway" || action === "restart-gateway");
  return stop !== -1 && !starts ? "it stops the gateway and does not start it again" : null;
}

function actionOf({ action, entry, pid, lock }: Extract<Judged["verdict"], { accepted: true }>): PlannedAction {
  return { action, entry, ...(pid === undefined ? {} : { pid }), ...(lock === undefined ? {} : { lock }) };
}

function isSame(a: PlannedAction, b: PlannedAction | undefined): boolean {
  return a.action === b?.action && a.pid === b.pid && a.lock === b.lock;
}

function judgeCommand(command: Proposed, allowlist: Allowlist, facts: SlotFacts): Judged {
  const reject = (reason: string): Judged => ({ command: command.shown, verdict: { accepted: false, reason } });
  if ("refusal" in command) return reject(command.refusal);
  const { words } = command;
  const objection = words.map(({ text }) => objectionTo(text)).find((each) => each !== undefined);
  if (objection !== undefined) return reject(objection);

  let closest: string | undefined;
  for (const entry of allowlist) {
    const match = matchEntry(entry, words, facts);
    if (match.state === "matches")
      return { command: command.shown, verdict: { accepted: true, entry: entry.id, action: entry.does, ...match.proven } };
    if (match.state === "unproven") closest ??= match.why;
  }
  return reject(closest ?? whyUnknown(allowlist, words));
}

type Match =
  | { readonly state: "matches"; readonly proven: { readonly pid?: number; readonly lock?: string } }
  /** The words are the entry's, and what stands in a slot is not what is proven. */
  | { readonly state: "unproven"; readonly why: string }
  | { readonly state: "other" };

function matchEntry(entry: Entry, words: readonly Word[], facts: SlotFacts): Match {
  if (words.length !== entry.argv.length) return { state: "other" };
  const pairs = words.map((word, index) => ({ word, pattern: entry.argv[index] }));
  const fillings: { readonly slot: Slot; readonly value: string }[] = [];
  for (const { word, pattern } of pairs) {
    if (pattern === undefined || !fitsText(word, pattern)) return { state: "other" };
    if (pattern.kind === "slot") fillings.push({ slot: pattern.slot, value: valueIn(word, pattern.before, facts) });
  }
  const why = fillings.map(({ slot, value }) => unproven(slot, value, facts)).find((each) => each !== undefined) ?? ofAnother(entry, facts);
  if (why !== undefined) return { state: "unproven", why };
  const held = (slot: Slot) => fillings.find((filling) => filling.slot === slot)?.value;
  const [pid, lock] = [held("pid"), held("lock")];
  return { state: "matches", proven: { ...(pid === undefined ? {} : { pid: Number(pid) }), ...(lock === undefined ? {} : { lock }) } };
}

/** Without what stands in the slot. A word that a shell would expand is only what declares it. */
function fitsText({ text, expands }: Word, pattern: PatternWord): boolean {
  switch (pattern.kind) {
    case "literal":
      return !expands && text === pattern.text;
    case "declared":
      return expands && text === pattern.text;
    case "slot":
      return expands === (pattern.before === "~/") && !(expands && text.includes("*")) && text.startsWith(pattern.before);
  }
}

function valueIn({ text }: Word, before: string, { home }: SlotFacts): string {
  return before === "~/" ? `${home}/${text.slice(before.length)}` : text.slice(before.length);
}

/** Why a value is not what the slot stands for; undefined: it is. */
function unproven(slot: Slot, value: string, facts: SlotFacts): string | undefined {
  if (!SHAPE[slot].test(value)) return `${JSON.stringify(value)} cannot be a {${slot}}`;
  const { pid, staleLocks, unit, profile, port } = facts;
  switch (slot) {
    case "pid":
      if (pid === null) return `no process is proven to be the gateway's own and to hold its port, so not ${value} either`;
      return value === String(pid) && pid > 1 ? undefined : `${value} is not the process that is proven to be the gateway's own`;
    case "lock":
      if (!isNormal(value)) return `${JSON.stringify(value)} is not a path without . and .., // and an end in /`;
      return staleLocks.includes(value) ? undefined : `${value} is no lock that is proven stale`;
    case "unit":
      if (unit === null) return "the gateway has no service unit";
      return value === unit || `${value}.service` === unit ? undefined : `${value} is not the gateway's unit`;
    case "profile":
      return value === profile ? undefined : `${value} is not the profile that is watched`;
    case "port":
      return value === String(port) ? undefined : `${value} is not the gateway's port`;
  }
}

function isNormal(path: string): boolean {
  return path.split("/").every((part, index) => (index === 0) === (part === "") && part !== "." && part !== "..");
}

/** The host takes a command that names no profile for the default one's, and a pattern of locks lies below its folder; undefined: it is ours. */
function ofAnother({ does, argv }: Entry, { profile, staleLocks }: SlotFacts): string | undefined {
  const names = argv.some((word) => word.kind === "slot");
  const all = argv.some((word) => word.kind === "declared");
  if (all && staleLocks.length === 0) return "no lock is proven stale";
  if (does === "look-at-port" || names || profile === "default") return undefined;
  return `it means the default profile, and ${profile} is watched`;
}

function whyUnknown(allowlist: Allowlist, words: readonly Word[]): string {
  const [program] = words;
  const isKnown = allowlist.some(({ argv: [first] }) => first?.kind === "literal" && first.text === program?.text);
  if (program === undefined || program.expands || !isKnown) return "no entry allows this program";
  return `no entry allows ${program.text} with these words`;
}

/** The entries as they can be written now, for whoever is asked to propose: one line each, and only those whose slots are proven. */
export function offered(allowlist: Allowlist, facts: SlotFacts): readonly string[] {
  return allowlist.flatMap((entry) => spellings(entry, facts).map((words) => words.map(({ text }) => spell(text)).join(" ")));
}

/** Entries as commands again, with what is proven now in their slots; what cannot be written any more is a command that is rejected. */
export function rewritten(entries: readonly string[], allowlist: Allowlist, facts: SlotFacts): readonly Proposed[] {
  return entries.map((id) => {
    const entry = allowlist.find((each) => each.id === id);
    const [words] = entry === undefined ? [] : spellings(entry, facts);
    if (words === undefined) return { shown: id, refusal: "the allowlist does not have it any more, or what it needs is not proven now" };
    return { shown: words.map(({ text }) => spell(text)).join(" "), words };
  });
}

function spellings(entry: Entry, facts: SlotFacts): readonly (readonly Word[])[] {
  const locks = entry.argv.some((word) => word.kind === "slot" && word.slot === "lock") ? facts.staleLocks : [""];
  return locks
    .map((lock) => entry.argv.map((word) => wordOf(fill(word, lock, facts))))
    .filter((words) => matchEntry(entry, words, facts).state === "matches");
}

function fill(word: PatternWord, lock: string, { pid, unit, profile, port, home }: SlotFacts): string {
  if (word.kind !== "slot") return word.text;
  if (word.before === "~/") return lock.startsWith(`${home}/`) ? `~${lock.slice(home.length)}` : lock;
  const values: Readonly<Record<Slot, string>> = { pid: String(pid), lock, unit: unit ?? "", profile, port: String(port) };
  return word.before + values[word.slot];
}

function spell(text: string): string {
  return /^[A-Za-z0-9_./:=,@%+*~-]+$/.test(text) ? text : `'${text}'`;
}
