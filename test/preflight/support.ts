import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { onTestFinished } from "vitest";
import { tempDir } from "../observe/support.ts";

export const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));
/** A third of each start is reading our own sources: once is enough. Inside the clone. */
const COMPILED = fileURLToPath(new URL("../../node_modules/.vitest/compiled", import.meta.url));
/** A profile whose service no machine has, so that the host's CLI is the one that the environment names. */
export const PROFILE = "preflight-test";
/** One that always passes and needs nothing. */
export const DISK = ["--checks", "disk", "--min-free-mb", "0"];

export function homeWith(port: number | string = 1) {
  const home = tempDir();
  const stateDir = join(home, `.openclaw-${PROFILE}`);
  mkdirSync(join(stateDir, "state"), { recursive: true });
  writeFileSync(join(stateDir, "openclaw.json"), JSON.stringify({ gateway: { port } }));
  return { home, stateDir, ran: join(home, "ran") };
}

/** The program with nothing of this machine's in its environment, in a session of its own: no terminal of the developer's plays a part. */
export function start(home: string, words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const started = spawn(process.execPath, [BIN, "preflight", ...(words[0] === "model-server" ? [] : ["--profile", PROFILE]), ...words], {
    cwd: home,
    detached: true,
    env: { HOME: home, PATH: "/usr/bin:/bin", NODE_COMPILE_CACHE: COMPILED, ...env },
  });
  onTestFinished(() => void started.kill("SIGKILL"));
  const end = new Promise<number | NodeJS.Signals | null>((resolve) => started.once("close", (code, signal) => resolve(code ?? signal)));
  return { process: started, end };
}

export async function run(home: string, words: readonly string[], options: { env?: NodeJS.ProcessEnv; input?: Buffer } = {}) {
  const { process: started, end } = start(home, words, options.env);
  started.stdin.end(options.input ?? "");
  const [out, err] = await Promise.all([text(started.stdout), text(started.stderr)]);
  return { end: await end, out, err };
}

/** A file of the test's own, executable unless `mode` says otherwise. Returns its path. */
export function script(directory: string, name: string, lines: string, mode = 0o755): string {
  const file = join(directory, name);
  writeFileSync(file, lines, { mode });
  return file;
}

/** A file of safetensors with one tensor of so many bytes. */
export function safetensors(bytes: number, header?: string): Buffer {
  const text = header ?? JSON.stringify({ __metadata__: { format: "pt" }, a: { dtype: "U8", shape: [bytes], data_offsets: [0, bytes] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text), Buffer.alloc(bytes, 1)]);
}

/** A directory with a model in two shards that is whole. */
export function wholeModel(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  for (const shard of shards) writeFileSync(join(directory, shard), safetensors(100));
  writeFileSync(join(directory, "config.json"), JSON.stringify({ model_type: "test" }));
  const map = { metadata: { total_size: 200 }, weight_map: { a: shards[0], b: shards[1], c: shards[0] } };
  writeFileSync(join(directory, "model.safetensors.index.json"), JSON.stringify(map));
  return directory;
}

/** A package of ours that runs the sources: a test need not wait for `dist`. */
export function packageIn(home: string): string {
  const root = join(home, "package");
  mkdirSync(join(root, "dist", "plugin", "cli"), { recursive: true });
  writeFileSync(join(root, "dist", "plugin", "cli", "bin.js"), `await import(${JSON.stringify(pathToFileURL(BIN).href)});\n`);
  return root;
}
