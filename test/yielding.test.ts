import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../rescue-profile/config.ts";
import { decide } from "../rescue-profile/core/decide.ts";
import type { Assessment } from "../rescue-profile/core/model.ts";
import type { Policy } from "../rescue-profile/core/policy.ts";
import { initialState, type WatchState } from "../rescue-profile/core/state.ts";
import { yieldsTo } from "../rescue-profile/yielding.ts";

const calm = { ownAgeMs: 3_600_000, watchedInIncident: false, underRepair: false };

describe("the primary's plugin, which watches the rescue", () => {
  it("holds back while the rescue is at work on it, and for five minutes after its own start", () => {
    expect(yieldsTo({ ...calm, underRepair: true })).toBe("the rescue is repairing this gateway");
    expect(yieldsTo({ ...calm, watchedInIncident: true })).toBe("the rescue has an incident of this gateway open");
    expect(yieldsTo({ ...calm, ownAgeMs: 20_000 })).toBe("this gateway itself has run for only 20 s");
    expect(yieldsTo(calm)).toBeUndefined();
  });
});

/** One gateway of a pair on a machine so starved that each finds the other silent for ever, and is ended and started by it again and again. */
interface Side {
  state: WatchState;
  pid: number;
  bootedMs: number;
  nextMs: number;
  /** While the other's repair of this side runs. */
  repairedUntilMs: number;
  readonly policy: Policy;
  readonly repaired: { readonly atMs: number; readonly tier: number }[];
}

const settings = parsePolicy({});
const side = (policy: Policy): Side => ({
  state: initialState(0),
  pid: 100,
  bootedMs: -3_600_000,
  nextMs: 0,
  repairedUntilMs: 0,
  policy,
  repaired: [],
});

/** The rescue looks at the primary with everything; the primary at the rescue with `maxTier` 1 and what `yieldsTo` says. */
function sixHours(yielding: boolean) {
  const seesOther = (atMs: number, booted: number) => (atMs < 60_000 || atMs - booted < 60_000 ? "serving" : "silent");
  const rescue = side(toPolicy(settings));
  const primary = side({ ...toPolicy(settings), maxTier: 1 });
  let pids = 200;
  for (let atMs = 0; atMs < 6 * 3_600_000; atMs += 500) {
    for (const [watcher, watched, yields] of [
      [rescue, primary, false],
      [primary, rescue, yielding],
    ] as const) {
      // A gateway that boots does not watch yet.
      if (atMs < watcher.nextMs || atMs - watcher.bootedMs < 20_000) continue;
      const condition = atMs - watched.bootedMs < 20_000 ? "starting" : seesOther(atMs, watched.bootedMs);
      const about = {
        ownAgeMs: atMs - watcher.bootedMs,
        watchedInIncident: rescue.state.incident !== null,
        underRepair: atMs < watcher.repairedUntilMs,
      };
      const hold = yields ? yieldsTo(about) : undefined;
      const seen: Assessment = {
        atMs,
        verdict: condition === "serving" ? "up" : "down",
        condition,
        evidence: [],
        identity: { pid: watched.pid, startTime: watched.pid },
        cpuMs: 0,
        killHarmRuledOut: true,
        ...(hold === undefined ? {} : { hold }),
      };
      const decided = decide(watcher.state, { kind: "sampled", assessment: seen }, watcher.policy);
      watcher.state = decided.state;
      watcher.nextMs = atMs + decided.next.afterMs;
      const repair = decided.actions.find((action) => action.kind === "start-repair");
      if (repair === undefined) continue;
      watched.repaired.push({ atMs, tier: repair.tier });
      watched.pid = ++pids;
      watched.bootedMs = atMs + 2_000;
      watched.repairedUntilMs = atMs + 2_000;
      // What the watched one remembers is in its journal and goes on; it is what it sees that begins anew.
      const settled = { kind: "repair-settled", atMs, incident: repair.incident, outcome: "done", note: "" } as const;
      watcher.state = decide(watcher.state, settled, watcher.policy).state;
    }
  }
  return { rescue, primary };
}

/** Repairs of the rescue within five minutes after one of the primary, which carried it out. */
function inTurns({ rescue, primary }: ReturnType<typeof sixHours>) {
  return rescue.repaired.filter(({ atMs }) => primary.repaired.some((repair) => atMs - repair.atMs >= 0 && atMs - repair.atMs < 300_000));
}

describe("two gateways that watch each other", () => {
  it("never repair each other in turns, though each finds the other silent again after every start", () => {
    const pair = sixHours(true);
    expect(pair.primary.repaired.length).toBeGreaterThan(0);
    expect(inTurns(pair)).toEqual([]);
    expect(pair.rescue.repaired.every(({ tier }) => tier === 1)).toBe(true);
    for (const { repaired } of [pair.primary, pair.rescue]) {
      for (const { atMs } of repaired) {
        expect(repaired.filter((other) => other.atMs > atMs - 3_600_000 && other.atMs <= atMs).length).toBeLessThanOrEqual(3);
      }
    }
  });

  it("would, if the primary did not hold back", () => {
    expect(inTurns(sixHours(false)).length).toBeGreaterThan(0);
  });
});
