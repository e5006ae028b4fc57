/**
 * What a model's files must look like to be whole. All pure. Formats: safetensors (8 bytes with the header's length, little-endian, the header
 * in JSON, the tensors), the `…index.json` beside split weights, GGUF, a pointer of Git LFS.
 */

/** Names that downloads have until they end: of the hubs' own tools, curl and browsers, aria2. */
const LEFTOVERS = [".incomplete", ".part", ".crdownload", ".aria2"] as const;

export function isLeftover(name: string): boolean {
  return LEFTOVERS.some((end) => name.endsWith(end));
}

/** What an unfinished download of this file would be called. */
export function leftoversOf(name: string): readonly string[] {
  return LEFTOVERS.map((end) => `${name}${end}`);
}

/** `head`: the first bytes. */
export function isLfsPointer(size: number, head: Uint8Array): boolean {
  return size <= 1_024 && Buffer.from(head).toString("latin1").startsWith("version https://git-lfs");
}

export function isGguf(head: Uint8Array): boolean {
  return Buffer.from(head).toString("latin1", 0, 4) === "GGUF";
}

/** All names of a model that is split by the usual scheme (`x-00001-of-00003.gguf`), this one among them; undefined: not split. */
export function partsOf(name: string): readonly string[] | undefined {
  const match = /^(.*)-(\d{5})-of-(\d{5})(\.[a-z]+)$/.exec(name);
  const count = Number(match?.[3]);
  if (match === null || count === 0) return undefined;
  return Array.from({ length: count }, (_, index) => `${match[1]}-${String(index + 1).padStart(5, "0")}-of-${match[3]}${match[4]}`);
}

export interface ShardIndex {
  /** Each once. */
  readonly shards: readonly string[];
  /** Bytes of all tensors, when the index says so. */
  readonly totalSize: number | undefined;
}

/** Of a `…index.json`; a sentence's end when it is none. */
export function parseIndex(text: string): ShardIndex | { readonly problem: string } {
  const index = parseObject(text);
  const map = index?.["weight_map"];
  if (typeof map !== "object" || map === null) return { problem: "has no weight_map" };
  const shards = [...new Set(Object.values(map))];
  if (shards.length === 0) return { problem: "names no shard" };
  // It comes from the net: it must not name a file elsewhere.
  if (!shards.every(isPlainName)) return { problem: "names a shard that is no plain file name" };
  const metadata = index?.["metadata"];
  const total = typeof metadata === "object" && metadata !== null && "total_size" in metadata ? metadata.total_size : undefined;
  return { shards, totalSize: typeof total === "number" ? total : undefined };
}

function isPlainName(name: unknown): name is string {
  return typeof name === "string" && /^[^/\\\0]+$/.test(name) && name !== "." && name !== "..";
}

/** The format's own limit. */
const MAX_HEADER = 100_000_000;

/** How long the header is; a sentence's end when the file of that size cannot hold it. `head`: the first 8 bytes. */
export function headerLength(size: number, head: Uint8Array): number | { readonly problem: string } {
  if (head.length < 8) return { problem: `has ${size} bytes, fewer than its header's length` };
  const length = Buffer.from(head).readBigUInt64LE(0);
  if (length > BigInt(MAX_HEADER)) return { problem: "is no safetensors file: the header's length is absurd" };
  if (Number(length) + 8 > size) return { problem: `is cut off: its header ends at byte ${length + 8n}, and the file has ${size}` };
  return Number(length);
}

/** What is wrong with a safetensors file of that size and header, as a sentence's end. */
export function headerProblem(size: number, header: Uint8Array): string | undefined {
  const tensors = parseObject(Buffer.from(header).toString("utf8"));
  if (tensors === undefined) return "is no safetensors file: its header is no JSON";
  const { __metadata__: _, ...entries } = tensors;
  const ends = Object.values(entries).map(endOf);
  if (!ends.every((end) => end !== undefined)) return "is no safetensors file: a tensor has no data_offsets";
  const end = ends.reduce((most, each) => Math.max(most, each), 0) + 8 + header.length;
  if (end === size) return undefined;
  return end > size ? `is cut off: its tensors end at byte ${end}, and the file has ${size}` : `has ${size} bytes, and its tensors ${end}`;
}

function endOf(tensor: unknown): number | undefined {
  if (typeof tensor !== "object" || tensor === null || !("data_offsets" in tensor)) return undefined;
  const offsets = tensor.data_offsets;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(Number.isSafeInteger)) return undefined;
  return Number(offsets[1]);
}

/** undefined: no JSON, or another value than an object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
