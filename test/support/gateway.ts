import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { signalProcess } from "../../src/service-installers/external/processes.ts";
import { createGatewayHome, type GatewayHome, type GatewayHomeOptions, OPENCLAW } from "./home.ts";

const SUPERVISE = fileURLToPath(new URL("../fixtures/supervise-main.mjs", import.meta.url));
const READY_WITHIN_MS = 120_000;
const TERM_MS = 20_000;

/** A freshly onboarded home, and whatever was started in it. */
export interface StartedHome extends GatewayHome {
  /** Ends what was started in this home, the last first, by pid; then removes the home. */
  dispose(): Promise<void>;
  /** Ended by `dispose`, unless it has ended by then. */
  adopt(child: ChildProcess): void;
}

/**
 * Onboards each time: a copied home would carry absolute paths in its config and databases. About 8 s.
 * The first home's environment has no `OPENCLAW_*`, so that nothing in it reaches another gateway.
 */
export async function startGatewayHome(options: GatewayHomeOptions = {}): Promise<StartedHome> {
  const home = await createGatewayHome(options);
  const children: ChildProcess[] = [];
  return {
    ...home,
    adopt: (child) => void children.push(child),
    async dispose() {
      for (const child of children.splice(0).reverse()) {
        home.thaw();
        await endProcess(child);
      }
      endLeftGateway(home.stateDir);
      await home.dispose();
    },
  };
}

/** A gateway whose supervisor was killed by the test: the lock that it left names it by pid and start time. */
function endLeftGateway(stateDir: string): void {
  const path = join(stateDir, "tmp", `openclaw-${process.getuid?.() ?? ""}`, "gateway.state.lock");
  if (!existsSync(path)) return;
  const { pid, startTime } = JSON.parse(readFileSync(path, "utf8"));
  if (typeof pid === "number" && typeof startTime === "number") signalProcess({ pid, startTime }, "SIGKILL");
}

export interface Supervised {
  readonly supervisor: ChildProcess;
  /** The supervisor's own log, as it grows. */
  readonly events: readonly { readonly event: string; readonly [detail: string]: unknown }[];
  /** Everything that supervisor and gateway wrote, for a failing test's message. */
  output(): string;
}

/** A real gateway under a real supervisor. It is not ready yet: see {@link waitReady}. */
export function startSupervised(home: StartedHome, policy: Record<string, number> = {}): Supervised {
  const argv = [SUPERVISE, home.stateDir, JSON.stringify(policy), process.execPath, OPENCLAW, "gateway", "run"];
  const supervisor = spawn(process.execPath, argv, { env: home.env, cwd: home.home, stdio: ["ignore", "pipe", "pipe"] });
  home.adopt(supervisor);
  const events: { event: string }[] = [];
  let output = "";
  let rest = "";
  supervisor.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith('{"event":')) events.push(JSON.parse(line));
    output += chunk.toString();
  });
  supervisor.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return { supervisor, events, output: () => output };
}

/** Until the gateway says that it has started. Rejects after two minutes with the last answer. */
export async function waitReady(port: number, withinMs = READY_WITHIN_MS): Promise<void> {
  let last = "no answer";
  const ready = async () => {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/startupz`, { signal: AbortSignal.timeout(2_000) });
      last = `${response.status} ${await response.text()}`;
      return response.status === 200;
    } catch (error) {
      last = error instanceof Error ? `${error.message} ${error.cause ?? ""}` : String(error);
      return false;
    }
  };
  const deadline = performance.now() + withinMs;
  while (!(await ready())) {
    if (performance.now() > deadline) throw new Error(`the gateway on port ${port} is not ready after ${withinMs} ms: ${last}`);
    await sleep(100);
  }
}

/** SIGTERM, once more after 20 s (a supervisor then kills its child), and SIGKILL at last. */
export async function endProcess(child: ChildProcess): Promise<void> {
  const over = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  for (const signal of ["SIGTERM", "SIGTERM", "SIGKILL"] as const) {
    if (over()) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await Promise.race([exit, sleep(TERM_MS, undefined, { ref: false })]);
  }
}
