import { setTimeout as delay } from "node:timers/promises";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { initialState } from "../../rescue-profile/core/state.ts";
import { type LoopPorts, watch } from "../../rescue-profile/loop.ts";
import { clockGaps, monotonicMs } from "../../rescue-profile/observe/clock.ts";
import { look } from "../../rescue-profile/observe/look.ts";
import type { Target } from "../../rescue-profile/observe/target.ts";
import { sleep } from "../../rescue-profile/open-watchdog.ts";
import { openEndpoints } from "./endpoints.ts";

/** So many watched profiles in the loop of one process; times in ms. */
export interface Many {
  readonly profiles: number;
  /** Of one core. */
  readonly cpuPercent: number;
  readonly rssMb: number;
  readonly looks: number;
  readonly fullLooks: number;
  readonly fullLookMs: { readonly median: number; readonly p99: number };
  /** How much later than planned looks began. */
  readonly lateMs: { readonly median: number; readonly p99: number };
  /** Looks that saw anything but a gateway that serves, or that were thrown away because they began too late. */
  readonly wrong: number;
}

const policy = toPolicy(parsePolicy({}));

/**
 * The real loop and the real look, at endpoints that one other process simulates. Left out: the journal's writes (measured by themselves), deep looks,
 * and the service manager, whose answer is given at once.
 */
export async function watchMany(profiles: number, seconds: number): Promise<Many> {
  const endpoints = await openEndpoints(profiles);
  const abort = new AbortController();
  const full: number[] = [];
  const late: number[] = [];
  let looks = 0;
  let wrong = 0;
  const portsFor = (target: Target): LoopPorts => {
    const gapMs = clockGaps();
    const unused = () => {
      throw new Error("nothing is repaired here");
    };
    return {
      monotonicMs,
      sleep: async (ms, signal) => sleep(ms, signal).then(() => false),
      look: async (depth, lateMs) => {
        const startedMs = monotonicMs();
        const identityOnly = depth === "identity";
        const serviceStatus = async () => ({ manager: "systemd", state: "running" }) as const;
        const seen = await look({
          target,
          depth: identityOnly ? "identity" : "full",
          lateMs,
          clockGapMs: gapMs(),
          probeTimeoutMs: 2_000,
          resources: true,
          serviceStatus,
        });
        looks++;
        late.push(lateMs);
        if (!identityOnly) full.push(monotonicMs() - startedMs);
        return seen;
      },
      remember: () => undefined,
      planned: unused,
      commit: () => [],
      renewLease: () => undefined,
      startRepair: unused,
      repairOutcome: unused,
      requests: () => [],
      answer: unused,
      told: ({ decision: { state } }) => {
        if (state.track.condition !== "serving") wrong++;
      },
    };
  };
  try {
    const startMs = monotonicMs();
    const loops = endpoints.targets.map(async (target, index) => {
      // Profiles that were set up at different times do not look in step.
      await sleep((index / profiles) * policy.baselineMs, abort.signal);
      await watch(initialState(monotonicMs()), policy, portsFor(target), abort.signal);
    });
    await delay(Math.max(0, policy.baselineMs - (monotonicMs() - startMs)));
    for (const list of [full, late]) list.length = 0;
    looks = 0;
    const before = process.cpuUsage();
    const measuredMs = monotonicMs();
    await delay(seconds * 1000);
    const { user, system } = process.cpuUsage(before);
    const tookMs = monotonicMs() - measuredMs;
    const { rss } = process.memoryUsage();
    const measured = { looks, fullLooks: full.length, fullLookMs: quantiles(full), lateMs: quantiles(late), wrong };
    abort.abort();
    await Promise.all(loops);
    return { profiles, cpuPercent: round((user + system) / 10 / tookMs), rssMb: Math.round(rss / 1e6), ...measured };
  } finally {
    abort.abort();
    await endpoints.dispose();
  }
}

function quantiles(values: readonly number[]): { readonly median: number; readonly p99: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return { median: at(0.5), p99: at(0.99) };
}

const round = (value: number) => Math.round(value * 100) / 100;
