import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type StartedHome, startGatewayHome } from "../test/support/gateway.ts";
import { OPENCLAW } from "../test/support/home.ts";
import { startupWord, until } from "./prober.ts";

export const BIN = fileURLToPath(new URL("../dist/plugin/cli/bin.js", import.meta.url));
const STALL_PLUGIN = fileURLToPath(new URL("../test/fixtures/stall-plugin", import.meta.url));

/** One log line of the watchdog, with the time at which it reached us. */
export interface WatchLine {
  readonly atMs: number;
  readonly event: string;
  readonly [key: string]: unknown;
}

/** A real gateway under `supervise`, and the watchdog beside it, in a temporary home. Ended and removed by `dispose`. */
export interface Stage {
  readonly home: StartedHome;
  readonly port: number;
  readonly lines: readonly WatchLine[];
  readonly supervisor: ChildProcess;
  readonly watcher: ChildProcess;
  gatewayPid(): number;
  /** How long the first boot took, from the start of the supervisor to the first answer. */
  readonly bootMs: number;
  dispose(): Promise<void>;
}

export interface StageOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  readonly onLine: (line: WatchLine) => void;
}

const BOOT_MS = 180_000;

export async function openStage({ signal, onProgress, onLine }: StageOptions): Promise<Stage> {
  onProgress("making a temporary home and a fresh OpenClaw profile in it");
  const home = await startGatewayHome({ plugins: [STALL_PLUGIN] });
  const lines: WatchLine[] = [];
  try {
    onProgress(`starting a real gateway on port ${home.port} under supervise`);
    const startedMs = performance.now();
    const supervisor = spawn(process.execPath, [BIN, "supervise", "--json", "--", process.execPath, OPENCLAW, "gateway", "run"], {
      env: home.env,
      cwd: home.home,
      stdio: ["ignore", "ignore", "ignore"],
      detached: true,
    });
    home.adopt(supervisor);
    const stopProgress = reportBoot(home.port, onProgress);
    await until(home.port, true, BOOT_MS, signal).finally(stopProgress);
    const bootMs = performance.now() - startedMs;
    onProgress(`it serves after ${(bootMs / 1000).toFixed(1)} s; starting the watchdog beside it`);
    const watcher = spawn(process.execPath, [BIN, "watch", "--json"], {
      env: home.env,
      cwd: home.home,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    home.adopt(watcher);
    createInterface({ input: watcher.stdout }).on("line", (text) => {
      const line: WatchLine = { ...(JSON.parse(text) as { event: string }), atMs: performance.now() };
      lines.push(line);
      onLine(line);
    });
    await lineWhere(lines, 0, (line) => line.event === "condition" && conditionOf(line) === "serving", 60_000, signal);
    return {
      home,
      port: home.port,
      lines,
      supervisor,
      watcher,
      bootMs,
      gatewayPid: () => home.gatewayPid(),
      dispose: () => home.dispose(),
    };
  } catch (error) {
    await home.dispose();
    throw error;
  }
}

/** Passes on what the gateway says of its boot, so that nobody wonders. Returns how to stop. */
function reportBoot(port: number, onProgress: (text: string) => void): () => void {
  let last = "started";
  const timer = setInterval(async () => {
    const word = await startupWord(port);
    if (word !== undefined && word !== last && word !== "started") onProgress(`the gateway says: ${word}`);
    last = word ?? last;
  }, 300);
  return () => clearInterval(timer);
}

/** Waits for a log line from index `from` on. Rejects after `deadlineMs`, and when the signal aborts. */
export async function lineWhere(
  lines: readonly WatchLine[],
  from: number,
  matches: (line: WatchLine) => boolean,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<WatchLine> {
  const startedMs = performance.now();
  for (;;) {
    const found = lines.slice(from).find(matches);
    if (found !== undefined) return found;
    if (performance.now() - startedMs > deadlineMs)
      throw new Error(`the watchdog did not say what was expected within ${deadlineMs / 1000} s`);
    await delay(10, undefined, { signal });
  }
}

export function conditionOf(line: WatchLine): string | undefined {
  const { details } = line;
  return typeof details === "object" && details !== null && "condition" in details ? String(details.condition) : undefined;
}
