import type { Classification } from "../../core/findings.ts";
import type { Reading } from "../../core/model.ts";
import { asData, seenText } from "./clean.ts";
import { hideInConfig } from "./config-secrets.ts";
import { Hiding, withPlaceholders } from "./hiding.ts";
import { namesHidden } from "./names.ts";
import { maskedOut, secretPieces, shapedSecrets } from "./secret-shapes.ts";

/** What a diagnosis gets to see, as it was looked up; nothing needs to be masked or short before. */
export interface ContextParts {
  /** When it was gathered, wall time. */
  readonly wallMs: number;
  /** By name: the host, this plugin, Node.js, the operating system. */
  readonly versions: Readonly<Record<string, string>>;
  /** What the rules say is wrong; null: no deep look could be taken. */
  readonly classification: Classification | null;
  /** Every repair of this incident so far, oldest first. */
  readonly attempts: readonly Attempt[];
  /** Oldest first; of more than 100 the last 100 count. */
  readonly gatewayLog: Reading<readonly string[]>;
  readonly managerLog: Reading<readonly string[]>;
  /** One process a line: pid, parent, state, age, arguments. */
  readonly processes: Reading<readonly string[]>;
  /** One listening port a line, with its owner. */
  readonly listeners: Reading<readonly string[]>;
  /** One file system a line. */
  readonly disk: Reading<readonly string[]>;
  readonly memory: Reading<readonly string[]>;
  /** The gateway's configuration, `$include`s resolved, with its secrets. */
  readonly config: Reading<unknown>;
}

export interface Attempt {
  readonly tier: number;
  readonly cause: string;
  readonly startedWallMs: number;
  readonly outcome: string | null;
  readonly note: string | null;
  readonly steps: readonly { readonly name: string; readonly outcome: string | null; readonly detail: string | null }[];
}

export interface ContextOptions {
  /** 32 hex digits nobody can guess, new for each context. */
  readonly boundary: string;
  /** The account's home directory and name. */
  readonly home: string;
  readonly user: string;
  /** Secrets that are known from elsewhere (the service's environment, .env files, our own settings), each as it is. */
  readonly secrets?: readonly string[];
  /** observe's maskSecrets: what it knows is hidden besides. */
  readonly mask?: (text: string) => string;
  /** Bytes of the whole. */
  readonly maxBytes?: number;
}

export interface Context {
  readonly text: string;
  readonly bytes: number;
  /** What was left out, one sentence for each part that was cut. They stand in the text too. */
  readonly cut: readonly string[];
  /** From placeholder to secret. Stays in this process's memory: nobody has a use for it but a test. */
  readonly secrets: ReadonlyMap<string, string>;
}

export const CONTEXT_BYTES = 60_000;
const LOG_LINES = 100;
/** Before anything is looked for in it: a line that is longer is no line. */
const RAW_LINE = 8_000;
const RAW_LINES = 4_000;
const SHOWN_LINE = 600;

/** `keeps`: which end counts when it is too long. `share`: of the whole, in percent. */
interface Part {
  readonly name: string;
  readonly what: string;
  readonly lines: Reading<readonly string[]>;
  readonly keeps: "first" | "last";
  readonly share: number;
}

/**
 * One text for a model: each part between lines that name it and carry the boundary, each of its lines behind a margin, secrets replaced by `<secret-1>`, people's numbers and
 * addresses by `<person>`, the home directory by `~` (the one expansion that a proposed command may have), the account's name by `<user>`. Pure.
 */
export function buildContext(parts: ContextParts, options: ContextOptions): Context {
  if (!/^[0-9a-f]{32}$/.test(options.boundary)) throw new TypeError("a context's boundary is 32 hex digits");
  const hiding = new Hiding();
  for (const secret of options.secrets ?? []) hiding.hide(secret);
  // The configuration first: it knows what its secrets are by their names, and the other parts only by their shape.
  const config = parts.config.ok ? configLines(hideInConfig(parts.config.value, (secret) => hiding.hide(secret))) : parts.config;
  const sections = partsOf(parts, config).map((part) => ({ part, lines: nearest(part).map((line) => tidy(line, part.lines === config)) }));
  for (const { lines } of sections) discover(lines.join("\n"), hiding, options.mask);

  const maxBytes = options.maxBytes ?? CONTEXT_BYTES;
  const cut: string[] = [];
  const shown = sections.map(({ part, lines: raw }) => {
    const all = shownLines(raw, hiding, options);
    const lines = fitting(all, part.keeps, Math.floor((maxBytes * part.share) / 100));
    const gone = all.length - lines.length + (part.lines.ok ? part.lines.value.length - raw.length : 0);
    const left = `${part.name}: ${gone} ${part.keeps === "last" ? "older" : "further"} lines left out`;
    if (gone > 0) cut.push(left);
    const head = `DATA-${options.boundary} ${part.name}: ${part.what}`;
    const none = all.length === 0 ? ["(nothing)"] : [];
    return [head, ...none, ...lines, ...(gone > 0 ? [`(${left})`] : []), `END-${options.boundary}`].join("\n");
  });
  const text = `${shown.join("\n\n")}\n`;
  return { text, bytes: Buffer.byteLength(text), cut, secrets: hiding.secrets };
}

function partsOf(parts: ContextParts, config: Reading<readonly string[]>): Part[] {
  const seen = (lines: readonly string[]): Reading<readonly string[]> => ({ ok: true, value: lines });
  const log = (lines: Reading<readonly string[]>) => (lines.ok ? seen(lines.value.slice(-LOG_LINES)) : lines);
  return [
    { name: "versions", what: "and the time", lines: seen(aboutLines(parts)), keeps: "first", share: 2 },
    { name: "cause", what: "what the watchdog's own rules found", lines: seen(causeLines(parts.classification)), keeps: "first", share: 8 },
    {
      name: "attempts",
      what: "what was tried already, oldest first",
      lines: seen(parts.attempts.flatMap(attemptLines)),
      keeps: "last",
      share: 8,
    },
    {
      name: "gateway log",
      what: `at most the last ${LOG_LINES} lines, newest last`,
      lines: log(parts.gatewayLog),
      keeps: "last",
      share: 32,
    },
    {
      name: "service manager's log",
      what: `at most the last ${LOG_LINES} lines, newest last`,
      lines: log(parts.managerLog),
      keeps: "last",
      share: 14,
    },
    { name: "processes", what: "pid, parent, state, age, arguments", lines: parts.processes, keeps: "first", share: 8 },
    { name: "listening ports", what: "and who holds them", lines: parts.listeners, keeps: "first", share: 4 },
    { name: "disk", what: "free space", lines: parts.disk, keeps: "first", share: 2 },
    { name: "memory", what: "of this machine", lines: parts.memory, keeps: "first", share: 2 },
    { name: "configuration", what: "of the gateway", lines: config, keeps: "first", share: 18 },
  ];
}

function aboutLines({ wallMs, versions }: ContextParts): string[] {
  return [`time: ${new Date(wallMs).toISOString()}`, ...Object.entries(versions).map(([name, version]) => `${name}: ${version}`)];
}

function causeLines(found: Classification | null): string[] {
  if (found === null) return ["not known: no deep look could be taken"];
  const about = found.subject === undefined ? "" : ` (${found.subject})`;
  const blocked = found.blocked === undefined ? [] : [`its remedy cannot be applied: ${found.blocked}`];
  return [`${found.cause}${about}, ${found.confidence}`, ...found.evidence, ...blocked];
}

function attemptLines({ tier, cause, startedWallMs, outcome, note, steps }: Attempt): string[] {
  const head = `${new Date(startedWallMs).toISOString()} tier ${tier}, ${cause}: ${outcome ?? "not ended"}${note === null ? "" : `, ${note}`}`;
  return [head, ...steps.map((step) => `  ${step.name}: ${step.outcome ?? "not ended"}${step.detail === null ? "" : `, ${step.detail}`}`)];
}

function configLines(config: unknown): Reading<readonly string[]> {
  return { ok: true, value: (JSON.stringify(config, null, 1) ?? "nothing").split("\n") };
}

/**
 * A line may hold several. Bounded before anything is looked for, at the end of a word: half of a secret that is escaped is not known again. `ours`: what stands between private-use letters is a
 * placeholder that we have put there.
 */
function tidy(line: string, ours: boolean): string {
  const bounded = line.length <= RAW_LINE ? line : line.slice(0, RAW_LINE).replace(/\S+$/, "…");
  const pieces = bounded.split(/(\uE000\d+\uE001)/);
  return pieces.map((piece, index) => (ours && index % 2 === 1 ? piece : seenText(piece))).join("");
}

/** So many lines at that end of it which counts, or why there are none. */
function nearest({ lines, keeps }: Part): readonly string[] {
  if (!lines.ok) return [`could not look: ${lines.why}`];
  return keeps === "last" ? lines.value.slice(-RAW_LINES) : lines.value.slice(0, RAW_LINES);
}

function discover(text: string, hiding: Hiding, mask: ((text: string) => string) | undefined): void {
  for (const secret of shapedSecrets(text)) hide(secret, hiding);
  if (mask === undefined) return;
  for (const line of text.split("\n").slice(-RAW_LINES)) for (const secret of maskedOut(line, mask) ?? [line]) hide(secret, hiding);
}

function hide(secret: string, hiding: Hiding): void {
  for (const piece of secretPieces(secret, /\uE000\d+\uE001/)) hiding.hide(piece);
}

const PERSON = "\uE0020\uE001";
const USER = "\uE0021\uE001";

function shownLines(raw: readonly string[], hiding: Hiding, { home, user, boundary }: ContextOptions): string[] {
  if (raw.length === 0) return [];
  const covered = hiding.cover(raw.join("\n"));
  const anonymous = namesHidden({ home, user }, { person: PERSON, user: USER })(covered);
  return anonymous.split("\n").map((line) =>
    withPlaceholders(asData(short(line), boundary))
      .replaceAll(PERSON, "<person>")
      .replaceAll(USER, "<user>"),
  );
}

/** Only now, when no secret can be cut in half. */
function short(line: string): string {
  if (line.length <= SHOWN_LINE) return line;
  return `${line.slice(0, SHOWN_LINE).replace(/\uE000?\d*$|\uE002\d?$|[\uD800-\uDBFF]$/, "")} … (${line.length - SHOWN_LINE} more letters)`;
}

/** As many lines from that end as fit, in their order. The lines that name the part and say what was left out count too. */
function fitting(lines: readonly string[], keeps: Part["keeps"], maxBytes: number): readonly string[] {
  const ordered = keeps === "last" ? lines.toReversed() : lines;
  let bytes = 240;
  const beyond = ordered.findIndex((line) => {
    bytes += Buffer.byteLength(line) + 1;
    return bytes > maxBytes;
  });
  const kept = beyond === -1 ? ordered : ordered.slice(0, beyond);
  return keeps === "last" ? kept.toReversed() : kept;
}
