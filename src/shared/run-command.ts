import { readdirSync, readFileSync } from "node:fs";
import { execa } from "execa";
import { messageOf, systemErrorCode } from "./errors.ts";

export interface CommandOptions {
  /** After this the whole tree is killed (SIGKILL) and the call returns with `timedOut`. */
  readonly timeoutMs: number;
  /** The complete environment of the child; nothing is inherited besides. Default: ours. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where it runs. Default: where we do. */
  readonly cwd?: string;
  /** Written to stdin, which is then closed. Without it stdin is /dev/null, so that a prompt cannot block (issue 24178). */
  readonly input?: string;
  /** Bytes kept of each of stdout and stderr; the rest is read and dropped. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Aborted: the whole tree is killed at once, within the call of `abort()`, and the result says so by its signal. */
  readonly stop?: AbortSignal;
}

export interface CommandResult {
  /** null when it was ended by a signal or never started. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly tookMs: number;
  /** True when output was dropped because of `maxBytes`. */
  readonly truncated: boolean;
  /** Why it never started, as a system error code: `ENOENT` when there is no such program, or no such `cwd`. */
  readonly notStarted?: string;
}

const DEFAULT_MAX_BYTES = 1_048_576;
/** A grandchild that keeps our pipe open must not keep us: this long after the exit we stop listening. */
const PIPE_GRACE_MS = 250;

/**
 * Runs one program to its end, bounded in time and output, without a shell. Never rejects for anything the program does.
 * `argv[0]` is looked up on the child's PATH.
 */
export async function runCommand(argv: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new TypeError("runCommand needs at least the program's name");
  const startedAt = performance.now();
  const child = execa(file, args, {
    // A group of its own, so that the kill below reaches what it started.
    detached: process.platform !== "win32",
    reject: false,
    buffer: false,
    extendEnv: options.env === undefined,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const stdout = collect(child.stdout, maxBytes);
  const stderr = collect(child.stderr, maxBytes);

  const node = child.nodeChildProcess;

  let timedOut = false;
  let grace: NodeJS.Timeout | undefined;
  let deadline: NodeJS.Timeout | undefined;
  const kill = (): void => {
    if (node.pid !== undefined && node.exitCode === null && node.signalCode === null) killTree(node.pid);
  };
  options.stop?.addEventListener("abort", kill);
  if (options.stop?.aborted === true) kill();
  const abandoned = new Promise<undefined>((resolve) => {
    const abandonSoon = (): void => {
      grace ??= setTimeout(() => resolve(undefined), PIPE_GRACE_MS);
    };
    node.once("exit", abandonSoon);
    deadline = setTimeout(() => {
      timedOut = true;
      if (node.pid !== undefined) killTree(node.pid);
      abandonSoon();
    }, options.timeoutMs);
  });

  const outcome = await Promise.race([child, abandoned]);
  clearTimeout(deadline);
  clearTimeout(grace);
  options.stop?.removeEventListener("abort", kill);
  child.stdout.destroy();
  child.stderr.destroy();
  return {
    // Node gives a program that never started the negated error number.
    exitCode: node.pid === undefined ? null : node.exitCode,
    signal: node.signalCode,
    stdout: stdout.text(),
    stderr: stderr.text(),
    timedOut,
    tookMs: performance.now() - startedAt,
    truncated: stdout.truncated() || stderr.truncated(),
    ...(node.pid === undefined ? { notStarted: outcome?.code ?? messageOf(outcome?.cause) } : {}),
  };
}

function collect(stream: NodeJS.ReadableStream, maxBytes: number): { text(): string; truncated(): boolean } {
  const chunks: Buffer[] = [];
  let kept = 0;
  let dropped = false;
  stream.on("data", (chunk: Buffer | string) => {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const room = maxBytes - kept;
    if (bytes.length > room) dropped = true;
    if (room > 0) chunks.push(bytes.subarray(0, room));
    kept += Math.min(bytes.length, Math.max(room, 0));
  });
  // A pipe that breaks ends the output; the exit status tells the rest.
  stream.on("error", () => {
    dropped = true;
  });
  return { text: () => Buffer.concat(chunks).toString("utf8"), truncated: () => dropped };
}

/**
 * SIGKILL to the group and to every descendant. The host's CLI is a launcher whose child has a session of its own, so the
 * group alone would leave the child that does the work (issues 18502, 86420). The tree is read before its root dies.
 */
function killTree(pid: number): void {
  const targets = process.platform === "win32" ? [pid] : [-pid, ...descendants(pid)];
  for (const target of targets) {
    try {
      process.kill(target, "SIGKILL");
    } catch (error) {
      // Already gone, or not ours to kill any more: both leave nothing to do.
      if (systemErrorCode(error) !== "ESRCH" && systemErrorCode(error) !== "EPERM") throw error;
    }
  }
}

function descendants(root: number): number[] {
  if (process.platform !== "linux") return [];
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  for (let queue = [root]; queue.length > 0; ) {
    queue = queue.flatMap((pid) => children.get(pid) ?? []);
    found.push(...queue);
  }
  return found;
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch (error) {
    // It ended between the listing and the reading.
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ESRCH") return undefined;
    throw error;
  }
}
