import type { Stats } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import { headerLength, headerProblem, isGguf, isLeftover, isLfsPointer, leftoversOf, parseIndex, parseObject, partsOf } from "./weights.ts";

/** One file of the model and what is wrong with it: `FILE is empty`. */
export interface Problem {
  readonly file: string;
  readonly what: string;
}

export type ModelLook =
  | { readonly state: "complete" }
  | { readonly state: "missing" }
  | { readonly state: "incomplete"; readonly problems: readonly [Problem, ...Problem[]] };

/** Where a hub's own tool keeps what it still downloads into a directory. */
const DOWNLOADS = path.join(".cache", "huggingface", "download");
/** A model with a million tensors has an index of that order. */
const MAX_JSON = 256 * 1_048_576;

/**
 * Whether everything that a model says about itself is there: a directory with `config.json` and weights, or one `.gguf` or `.safetensors`
 * file (with its other parts). Reads heads and headers, never the weights. Not ok: could not look, or a form that is not known here.
 */
export async function lookAtModel(modelPath: string): Promise<Reading<ModelLook>> {
  try {
    const at = await statOf(modelPath);
    if (at?.isDirectory() === true) return told(await ofDirectory(modelPath));
    const directory = path.dirname(modelPath);
    const name = path.basename(modelPath);
    const unfinished = await unfinishedOf(directory, name);
    if (at === undefined) return unfinished.length > 0 ? told(unfinished) : { ok: true, value: { state: "missing" } };
    if (!at.isFile()) return { ok: false, why: `${modelPath} is neither a directory nor a file` };
    const head = await headOf(modelPath, 1_024);
    const isKnown = /\.(gguf|safetensors)$/.test(name) || isGguf(head) || isLfsPointer(at.size, head);
    if (!isKnown) return { ok: false, why: `${modelPath} is no GGUF or safetensors file, and no directory: its form is not known here` };
    return told([...unfinished, ...(await ofFiles(directory, partsOf(name) ?? [name]))]);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    return { ok: false, why: `${code} reading ${error instanceof Error && "path" in error ? error.path : modelPath}` };
  }
}

function told([first, ...others]: readonly Problem[]): Reading<ModelLook> {
  return { ok: true, value: first === undefined ? { state: "complete" } : { state: "incomplete", problems: [first, ...others] } };
}

async function ofDirectory(directory: string): Promise<readonly Problem[]> {
  const names = (await readdir(directory)).sort();
  const leftovers = [...names, ...(await namesIn(path.join(directory, DOWNLOADS))).map((name) => path.join(DOWNLOADS, name))];
  return [...(await ofConfig(directory, names)), ...leftovers.filter(isLeftover).map(unfinished), ...(await ofWeights(directory, names))];
}

async function ofConfig(directory: string, names: readonly string[]): Promise<readonly Problem[]> {
  const file = "config.json";
  if (!names.includes(file) && names.some((name) => name.endsWith(".gguf"))) {
    return [{ file, what: "is not there; a GGUF model is named by its file, not by its directory" }];
  }
  const problem = await ofFile(directory, file);
  if (problem !== undefined) return [problem];
  return parseObject(await textOf(directory, file)) === undefined ? [{ file, what: "is no object of JSON" }] : [];
}

/** Safetensors go before `.bin`, as they do for those who load them: who has the former often left the latter at the hub. */
async function ofWeights(directory: string, names: readonly string[]): Promise<readonly Problem[]> {
  for (const end of [".safetensors", ".bin"]) {
    const indexes = names.filter((name) => name.endsWith(`${end}.index.json`));
    const found = await Promise.all(indexes.map((index) => ofIndex(directory, index)));
    if (indexes.length > 0) return found.flat();
    const weights = names.filter((name) => name.endsWith(end) && (end !== ".bin" || name.startsWith("pytorch_model")));
    if (weights.length > 0) return ofFiles(directory, [...new Set(weights.flatMap((name) => partsOf(name) ?? [name]))]);
  }
  return [{ file: ".", what: "has no weights (*.safetensors, pytorch_model*.bin)" }];
}

async function ofIndex(directory: string, file: string): Promise<readonly Problem[]> {
  const problem = await ofFile(directory, file);
  if (problem !== undefined) return [problem];
  const index = parseIndex(await textOf(directory, file));
  if ("problem" in index) return [{ file, what: index.problem }];
  const problems = await ofFiles(directory, index.shards);
  if (problems.length > 0 || index.totalSize === undefined) return problems;
  let size = 0;
  for (const shard of index.shards) size += (await stat(path.join(directory, shard))).size;
  return size >= index.totalSize ? [] : [{ file, what: `promises ${index.totalSize} bytes, and its shards have ${size}` }];
}

async function ofFiles(directory: string, names: readonly string[]): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const name of names) {
    const problem = await ofFile(directory, name);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

async function ofFile(directory: string, file: string): Promise<Problem | undefined> {
  const full = path.join(directory, file);
  const at = await statOf(full);
  const what =
    at === undefined ? "is not there" : !at.isFile() ? "is no file" : at.size === 0 ? "is empty" : await ofContent(full, at.size);
  return what === undefined ? undefined : { file, what };
}

async function ofContent(full: string, size: number): Promise<string | undefined> {
  const head = await headOf(full, 1_024);
  if (isLfsPointer(size, head)) return "was not downloaded: it is a pointer of Git LFS (git lfs pull)";
  if (full.endsWith(".json") && size > MAX_JSON) return `has ${size} bytes, which no such file has`;
  if (full.endsWith(".gguf") && !isGguf(head)) return "is no GGUF file";
  if (!full.endsWith(".safetensors")) return undefined;
  const length = headerLength(size, head.subarray(0, 8));
  return typeof length === "number" ? headerProblem(size, (await headOf(full, 8 + length)).subarray(8)) : length.problem;
}

/** Of one file only: what else lies in its directory may be other models. */
async function unfinishedOf(directory: string, name: string): Promise<readonly Problem[]> {
  const found: Problem[] = [];
  for (const part of partsOf(name) ?? [name]) {
    for (const leftover of leftoversOf(part)) {
      if ((await statOf(path.join(directory, leftover))) !== undefined) found.push(unfinished(leftover));
    }
  }
  return found;
}

function unfinished(file: string): Problem {
  return { file, what: "is a download that has not ended; when none is going on, remove it and download again" };
}

/** undefined: nothing there, or a link into nothing. */
async function statOf(file: string): Promise<Stats | undefined> {
  return unlessMissing(() => stat(file));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await unlessMissing(() => readdir(directory))) ?? [];
}

async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

async function textOf(directory: string, file: string): Promise<string> {
  return readFile(path.join(directory, file), "utf8");
}

/** The first bytes, fewer when the file has fewer. */
async function headOf(file: string, bytes: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const head = Buffer.alloc(bytes);
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await handle.read(head, filled, bytes - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return head.subarray(0, filled);
  } finally {
    await handle.close();
  }
}
