import { describe, expect, it } from "vitest";
import type { Observation } from "../rescue-profile/core/model.ts";
import { initialState } from "../rescue-profile/core/state.ts";
import { watch } from "../rescue-profile/loop.ts";
import { clockGaps } from "../rescue-profile/observe/clock.ts";
import { absent, alive, answers, busyWith, ended, hung, service, look as serving } from "./core/looks.ts";
import { policy, type See, START_MS, world } from "./world.ts";

/**
 * What must never cost a repair: the loop with the real core and the default settings, on a clock of its own. The real gateway has the same in
 * test/host and test/lab, as far as it can be brought about there.
 */
const MINUTE = 60_000;
const since = (atMs: number) => atMs - START_MS;

async function repairsOf(
  see: See,
  forMs: number,
  changes: Parameters<typeof world>[1] = {},
  state = initialState(START_MS),
): Promise<string[]> {
  const { did, forMs: watchFor } = world(see, changes);
  await watchFor(forMs, state);
  return did.filter((each) => each.includes("start-repair"));
}

/** It serves for half a minute, then `during` for so long, then again. */
const between =
  (forMs: number, during: (elapsedMs: number) => Observation): See =>
  (atMs) => {
    const elapsed = since(atMs) - MINUTE / 2;
    return elapsed < 0 || elapsed >= forMs ? serving({}) : during(elapsed);
  };

describe("no repair is made", () => {
  it("during a slow start of four minutes that makes progress now and then", async () => {
    const booting = (elapsed: number) =>
      serving({
        process: alive({ identity: { pid: 8, startTime: 80 }, cpuMs: Math.floor(elapsed / 20_000) * 900 }),
        health: answers(200),
        startup: answers(503, { status: "starting", pendingReason: "plugins" }),
        ready: answers(503),
      });
    expect(await repairsOf(between(4 * MINUTE, booting), 6 * MINUTE)).toEqual([]);
  });

  it("during a busy stall of 175 seconds", async () => {
    const stalled = (elapsed: number) =>
      hung({ process: alive({ run: "running", cpuMs: 900 + elapsed * 0.9 }), resources: { ok: true, value: {} } });
    expect(await repairsOf(between(175_000, stalled), 5 * MINUTE)).toEqual([]);
  });

  it("during a drain of five minutes and the planned restart behind it", async () => {
    const draining = (elapsed: number) =>
      elapsed < 5 * MINUTE
        ? serving({ startup: answers(503, { status: "draining" }), ready: answers(503, { failing: ["gateway-draining"] }) })
        : absent({ lifecycle: ended("planned_restart"), service: service("stopped") });
    expect(await repairsOf(between(5 * MINUTE + 20_000, draining), 8 * MINUTE)).toEqual([]);
  });

  it("while an update of the host works for twenty minutes, and the gateway is down", async () => {
    const updating = () => absent({ maintenance: busyWith("openclaw update") });
    expect(await repairsOf(between(20 * MINUTE, updating), 25 * MINUTE)).toEqual([]);
  });

  it("after a clean stop, for a day", async () => {
    const stopped = () =>
      absent({ lifecycle: ended("clean_stop", "stop (SIGTERM)"), service: service("stopped", { stoppedOnPurpose: true }) });
    expect(await repairsOf(between(24 * 60 * MINUTE, stopped), 24 * 60 * MINUTE)).toEqual([]);
  });

  it("while paused, of a gateway that is dead, frozen or refuses to start", async () => {
    const pause = { sinceMs: START_MS, untilMs: null, by: "ana", reason: null };
    for (const broken of [absent({}), hung({ process: alive({ run: "stopped" }) }), absent({ service: service("parked") })]) {
      expect(
        await repairsOf(
          between(30 * MINUTE, () => broken),
          30 * MINUTE,
          {},
          { ...initialState(START_MS), pause },
        ),
      ).toEqual([]);
    }
  });

  it("after a suspend of ten minutes, though the gateway is silent for fifty seconds after the wake", async () => {
    const silentAfter = () => hung({ process: alive({ cpuMs: 900 }), resources: { ok: true, value: {} } });
    expect(await jumping(10 * MINUTE, between(50_000, silentAfter))).toEqual([]);
  });

  it("when the clock is set forward or back, by an hour or a day, while the gateway is silent for half a minute", async () => {
    for (const byMs of [60 * MINUTE, -60 * MINUTE, 24 * 60 * MINUTE, -24 * 60 * MINUTE]) {
      expect(
        await jumping(
          byMs,
          between(30_000, () => hung({ process: alive({ cpuMs: 900 }), resources: { ok: true, value: {} } })),
        ),
      ).toEqual([]);
    }
  });

  it("by a watchdog that gets one per cent of a CPU: what it finds each time began seconds late", async () => {
    const { clock, ports, did } = world((atMs) =>
      Math.floor(since(atMs) / 30_000) % 2 === 0 ? serving({}) : hung({ process: alive({ run: "stopped" }) }),
    );
    const starved = {
      ...ports,
      sleep: async (ms: number) => {
        clock.nowMs += ms * 3 + 12_000;
        return false;
      },
    };
    await watch(initialState(START_MS), policy, starved, new AbortController().signal, () => since(clock.nowMs) > 60 * MINUTE);
    expect(did.filter((each) => each.includes("start-repair"))).toEqual([]);
  });

  it("and each of these tests can fail: without its excuse the same gateway is repaired", async () => {
    expect(
      await repairsOf(
        between(10 * MINUTE, () => absent({ service: service("failed", { lastExit: { signal: "SIGKILL" } }) })),
        5 * MINUTE,
      ),
    ).not.toEqual([]);
    expect(
      await jumping(
        0,
        between(2 * MINUTE, () => hung({ process: alive({ cpuMs: 900 }), resources: { ok: true, value: {} } })),
      ),
    ).not.toEqual([]);
  });
});

/** The wall clock jumps by so much when the gateway falls silent; the look learns of it as in the real loop, from the two clocks. */
async function jumping(byMs: number, see: See): Promise<string[]> {
  const { clock, ports, did } = world(see);
  const gapMs = clockGaps(
    () => clock.nowMs,
    () => 1_700_000_000_000 + clock.nowMs + (since(clock.nowMs) > MINUTE / 2 ? byMs : 0),
  );
  const look: typeof ports.look = async (depth, lateMs) => ({ ...(await ports.look(depth, lateMs)), clockGapMs: gapMs() });
  await watch(initialState(START_MS), policy, { ...ports, look }, new AbortController().signal, () => since(clock.nowMs) > 5 * MINUTE);
  return did.filter((each) => each.includes("start-repair"));
}
