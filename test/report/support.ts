import { gunzipSync } from "node:zlib";
import { code, fenced, prose } from "../../rescue-profile/audit/as-markdown.ts";
import type { KeptProposal } from "../../rescue-profile/core/proposal.ts";
import type { Report, ReportedIncident, ReportedRepair } from "../../rescue-profile/report/story.ts";
import { proposalFor, WALL_MS } from "../journal/harness.ts";

export const SAY = { prose, code, fenced };

type Told = ReportedIncident["told"][number];

export const repaired = (more: Partial<ReportedRepair> = {}): ReportedRepair => ({
  attempt: 1,
  tier: 1,
  cause: "process-frozen",
  subject: null,
  evidence: [],
  requestedBy: "watchdog",
  startedAt: WALL_MS,
  outcome: "failed",
  note: null,
  steps: [],
  ...more,
});

export const proposed = (more: Partial<KeptProposal> = {}): KeptProposal => ({ ...proposalFor(7), id: 3, repair: null, ...more });

export const toldPerson = (more: Partial<Told> = {}): Told => ({
  at: WALL_MS,
  severity: "critical",
  cause: "process-frozen",
  text: "kill -CONT its pid",
  ...more,
});

/** Incident 7 as it is ten seconds after it was opened. */
export function reportOf(incident: Partial<ReportedIncident> = {}, more: Partial<Report> = {}): Report {
  return {
    atMs: WALL_MS + 10_000,
    profile: "default",
    incident: {
      id: 7,
      cause: "process-gone",
      firstSeenAt: WALL_MS,
      closedAt: null,
      outcome: null,
      evidence: ["pid 7 is gone"],
      repairs: [],
      told: [],
      proposals: [],
      ...incident,
    },
    leftOut: { evidence: 0, repairs: 0, proposals: 0, told: 0, kept: 0 },
    versions: { openclaw: "2026.9.6" },
    places: { "this incident": "~/incidents/7" },
    kept: [],
    context: { text: "DATA versions\n| node\nEND", diagnosed: false },
    ...more,
  };
}

interface Blocks {
  readonly headings: readonly string[];
  /** With the spaces before its dash. */
  readonly items: readonly string[];
  readonly paragraphs: readonly string[];
  readonly fences: readonly { readonly language: string; readonly text: string }[];
  /** What is none of these: another kind of heading or list, HTML, a quotation, an address's definition, a fence that nothing closes. */
  readonly others: readonly string[];
}

const OTHERS = /^(?: {0,3}(?:<|>|\[|={1,}\s*$|~{3,}|[-*_]{3,}\s*$|[+*] |\d{1,9}[.)](?: |$)|-\s*$|\|)|\s{4,}\S|\t)/;

/** The blocks of a page by the rules of CommonMark, as far as our pages have them; what is beyond that is among `others`. */
export function blocksOf(page: string): Blocks {
  const found = {
    headings: [] as string[],
    items: [] as string[],
    paragraphs: [] as string[],
    fences: [] as { language: string; text: string }[],
    others: [] as string[],
  };
  // A lone carriage return ends a line as well.
  const lines = page.split(/\r\n?|\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const [, ticks, language = ""] = /^ {0,3}(`{3,})([^`]*)$/.exec(line) ?? [];
    if (ticks !== undefined) {
      const end = lines.findIndex((each, index) => index > at && new RegExp(`^ {0,3}\`{${ticks.length},}[ \\t]*$`).test(each));
      if (end === -1) found.others.push(line);
      else found.fences.push({ language, text: lines.slice(at + 1, end).join("\n") });
      at = end === -1 ? lines.length : end;
    } else if (/^ {0,3}#{1,6}(?:\s|$)/.test(line)) found.headings.push(line);
    else if (/^(?: {2})?- \S/.test(line)) found.items.push(line);
    else if (OTHERS.test(line)) found.others.push(line);
    else if (line !== "") found.paragraphs.push(line);
  }
  return found;
}

/** Everything in a line that means something in Markdown, in its order: marks that nothing escapes, code spans, what becomes a link or a mention by itself. */
export function marksIn(line: string): readonly string[] {
  const marks: string[] = [];
  for (let at = 0; at < line.length; at++) {
    const rest = line.slice(at);
    const [ticks] = /^`+/.exec(rest) ?? [];
    if (/^\\[!-/:-@[-`{-~]/.test(rest)) at += 1;
    else if (ticks !== undefined) {
      const end = [...rest.matchAll(/`+/g)].find(({ 0: run, index }) => index > 0 && run.length === ticks.length);
      marks.push(end === undefined ? "a code span without its end" : "code");
      at += (end === undefined ? 0 : end.index) + ticks.length - 1;
    } else if (/^[*_<>[\]|~!&$#]/.test(rest)) marks.push(rest.charAt(0));
    else if (/^(?:@(?!\u200b)|:\/\/|www\.)/i.test(rest)) marks.push("an address");
  }
  return marks;
}

/** What a page consists of, whatever its texts say. */
export function skeleton(page: string) {
  const { headings, items, paragraphs, fences, others } = blocksOf(page);
  return {
    headings: headings.map((line) => [/^ *#+/.exec(line)?.[0], ...marksIn(line.replace(/^ *#+/, ""))]),
    items: items.map((line) => [/^ *- /.exec(line)?.[0], ...marksIn(line.replace(/^ *- /, ""))]),
    paragraphs: paragraphs.map(marksIn),
    fences: fences.map(({ language }) => language),
    others,
  };
}

interface Member {
  readonly name: string;
  readonly mode: number;
  /** "5": a directory. */
  readonly type: string;
  readonly mtimeMs: number;
  /** The numbers and names of its user and group, as they stand there. */
  readonly account: string;
  readonly text: string;
}

/** What is in a `.tar.gz`, by the ustar format. */
export function membersOf(archive: Buffer): readonly Member[] {
  const tar = gunzipSync(archive);
  const members: Member[] = [];
  for (let at = 0; tar[at] !== 0 && at < tar.length; ) {
    const field = (from: number, length: number) => tar.toString("utf8", at + from, at + from + length).replace(/[\0 ]+$/, "");
    const size = Number.parseInt(field(124, 12), 8);
    members.push({
      name: field(0, 100),
      mode: Number.parseInt(field(100, 8), 8),
      type: field(156, 1),
      mtimeMs: Number.parseInt(field(136, 12), 8) * 1000,
      account: [field(108, 8), field(116, 8), field(265, 32), field(297, 32)].join(""),
      text: tar.toString("utf8", at + 512, at + 512 + size),
    });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return members;
}
