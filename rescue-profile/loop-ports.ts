import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scrubbedEnv } from "../src/shared/openclaw-home.ts";
import type { PolicySettings } from "./config.ts";
import type { Observation } from "./core/model.ts";
import type { Lease } from "./journal/journal.ts";
import type { LoopPorts } from "./loop.ts";
import { newsLines } from "./news.ts";
import { monotonicMs, wallMs } from "./observe/clock.ts";
import { look } from "./observe/look.ts";
import { refreshTarget } from "./observe/target.ts";
import { isAlive, sleep, type Watchdog } from "./open-watchdog.ts";
import { rememberTarget } from "./remembered-target.ts";
import type { WakeBell } from "./wake.ts";

/** Longer than a watcher sleeps and looks between two renewals, short enough that a frozen watcher is replaced soon. */
export function leaseMs({ watch: { baselineSeconds, identitySeconds, recheckSeconds, slowRecheckSeconds } }: PolicySettings): number {
  return 3_000 * Math.max(10, baselineSeconds, identitySeconds, recheckSeconds, 5 * slowRecheckSeconds);
}

/** A runner that was just spawned has not claimed its repair yet. */
const RUNNER_START_MS = 10_000;
/** A repair whose runner was killed is taken up again this often before it counts as lost. */
const MAX_RUNS = 3;

/** One fresh full look, without deciding anything; for `status`. */
export async function lookOnce(dog: Pick<Watchdog, "target" | "service" | "settings">): Promise<Observation> {
  return look({
    target: dog.target,
    depth: "full",
    lateMs: 0,
    clockGapMs: 0,
    probeTimeoutMs: dog.settings.watch.probeTimeoutSeconds * 1000,
    resources: true,
    serviceStatus: () => dog.service.status(),
  });
}

/** The real world for one watcher that holds the lease. */
export function loopPorts(dog: Watchdog, lease: Lease, bell?: WakeBell): LoopPorts {
  let target = dog.target;
  let lastWarning = "";
  let lastClocks: { monotonicMs: number; wallMs: number } | undefined;
  const spawnedAt = new Map<number, number>();
  return {
    monotonicMs,
    sleep: bell === undefined ? async (ms, signal) => sleep(ms, signal).then(() => false) : (ms, signal) => bell.sleep(ms, signal),
    look: async (depth, lateMs) => {
      dog.options.onBeat?.();
      const clocks = { monotonicMs: monotonicMs(), wallMs: wallMs() };
      const gap = lastClocks === undefined ? 0 : clocks.wallMs - lastClocks.wallMs - (clocks.monotonicMs - lastClocks.monotonicMs);
      lastClocks = clocks;
      if (depth === "full") {
        const refreshed = await refreshTarget(target);
        target = refreshed.target;
        if (refreshed.warning === undefined) rememberTarget(dog.dir, target);
        if (refreshed.warning !== undefined && refreshed.warning !== lastWarning) {
          dog.log({ event: "config-warning", level: "warn", details: refreshed.warning });
        }
        lastWarning = refreshed.warning ?? "";
      }
      return look({
        target,
        depth,
        lateMs,
        clockGapMs: gap,
        probeTimeoutMs: dog.settings.watch.probeTimeoutSeconds * 1000,
        resources: true,
        serviceStatus: () => dog.service.status(),
      });
    },
    commit: (state, actions) => dog.journal.commit(dog.options.profile, lease, state, actions),
    renewLease: () => dog.journal.renew(lease, leaseMs(dog.settings)),
    startRepair: (id) => {
      spawnedAt.set(id, monotonicMs());
      spawnRunner(dog, id);
    },
    repairOutcome: (incident) => {
      const repair = dog.journal.latestRepair(incident);
      if (repair === undefined) return { state: "lost", id: 0, note: "the journal does not know it" };
      const { id, outcome, runner, runs } = repair;
      if (outcome !== null) return { state: outcome, id, note: repair.note ?? "" };
      if (runner !== null && isAlive(runner.pid, runner.startTime)) return { state: "running", id, note: "" };
      if (monotonicMs() - (spawnedAt.get(id) ?? Number.NEGATIVE_INFINITY) < RUNNER_START_MS) return { state: "running", id, note: "" };
      if (runs < MAX_RUNS) return { state: "orphaned", id, note: "" };
      dog.journal.endRepair(id, "lost", `its runner was ended ${runs} times`);
      return { state: "lost", id, note: `its runner was ended ${runs} times` };
    },
    requests: () => dog.journal.openRequests(),
    answer: (id, text) => dog.journal.answerRequest(id, text),
    told: (news) => {
      for (const line of newsLines(news)) dog.log(line);
    },
  };
}

/** The repair runs in a process of its own, in its own session: it must outlive whoever decided on it. */
function spawnRunner(dog: Watchdog, id: number): void {
  const { packageRoot } = dog.options;
  const beside = new URL(import.meta.url.endsWith(".ts") ? "./runner-main.ts" : "./runner-main.js", import.meta.url);
  const entry = packageRoot === undefined ? fileURLToPath(beside) : join(packageRoot, "dist", "rescue-profile", "runner-main.js");
  const child = spawn(process.execPath, [entry, dog.options.profile, String(id)], {
    detached: true,
    stdio: "ignore",
    cwd: dog.options.home,
    env: { ...scrubbedEnv(dog.options.env), HOME: dog.options.home },
  });
  child.on("error", (error) => dog.log({ event: "runner-not-started", level: "error", success: false, details: error.message }));
  child.unref();
}
