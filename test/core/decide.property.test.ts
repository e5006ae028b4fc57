import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { CAUSES } from "../../rescue-profile/core/causes.ts";
import { decide } from "../../rescue-profile/core/decide.ts";
import type { WatchEvent } from "../../rescue-profile/core/event.ts";
import type { Assessment, Condition } from "../../rescue-profile/core/model.ts";
import { HOUR_MS } from "../../rescue-profile/core/policy.ts";
import { initialState, type WatchState } from "../../rescue-profile/core/state.ts";
import { FINDS } from "./finds.ts";

const policy = toPolicy(parsePolicy({}));
const RUNS = process.env["RESCUE_FULL"] === "1" ? 5_000 : 240;

const DOWN = ["gone", "frozen", "silent", "deaf", "latched", "parked", "foreign-port"] as const satisfies readonly Condition[];
const UP = ["serving", "degraded"] as const satisfies readonly Condition[];
const NO_REPAIR = [
  "starting",
  "draining",
  "stopped-cleanly",
  "maintenance",
  "blind",
  "foreign-port",
] as const satisfies readonly Condition[];
const ALL = [...DOWN, ...UP, "starting", "draining", "planned-restart", "stopped-cleanly", "maintenance", "alive", "blind"] as const;

interface Step {
  readonly event: "see" | "settle" | "pause" | "resume" | "request" | "late";
  readonly condition: Condition;
  readonly afterMs: number;
  readonly pid: number;
  readonly cpuMs: number;
  readonly harm: "none" | "unknown" | "database-locked";
  readonly outcome: "done" | "failed" | "aborted" | "lost";
  readonly finds?: keyof typeof FINDS;
  readonly exit?: Assessment["lastExit"];
}

const step: fc.Arbitrary<Step> = fc.record({
  event: fc.oneof(
    { weight: 12, arbitrary: fc.constant("see" as const) },
    { weight: 3, arbitrary: fc.constant("settle" as const) },
    { weight: 1, arbitrary: fc.constantFrom("pause" as const, "resume" as const, "request" as const, "late" as const) },
  ),
  condition: fc.constantFrom<Condition>(...ALL),
  afterMs: fc.oneof(fc.integer({ min: 100, max: 3_000 }), fc.integer({ min: 3_000, max: 400_000 })),
  pid: fc.integer({ min: 2, max: 4 }),
  cpuMs: fc.integer({ min: 0, max: 2_000 }),
  harm: fc.constantFrom("none", "unknown", "database-locked"),
  outcome: fc.constantFrom("done", "failed", "aborted", "lost"),
  finds: fc.constantFrom(...Object.keys(FINDS).filter((name): name is keyof typeof FINDS => name in FINDS)),
  exit: fc.constantFrom({ code: 0 }, { code: 1 }, { code: 78 }, { signal: "SIGKILL" }, { signal: "SIGABRT" }),
});

interface Moment {
  readonly atMs: number;
  readonly event: WatchEvent;
  readonly before: WatchState;
  readonly after: WatchState;
  readonly repairs: readonly { cause: keyof typeof CAUSES; kill: boolean; tier: number; by: string }[];
}

/** Runs steps from `state`; long steps repeat a look at the watchdog's own pace, so that conditions can ripen. */
function run(steps: readonly Step[], state = initialState(0)): Moment[] {
  const moments: Moment[] = [];
  let now = 0;
  let cpu = 0;
  let current = state;
  let deep = false;
  for (const s of steps) {
    const end = now + s.afterMs;
    do {
      cpu += s.cpuMs;
      const event = toEvent(s, now, cpu, current, deep);
      const decided = decide(current, event, policy);
      moments.push({
        atMs: now,
        event,
        before: current,
        after: decided.state,
        repairs: decided.actions.flatMap((action) =>
          action.kind === "start-repair" ? [{ cause: action.cause, kill: action.identity !== null, tier: action.tier, by: action.by }] : [],
        ),
      });
      current = decided.state;
      deep = decided.next.depth === "deep";
      now += Math.max(decided.next.afterMs, s.afterMs > 3_000 ? s.afterMs / 20 : 100);
    } while (s.event === "see" && (now < end || deep));
    now = Math.max(now, end);
  }
  return moments;
}

function toEvent(s: Step, atMs: number, cpuMs: number, state: WatchState, deep: boolean): WatchEvent {
  switch (s.event) {
    case "see":
      return { kind: "sampled", assessment: { ...seen(s, atMs, cpuMs), ...(deep ? { findings: FINDS[s.finds ?? "nothing"] } : {}) } };
    case "late":
      return { kind: "sampled", assessment: { ...seen(s, atMs, cpuMs), distrust: "late" } };
    case "settle":
      return { kind: "repair-settled", atMs, incident: state.incident?.id ?? 1, outcome: s.outcome, note: "" };
    case "pause":
      return { kind: "paused", atMs, untilMs: s.pid === 2 ? null : atMs + s.afterMs, by: "p", reason: null };
    case "resume":
      return { kind: "resumed", atMs, by: "p" };
    case "request":
      return { kind: "repair-requested", atMs, by: "p", seen: { ...seen(s, atMs, cpuMs), findings: FINDS[s.finds ?? "nothing"] } };
  }
}

function seen(s: Step, atMs: number, cpuMs: number): Assessment {
  const up = (UP as readonly Condition[]).includes(s.condition);
  const down = (DOWN as readonly Condition[]).includes(s.condition);
  const base: Assessment = {
    atMs,
    verdict: up ? "up" : down ? "down" : "unknown",
    condition: s.condition,
    evidence: [],
    ...(s.exit === undefined ? {} : { lastExit: s.exit }),
  };
  if (["gone", "latched", "parked", "stopped-cleanly", "planned-restart", "blind"].includes(s.condition)) return base;
  const alive = { ...base, identity: { pid: s.pid, startTime: s.pid }, cpuMs, rssBytes: cpuMs * 1e6, answerMs: s.cpuMs };
  if (s.harm === "unknown") return alive;
  return s.harm === "none" ? { ...alive, killHarmRuledOut: true } : { ...alive, killHarm: s.harm };
}

/** A gateway that serves for a while, breaks, is repaired, and breaks again: what wears the limits out. */
const crashLoop: fc.Arbitrary<Step[]> = fc
  .array(
    fc.record({
      fault: fc.constantFrom<Condition>("gone", "frozen", "latched", "silent"),
      servesMs: fc.integer({ min: 32_000, max: 120_000 }),
      lastsMs: fc.integer({ min: 8_000, max: 60_000 }),
    }),
    { minLength: 3, maxLength: 8 },
  )
  .map((cycles) =>
    cycles.flatMap(({ fault, servesMs, lastsMs }, index): Step[] => {
      const common = { pid: 2 + index, cpuMs: 0, harm: "none", outcome: "done" } as const;
      return [
        { ...common, event: "see", condition: "serving", afterMs: servesMs },
        { ...common, event: "see", condition: fault, afterMs: lastsMs },
        { ...common, event: "settle", condition: fault, afterMs: 500 },
      ];
    }),
  );

const sequences = fc.oneof({ weight: 2, arbitrary: fc.array(step, { minLength: 1, maxLength: 80 }) }, { weight: 1, arbitrary: crashLoop });
const check = (property: (moments: Moment[]) => void) =>
  fc.assert(
    fc.property(sequences, (steps) => property(run(steps))),
    { numRuns: RUNS },
  );

describe("whatever happens, in whatever order", () => {
  it("a repair begins only while the latest look shows a fault that has a remedy", () => {
    check((moments) => {
      for (const { repairs, after } of moments) {
        for (const repair of repairs) {
          expect(CAUSES[repair.cause].remedy).not.toBe("tell");
          // A boot that stalled is the one fault that is seen as "starting".
          const allowed = repair.cause === "boot-stalled" ? ["starting", "deaf"] : [...DOWN, "planned-restart"];
          expect(allowed).toContain(after.track.condition);
        }
      }
    });
  });

  it("what was looked at and found unknown, starting, draining, stopped on purpose or in maintenance is not repaired", () => {
    check((moments) => {
      for (const { event, repairs } of moments) {
        if (event.kind !== "sampled" || repairs.length === 0) continue;
        const { condition, distrust } = event.assessment;
        expect(distrust).toBeUndefined();
        if (condition === "starting") expect(repairs[0]?.cause).toBe("boot-stalled");
        else expect(NO_REPAIR as readonly Condition[]).not.toContain(condition);
      }
    });
  });

  it("a deep fix, and the start of what refused to start or was given up, follows only from what a deep look found", () => {
    check((moments) => {
      for (const { event, repairs } of moments) {
        if (event.kind !== "sampled" || event.assessment.findings !== undefined) continue;
        expect(repairs.filter(({ tier }) => tier === 2)).toEqual([]);
        if (repairs.length > 0) expect(["parked", "latched"]).not.toContain(event.assessment.condition);
      }
    });
  });

  it("what only a person can mend is never repaired, not even for a person who asks for it", () => {
    check((moments) => {
      for (const { event, repairs } of moments) {
        const found =
          event.kind === "sampled" ? event.assessment.findings : event.kind === "repair-requested" ? event.seen?.findings : undefined;
        if (found === undefined) continue;
        const hopeless = [FINDS["disk-full"], FINDS["database-corrupt"], FINDS["database-missing"], FINDS["state-gone"]];
        const ended = event.kind === "sampled" && ["gone", "latched", "parked"].includes(event.assessment.condition);
        if (ended && hopeless.some((each) => each === found)) expect(repairs).toEqual([]);
      }
    });
  });

  it("never more repairs of its own in any hour, nor kills in any five minutes, than allowed", () => {
    check((moments) => {
      const own = moments.flatMap((m) => m.repairs.map((repair) => ({ ...repair, atMs: m.atMs })));
      const all = own.filter(({ by }) => by === "watchdog");
      for (const { atMs } of all) {
        const within = (ms: number) => all.filter((other) => other.atMs <= atMs && atMs - other.atMs < ms);
        expect(within(HOUR_MS).length).toBeLessThanOrEqual(policy.repairsPerHour);
        expect(within(policy.uncleanWindowMs).filter((r) => r.kill).length).toBeLessThanOrEqual(policy.uncleanKills);
      }
    });
  });

  it("nothing is repaired while paused, nor in the grace period after a late look", () => {
    check((moments) => {
      let graceUntil = Number.NEGATIVE_INFINITY;
      for (const { atMs, event, before, repairs } of moments) {
        if (event.kind === "sampled" && event.assessment.distrust !== undefined) graceUntil = atMs + policy.graceMs;
        if (repairs.length === 0) continue;
        const paused = before.pause !== null && (before.pause.untilMs === null || atMs < before.pause.untilMs);
        expect(paused).toBe(false);
        expect(atMs).toBeGreaterThanOrEqual(graceUntil);
      }
    });
  });

  it("a process that was never seen to serve is not ended", () => {
    check((moments) => {
      let served = false;
      for (const { event, repairs } of moments) {
        if (event.kind === "sampled" && event.assessment.distrust === undefined && event.assessment.verdict === "up") served = true;
        if (!served) expect(repairs.some((repair) => repair.kill)).toBe(false);
      }
    });
  });

  it("every sequence ends in healthy, cooling or human once nothing new happens", () => {
    fc.assert(
      fc.property(
        sequences,
        fc.constantFrom<Condition>(...DOWN, "serving", "starting", "draining", "maintenance", "blind"),
        (steps, last) => {
          const settled: Step = {
            event: "see",
            condition: last,
            afterMs: 7_200_000,
            pid: 2,
            cpuMs: 0,
            harm: "none",
            outcome: "done",
            finds: "nothing",
          };
          // Whoever runs the repair reports back; a pause that a person left in force is theirs.
          const ending: Step[] = [];
          for (let round = 0; round < 6; round++) ending.push(settled, { ...settled, event: "settle" });
          const end = run([...steps, { ...settled, event: "resume" }, ...ending, { ...settled, afterMs: 3_500_000 }]).at(-1);
          const phase = end?.after.phase.name;
          if (last === "serving") expect(phase).toBe("watching");
          else expect(["cooling", "human", "repairing", "verifying"]).toContain(phase);
          // The allowed repairs may just have begun anew after a cooldown; what may not be is a fault that nobody was told of.
          if (last !== "serving") expect(end?.after.incident).not.toBeNull();
        },
      ),
      { numRuns: RUNS / 4 },
    );
  });

  it("equal inputs give equal outputs, and the state survives being written as JSON", () => {
    fc.assert(
      fc.property(sequences, (steps) => {
        for (const moment of run(steps)) {
          const copy: WatchState = JSON.parse(JSON.stringify(moment.before));
          expect(decide(copy, moment.event, policy).state).toEqual(moment.after);
        }
      }),
      { numRuns: RUNS / 4 },
    );
  });
});
