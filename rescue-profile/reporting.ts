import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { messageOf, RescueError, systemErrorCode } from "../src/shared/errors.ts";
import { ABOUT_INCIDENT, incidentFolder } from "../src/shared/incident-folder.ts";
import { jsonObject } from "../src/shared/json.ts";
import { assertOwnDirectory, isThere, readPlain, writeSecret } from "../src/shared/secure-file.ts";
import { code, fenced, prose } from "./audit/as-markdown.ts";
import { listCopies } from "./copies/ring.ts";
import { buildContext } from "./diagnosis/context/build.ts";
import { hideInConfig } from "./diagnosis/context/config-secrets.ts";
import { hideTexts, secretsAmong } from "./diagnosis/context/hide-texts.ts";
import { contextOptions, gatherContext } from "./diagnosis-context.ts";
import { rotatedLogs } from "./journal/log.ts";
import type { IncidentDetail } from "./journal/read.ts";
import { wallMs } from "./observe/clock.ts";
import { readConfig } from "./observe/config-finding.ts";
import { logFile, type Watchdog } from "./open-watchdog.ts";
import { expireProposals } from "./proposing.ts";
import { writeArchive } from "./report/archive.ts";
import { reportPage } from "./report/page.ts";

const { context: CONTEXT, evidence: EVIDENCE, page: PAGE, archive: ARCHIVE } = ABOUT_INCIDENT;
const LOG = "watchdog.jsonl";
const LARGEST_EVIDENCE = 1_000_000;
const MINUTE_MS = 60_000;
const LOG_LETTERS = 500_000;
/** Of each list: a gateway that stays down is told of again and again. */
const MOST_LISTED = 200;

/**
 * The incident for whoever takes it over: one page, and one archive with the page, the journal's record, the evidence and the watchdog's own log lines, both in the incident's
 * folder. Nothing else of that folder: it holds configurations. Throws RescueError `usage` (no such incident) and `refused` (the folder is not ours alone).
 */
export async function writeReport(dog: Watchdog, incident: number): Promise<{ readonly page: string; readonly archive: string }> {
  const { dir, options, target, journal } = dog;
  const atMs = wallMs();
  expireProposals(dog);
  const thread = journal.outbox.story(`incident-${incident}`);
  if (thread?.kind !== "incident") throw new RescueError("usage", `there is no incident ${incident}`, { fix: "list them with: history" });
  // With the secret whoever has the page could press the proposal's buttons.
  const { kind: _kind, secret: button, ...whole } = thread;
  const { story, leftOut } = newestOf(whole);
  const folder = incidentFolder(dir, incident);
  ownFolder(dirname(folder));
  ownFolder(folder);
  // Its parents may be readable: people make the watchdog's directory themselves, for its settings.
  chmodSync(folder, 0o700);

  const parts = await gatherContext(dog, story);
  const files = filesIn(folder);
  const known = await contextOptions(dog, randomBytes(16).toString("hex"));
  const besides = [...configsOf(dir, folder, files).flatMap(secretsOf), ...(button === null ? [] : [button])];
  const about = { ...known, secrets: [...(known.secrets ?? []), ...besides] };
  const fresh = buildContext(parts, about);
  const diagnosed = textOf(join(folder, CONTEXT));
  const earlier = diagnosed ?? textOf(join(folder, EVIDENCE));
  if (earlier === undefined) await writeSecret(folder, join(folder, EVIDENCE), fresh.text);

  const log = ownLog(dir, story, atMs);
  const evidence = withoutBoundary(earlier ?? fresh.text).split("\n");
  const kept = files.slice(0, MOST_LISTED).map(({ name, bytes }) => ({ name, bytes }));
  const texts = [...stringsIn([story, log, parts.versions, kept]), ...(earlier === undefined ? [] : evidence)];
  // In their order, so that a secret has the same number in a fresh context and on the page.
  const hide = hideTexts(about, [...fresh.secrets.values(), ...secretsAmong(texts, about)]);
  const shown: IncidentDetail = JSON.parse(JSON.stringify(story), (_, value: unknown) => (typeof value === "string" ? hide(value) : value));
  const context = evidence.map(hide).join("\n");
  const written = { page: join(folder, PAGE), archive: join(folder, ARCHIVE) };
  const page = reportPage(
    {
      atMs,
      profile: options.profile,
      incident: shown,
      leftOut: { ...leftOut, kept: files.length - kept.length },
      versions: Object.fromEntries(Object.entries(parts.versions).map(([name, version]) => [name, hide(version)])),
      places: {
        "the gateway's state": hide(target.stateDir),
        "its configuration": hide(target.configPath),
        "the watchdog's state": hide(dir),
        "its log": hide(logFile(dir)),
        "this incident": hide(folder),
      },
      kept: kept.map(({ name, bytes }) => ({ name: hide(name), bytes })),
      context: { text: context, diagnosed: diagnosed !== undefined },
    },
    { prose, code, fenced },
  );
  await writeSecret(folder, written.page, page);
  await writeArchive(folder, written.archive, {
    folder: `incident-${incident}`,
    mtimeMs: story.closedAt ?? story.openedAt,
    entries: [
      { name: PAGE, text: page },
      { name: "incident.json", text: `${JSON.stringify({ ...shown, leftOut }, null, 2)}\n` },
      { name: EVIDENCE, text: context },
      { name: LOG, text: log.map((line) => `${JSON.stringify(hiddenIn(line, hide))}\n`).join("") },
    ],
  });
  return written;
}

type LeftOut = Readonly<Record<"evidence" | "repairs" | "proposals" | "told", number>>;

/** The newest of each list, and how many were left out. */
function newestOf(incident: IncidentDetail): { readonly story: IncidentDetail; readonly leftOut: LeftOut } {
  const { evidence, repairs, proposals, told } = incident;
  const newest = <T>(list: readonly T[]) => list.slice(-MOST_LISTED);
  const over = ({ length }: readonly unknown[]) => Math.max(0, length - MOST_LISTED);
  return {
    story: { ...incident, evidence: newest(evidence), repairs: newest(repairs), proposals: newest(proposals), told: newest(told) },
    leftOut: { evidence: over(evidence), repairs: over(repairs), proposals: over(proposals), told: over(told) },
  };
}

/** There afterwards, and nobody else's; what stands in its place is not followed. */
function ownFolder(path: string): void {
  if (!isThere(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
  assertOwnDirectory(path);
}

/** Undefined when there is none, or something that we have not written. */
function textOf(file: string): string | undefined {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size <= LARGEST_EVIDENCE ? readPlain(file) : undefined;
}

/** The lines that name its parts without the boundary, which only a model needs; what others wrote stands behind a margin. */
function withoutBoundary(context: string): string {
  return context.replaceAll(/^(DATA|END)-[0-9a-f]{32}\b/gm, "$1");
}

interface KeptFile {
  /** Its path in the folder. */
  readonly name: string;
  readonly bytes: number;
  /** No link, no FIFO. */
  readonly isPlain: boolean;
}

/** Every file of the folder but what is written here. No link is followed. */
function filesIn(folder: string): readonly KeptFile[] {
  const ours: ReadonlySet<string> = new Set([PAGE, ARCHIVE, EVIDENCE]);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ path: join(entry.parentPath, entry.name), isPlain: entry.isFile() }))
    .map(({ path, isPlain }) => ({ path, name: relative(folder, path), isPlain }))
    .filter(({ name }) => !ours.has(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ path, name, isPlain }) => ({ name, bytes: lstatSync(path, { throwIfNoEntry: false })?.size ?? 0, isPlain }));
}

/**
 * The configurations that served, and those that were replaced: by them the secrets of one that is broken now are known. One that is no configuration, or includes another, says
 * nothing.
 */
function configsOf(dir: string, folder: string, files: readonly KeptFile[]): readonly unknown[] {
  const copies = listCopies(dir).copies.flatMap((copy) => copy.files.map(({ name }) => join(copy.directory, name)));
  const replaced = files.flatMap(({ name, isPlain }) => (isPlain && /\.json5?\b/.test(name) ? [join(folder, name)] : []));
  return [...copies, ...replaced].map(readConfig);
}

function secretsOf(config: unknown): readonly string[] {
  const found: string[] = [];
  hideInConfig(config, (secret) => {
    found.push(secret);
    return "";
  });
  return found;
}

/** The lines about the incident and of its time, oldest first, the newest if there are too many; why not, when they could not be read. */
function ownLog(dir: string, { id, firstSeenAt, closedAt }: IncidentDetail, atMs: number): readonly unknown[] {
  const file = logFile(dir);
  const [fromMs, toMs] = [firstSeenAt - MINUTE_MS, (closedAt ?? atMs) + MINUTE_MS];
  try {
    const found = [...rotatedLogs(file), file]
      .flatMap((each) => (readPlain(each) ?? "").split("\n"))
      .map((line) => ({ letters: line.length, entry: jsonObject(line) }))
      .filter(({ entry: { incident, timestamp } }) => {
        const time = Date.parse(String(timestamp));
        return incident === id || (time >= fromMs && time <= toMs);
      });
    let letters = 0;
    const older =
      found.findLastIndex((line) => {
        letters += line.letters;
        return letters > LOG_LETTERS;
      }) + 1;
    const lines = found.slice(older).map(({ entry }) => entry);
    return older === 0 ? lines : [{ event: "left-out", details: `${older} older lines` }, ...lines];
  } catch (error) {
    if (!(error instanceof RescueError) && systemErrorCode(error) === undefined) throw error;
    return [{ event: "log-not-read", details: `could not look: ${messageOf(error)}` }];
  }
}

/** Every text in it, names too. */
function stringsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => [...(Array.isArray(value) ? [] : [key]), ...stringsIn(inner)]);
}

/** The same with its texts, names and numbers hidden. */
function hiddenIn(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === "string") return hide(value);
  if (typeof value === "number") return hide(String(value)) === String(value) ? value : hide(String(value));
  if (Array.isArray(value)) return value.map((each: unknown) => hiddenIn(each, hide));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]: [string, unknown]) => [hide(key), hiddenIn(inner, hide)]));
}
