import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { assertOwnDirectory } from "../../src/shared/secure-file.ts";
import { createWhole, removeDraft, syncDirectory, writeWhole } from "./whole-file.ts";

export interface SavedFile {
  /** Where it came from. */
  readonly path: string;
  /** Its name within the entry. */
  readonly name: string;
  readonly mode: number;
  readonly sha256: string;
  /** A function, so that no dump of this object shows what is in the file. */
  readonly content: () => Buffer;
}

/** Files that were saved together: a directory 0700 with the files, 0600, and `manifest.json`. It is there as a whole or not at all. */
export interface SavedFiles {
  readonly directory: string;
  readonly takenWallMs: number;
  readonly files: readonly SavedFile[];
  /** Paths that were to be saved too, and at which there was nothing. */
  readonly absent: readonly string[];
}

export type Proof = "booted" | "validated";

/** A copy of a configuration that served, or that the host at least found valid. */
export interface Copy extends SavedFiles {
  readonly fingerprint: string;
  readonly proof: Proof;
}

export interface SourceFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
}

const MANIFEST = "manifest.json";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Writes an entry beside its place and moves it there. `directory` must not exist; what a kill left of an earlier try is taken away. */
export function writeEntry(
  directory: string,
  about: { readonly takenWallMs: number; readonly absent?: readonly string[]; readonly fingerprint?: string; readonly proof?: Proof },
  sources: readonly SourceFile[],
): void {
  const parent = dirname(directory);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  assertOwnDirectory(parent);
  const draft = `${directory}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  const taken = new Set([MANIFEST]);
  const files = sources.map(({ path, bytes, mode }) => {
    const name = freeName(basename(path), taken);
    createWhole(join(draft, name), bytes, 0o600);
    return { path, name, mode, sha256: sha256(bytes) };
  });
  createWhole(join(draft, MANIFEST), Buffer.from(`${JSON.stringify({ ...about, files }, null, 2)}\n`), 0o600);
  syncDirectory(draft);
  renameSync(draft, directory);
  syncDirectory(parent);
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count++) name = `${count}-${wanted}`;
  taken.add(name);
  return name;
}

/** Undefined: there is none. Throws RescueError `config-invalid` when it is damaged, which never repeats content. */
export function readEntry(directory: string): (SavedFiles & { readonly fingerprint?: string; readonly proof?: Proof }) | undefined {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return undefined;
  const damaged = (why: string, cause?: unknown) => new RescueError("config-invalid", `the copy ${directory} ${why}`, { cause });
  const manifest = parseManifest(readPart(directory, MANIFEST, damaged));
  if (manifest === undefined) throw damaged(`has a damaged ${MANIFEST}`);
  const files = manifest.files.map((file): SavedFile => {
    const bytes = readPart(directory, file.name, damaged);
    if (sha256(bytes) !== file.sha256) throw damaged(`has a changed ${file.name}`);
    return { ...file, content: () => bytes };
  });
  return { ...manifest, directory, files };
}

function readPart(directory: string, name: string, damaged: (why: string, cause?: unknown) => RescueError): Buffer {
  try {
    return readFileSync(join(directory, name));
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" && systemErrorCode(error) !== "ENOTDIR") throw error;
    throw damaged(`has no ${name}`, error);
  }
}

type Manifest = Omit<SavedFiles, "directory" | "files"> & {
  readonly files: readonly Omit<SavedFile, "content">[];
  readonly fingerprint?: string;
  readonly proof?: Proof;
};

function parseManifest(bytes: Buffer): Manifest | undefined {
  const value = json(bytes.toString("utf8"));
  const takenWallMs = field(value, "takenWallMs");
  const files = field(value, "files");
  const absent = field(value, "absent") ?? [];
  const fingerprint = field(value, "fingerprint");
  const proof = field(value, "proof");
  if (typeof takenWallMs !== "number" || !Array.isArray(files) || !Array.isArray(absent)) return undefined;
  const parsed = files.flatMap((file: unknown) => parseFile(file) ?? []);
  const gone = absent.filter((path) => typeof path === "string");
  if (parsed.length !== files.length || gone.length !== absent.length) return undefined;
  return {
    takenWallMs,
    files: parsed,
    absent: gone,
    ...(typeof fingerprint === "string" ? { fingerprint } : {}),
    ...(proof === "booted" || proof === "validated" ? { proof } : {}),
  };
}

function parseFile(value: unknown): Omit<SavedFile, "content"> | undefined {
  const path = field(value, "path");
  const name = field(value, "name");
  const mode = field(value, "mode");
  const hash = field(value, "sha256");
  if (typeof path !== "string" || typeof name !== "string" || typeof mode !== "number" || typeof hash !== "string") return undefined;
  // A name is looked for within the entry and nowhere else.
  return basename(name) === name ? { path, name, mode, sha256: hash } : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The files at these paths as they lie there now. A link, or anything else but a file, throws `refused`: it could not be put back as it was. */
export function readSources(paths: readonly string[]): { readonly sources: readonly SourceFile[]; readonly absent: readonly string[] } {
  const sources: SourceFile[] = [];
  const absent: string[] = [];
  for (const path of paths) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) absent.push(path);
    else if (stat.isFile()) sources.push({ path, bytes: readFileSync(path), mode: stat.mode & 0o777 });
    else
      throw new RescueError("refused", `${path} is ${stat.isSymbolicLink() ? "a symbolic link" : "no file"}`, { fix: `look at ${path}` });
  }
  return { sources, absent };
}

/** Saves files as they lie there now, once: what `directory` holds already is returned as it is. */
export function saveFiles(directory: string, paths: readonly string[], wallMs: number): SavedFiles {
  const before = readEntry(directory);
  if (before !== undefined) return before;
  const { sources, absent } = readSources(paths);
  writeEntry(directory, { takenWallMs: wallMs, absent }, sources);
  const saved = readEntry(directory);
  if (saved === undefined) throw new RescueError("internal", `${directory} vanished while it was written`);
  return saved;
}

/** Included files first, so that the configuration never names one that is not there yet; the manifest has them in this order. */
export function restoreFiles(saved: { readonly files: readonly Omit<SavedFile, "name">[] }): void {
  for (const { path, mode, content } of saved.files) {
    const capped = isConfigFile(path) ? mode & 0o600 : mode & 0o777;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (isSame(path, content(), capped)) removeDraft(path);
    else writeWhole(path, content(), capped);
  }
}

/** The configuration itself and the host's own copies of it hold the gateway's token. */
function isConfigFile(path: string): boolean {
  return basename(path).startsWith("openclaw.json");
}

function isSame(path: string, bytes: Buffer, mode: number): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o777) === mode && readFileSync(path).equals(bytes);
}

/** Names within a directory; none when there is no such directory. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
