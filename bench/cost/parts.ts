import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { assess } from "../../rescue-profile/core/assess.ts";
import { circumstances, classify } from "../../rescue-profile/core/classify.ts";
import { decide } from "../../rescue-profile/core/decide.ts";
import { initialState } from "../../rescue-profile/core/state.ts";
import { Journal } from "../../rescue-profile/journal/journal.ts";
import { openJournal } from "../../rescue-profile/journal/open.ts";
import { monotonicMs, wallMs } from "../../rescue-profile/observe/clock.ts";
import { look as realLook } from "../../rescue-profile/observe/look.ts";
import type { Target } from "../../rescue-profile/observe/target.ts";
import { isAlive, journalClock } from "../../rescue-profile/open-watchdog.ts";
import { FINDS } from "../../test/core/finds.ts";
import { alive, look } from "../../test/core/looks.ts";
import { median } from "../matrix/summary.ts";
import { BIN } from "../stage.ts";

const policy = toPolicy(parsePolicy({}));
const MILLION = 1_000_000;

/** How many looks are assessed and decided upon in a second: nine that only see the process, then one that sees everything. */
export function decisionsPerSecond(): number {
  const looks = Array.from({ length: 10 }, (_, n) => {
    const { probes, ...identity } = look({ process: alive() });
    return n === 9 && probes !== undefined ? { ...identity, probes } : identity;
  });
  let state = initialState(0);
  return perSecond((n) => {
    const seen = looks[n % looks.length];
    if (seen === undefined) return;
    // It goes on as the loop would: a deep look that is due is taken as one that finds nothing.
    const assessment = assess({ ...seen, atMs: n * 1000, ...(n % 300 === 0 ? { findings: FINDS.nothing } : {}) }, policy);
    state = decide(state, { kind: "sampled", assessment }, policy).state;
  });
}

/** How many deep looks are classified in a second: each known finding in turn, for a process that is gone. */
export function classificationsPerSecond(): number {
  const finds = Object.values(FINDS);
  const about = circumstances(initialState(0), assess(look({}), policy), "process-gone", []);
  return perSecond((n) => {
    const findings = finds[n % finds.length];
    if (findings !== undefined) classify(findings, about);
  });
}

function perSecond(work: (n: number) => void): number {
  for (let n = 0; n < MILLION / 10; n++) work(n);
  const startedMs = performance.now();
  for (let n = 0; n < MILLION; n++) work(n);
  return Math.round(MILLION / ((performance.now() - startedMs) / 1000));
}

/** One commit of a state, on disk when it returns; ms. */
export function journalWriteMs(times = 300): { readonly median: number; readonly worst: number } {
  const dir = mkdtempSync(join(tmpdir(), "rescue-bench-"));
  try {
    const journal = new Journal(openJournal(dir, { isAlive, wallMs: wallMs() }).db, journalClock(), { pid: process.pid, startTime: 1 });
    const taken = journal.acquire("watch", "bench", 60_000, isAlive);
    if (!taken.held) throw new Error("the new journal's lease is taken");
    const took = Array.from({ length: times }, () => timed(() => journal.commit("default", taken.lease, initialState(monotonicMs()), [])));
    journal.close();
    return { median: round(median(took) ?? Number.NaN), worst: round(Math.max(...took)) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** One look at a real gateway, by which its process is looked at, or everything; ms of time and of our CPU. */
export async function lookCost(
  target: Target,
  depth: "identity" | "full",
  times = 100,
): Promise<{ readonly ms: number; readonly cpuMs: number }> {
  const took: number[] = [];
  const before = process.cpuUsage();
  for (let n = 0; n < times; n++) {
    const startedMs = performance.now();
    const seen = await realLook({
      target,
      depth,
      lateMs: 0,
      clockGapMs: 0,
      probeTimeoutMs: 2_000,
      resources: true,
      serviceStatus: async () => ({ manager: "systemd", state: "running" }),
    });
    took.push(performance.now() - startedMs);
    const { condition } = assess(seen, policy);
    if (condition !== "serving" && condition !== "alive") throw new Error(`the gateway does not serve: ${condition}`);
  }
  const { user, system } = process.cpuUsage(before);
  return { ms: round(median(took) ?? Number.NaN), cpuMs: round((user + system) / 1000 / times) };
}

/** Encoded, because NODE_OPTIONS takes quotes for its own. */
const PEAK = `data:text/javascript,${encodeURIComponent('process.on("exit",()=>process.stderr.write("\\npeak "+process.resourceUsage().maxRSS))')}`;

/** One `tick` as a cron job would start it, with what it starts itself. */
export function tickCost(env: NodeJS.ProcessEnv, times = 5): { readonly ms: number; readonly cpuMs: number; readonly peakMb: number } {
  const runs = Array.from({ length: times }, () => {
    const startedMs = performance.now();
    const words = ["-c", `TIMEFORMAT="cpu %U %S"; time "$@" > /dev/null`, "bash", process.execPath, BIN, "tick", "--json"];
    const { status, stderr } = spawnSync("bash", words, {
      env: { ...env, NODE_OPTIONS: `--import=${PEAK}`, LC_ALL: "C" },
      encoding: "utf8",
    });
    const ms = performance.now() - startedMs;
    const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(stderr) ?? [];
    const peaks = [...stderr.matchAll(/peak (\d+)/g)].map(([, kb]) => Number(kb) / 1000);
    if (status !== 0 || user === undefined) throw new Error(`tick: exit ${status}: ${stderr}`);
    return { ms, cpuMs: (Number(user) + Number(system)) * 1000, peakMb: Math.max(...peaks) };
  });
  const middle = (of: (run: (typeof runs)[number]) => number) => Math.round(median(runs.map(of)) ?? Number.NaN);
  return { ms: middle(({ ms }) => ms), cpuMs: middle(({ cpuMs }) => cpuMs), peakMb: middle(({ peakMb }) => peakMb) };
}

function timed(work: () => void): number {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}

const round = (value: number) => Math.round(value * 100) / 100;
