import { EventEmitter } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { externalControl } from "../../../src/service-installers/external/control.ts";
import type { SupervisePolicy } from "../../../src/service-installers/external/policy.ts";
import { isRunning } from "../../../src/service-installers/external/processes.ts";
import { supervise } from "../../../src/service-installers/external/supervise.ts";
import { systemErrorCode } from "../../../src/shared/errors.ts";

export const CHILD = join(import.meta.dirname, "../../fixtures/supervise-child.mjs");
export const MAIN = join(import.meta.dirname, "../../fixtures/supervise-main.mjs");

/** Short enough for tests; every exit 0 counts as a hand-over, since these children do not live long. */
export const QUICK: Partial<SupervisePolicy> = {
  backOffMs: 20,
  backOffMaxMs: 80,
  handOverMinMs: 0,
  stopTimeoutMs: 10_000,
  insistAfterMs: 0,
  sweepGraceMs: 100,
  adoptedPollMs: 20,
};

export async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`did not happen: ${what}`);
    await sleep(10);
  }
}

/** The complete lines of a file that a child may be writing just now. */
export function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** A state directory as the host makes it, outside of the source tree. */
export function makeStateDir() {
  const root = mkdtempSync(join(tmpdir(), "supervise-test-"));
  const stateDir = join(root, "state");
  mkdirSync(stateDir, { mode: 0o700 });
  return { stateDir, runsFile: join(root, "runs"), remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** The pid in a file's first line, once it is there. */
export const pidIn = (path: string) => until(`a pid in ${path}`, () => readLines(path).map(Number)[0]);

export const alive = (pid: number) => isRunning({ pid, startTime: startTimeOf(pid) });

function startTimeOf(pid: number): number {
  const text = readLines(`/proc/${pid}/stat`)[0] ?? "";
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
}

/** A supervisor in this process, with real children, a real socket, and signals of our own making. */
export function superviseHere(steps: readonly string[], policy: Partial<SupervisePolicy> = {}, env: NodeJS.ProcessEnv = process.env) {
  const { stateDir, runsFile, remove } = makeStateDir();
  const signals = new EventEmitter();
  const events: { event: string; details: Record<string, unknown> }[] = [];
  const done = supervise({
    argv: [process.execPath, CHILD, runsFile, ...steps],
    stateDir,
    env,
    log: (event, details) => events.push({ event, details }),
    policy: { ...QUICK, ...policy },
    signals,
  });
  done.catch(() => undefined);
  const count = (event: string) => events.filter((told) => told.event === event).length;
  return {
    stateDir,
    runsFile,
    events,
    done,
    control: externalControl(stateDir),
    signal: (name: NodeJS.Signals) => signals.emit(name, name),
    runs: () => readLines(runsFile).map(Number),
    count,
    happened: (event: string, times = 1) => until(`${times}× ${event}`, () => count(event) >= times),
    async end() {
      const insist = setInterval(() => signals.emit("SIGTERM", "SIGTERM"), 50);
      await done.catch(() => undefined);
      clearInterval(insist);
      remove();
    },
  };
}
