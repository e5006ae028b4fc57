import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { assess } from "../../rescue-profile/core/assess.ts";
import { decide } from "../../rescue-profile/core/decide.ts";
import type { Assessment } from "../../rescue-profile/core/model.ts";
import { initialState, shiftState, type WatchState } from "../../rescue-profile/core/state.ts";
import { growthOf } from "../../rescue-profile/core/trends.ts";
import { absent, alive, answers, hung, look, ok, unseen } from "./looks.ts";

const policy = toPolicy(parsePolicy({}));
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

interface Measured {
  readonly pid?: number;
  readonly rssMb?: number;
  readonly answerMs?: number;
  readonly condition?: "serving" | "degraded" | "silent" | "alive";
}

/** Full looks every ten seconds, as while all is well. */
function watching(from: WatchState = initialState(0), startMs = 0) {
  let state = from;
  let now = startMs;
  const tells: { readonly atMs: number; readonly cause: string; readonly evidence: readonly string[] }[] = [];
  const at = {
    tells,
    causes: () => tells.map(({ cause }) => cause),
    now: () => now,
    state: () => state,
    pass(ms: number) {
      now += ms;
    },
    see(forMs: number, how: Measured | ((sinceMs: number) => Measured)) {
      const began = now;
      for (; now < began + forMs; now += 10 * SECOND) {
        const { pid = 7, rssMb, answerMs, condition = "serving" } = typeof how === "function" ? how(now - began) : how;
        const assessment: Assessment = {
          atMs: now,
          verdict: condition === "silent" ? "down" : condition === "alive" ? "unknown" : "up",
          condition,
          evidence: [],
          identity: { pid, startTime: 10 * pid },
          ...(rssMb === undefined ? {} : { rssBytes: rssMb * 1e6 }),
          ...(answerMs === undefined ? {} : { answerMs }),
        };
        const decided = decide(state, { kind: "sampled", assessment }, policy);
        state = decided.state;
        for (const action of decided.actions) {
          if (action.kind === "tell") tells.push({ atMs: now, cause: action.cause, evidence: action.evidence });
        }
      }
    },
  };
  return at;
}

/** Hourly lows in megabytes. */
const grown = (...megabytes: readonly number[]) => growthOf(megabytes.map((each) => each * 1e6))?.evidence[0];
const hoursOf = (length: number, low: (hour: number) => number) => Array.from({ length }, (_, hour) => low(hour));
/** The same noise in every run, from -1 to 1. */
const noise = (n: number) => Math.sin(n * 12.9898) * Math.cos(n * 78.233);

describe("memory that grows steadily", () => {
  it("is told after six measured hours, with the first and the last value and the hours", () => {
    const at = watching();
    at.see(9 * HOUR, (since) => ({ rssMb: 900 + (since / HOUR) * 100 }));
    expect(at.tells).toEqual([
      {
        atMs: 8 * HOUR,
        cause: "memory-growing",
        evidence: ["lowest resident memory of an hour: 1000 MB, and 6 hours later 1600 MB (100 MB an hour)"],
      },
    ]);
  });

  it("is seen as reports have it: 220 MB an hour from 2.4 GB, 150 from 389 MB, 33 from 500 MB (issues 91588, 54155, 81733)", () => {
    const reports: readonly (readonly [number, number])[] = [
      [2_440, 220],
      [389, 150],
      [500, 33],
    ];
    for (const [first, perHour] of reports) {
      const at = watching();
      at.see(20 * HOUR, (since) => ({ rssMb: first + (since / HOUR) * perHour }));
      expect(at.causes()).toEqual(["memory-growing"]);
    }
  });

  it("is seen through an uneven climb, and in the hourly lows under a saw's teeth", () => {
    expect(grown(...hoursOf(13, (hour) => 800 + 80 * hour + 60 * noise(hour)))).toBeDefined();
    // A job every four hours, each of which leaves something behind.
    expect(grown(...hoursOf(24, (hour) => 700 + 300 * Math.floor(hour / 4)))).toBeDefined();
    const at = watching();
    at.see(9 * HOUR, (since) => ({ rssMb: 900 + (since / HOUR) * 100 + ((since / MINUTE) % 30) * 20 }));
    expect(at.causes()).toEqual(["memory-growing"]);
  });

  it("is told once for a process, however long it goes on, and again for the next one", () => {
    const at = watching();
    at.see(30 * HOUR, (since) => ({ rssMb: 900 + (since / HOUR) * 100 }));
    at.see(9 * HOUR, (since) => ({ pid: 8, rssMb: 900 + (since / HOUR) * 100 }));
    expect(at.causes()).toEqual(["memory-growing", "memory-growing"]);
  });

  it("keeps no more than a day of hours", () => {
    const at = watching();
    at.see(40 * HOUR, { rssMb: 900 });
    expect(at.state().trends?.memory.hours.length).toBe(24);
  });

  it("is not seen in an idle gateway, whose memory goes up and down between 0.6 and 1.0 GB", () => {
    const at = watching();
    at.see(72 * HOUR, (since) => ({ rssMb: 800 + 200 * noise(since / MINUTE) }));
    at.see(24 * HOUR, (since) => ({ rssMb: 600 + (since / HOUR) * 16 }));
    expect(at.tells).toEqual([]);
    expect(grown(...hoursOf(24, (hour) => 550 + 19 * hour))).toBeUndefined();
    for (let from = 0; from < 500; from++) expect(grown(...hoursOf(24, (hour) => 800 + 200 * noise(from + hour)))).toBeUndefined();
  });

  it("is not seen in a boot and the caches that it fills", () => {
    const at = watching();
    at.see(24 * HOUR, (since) => ({ rssMb: since < 20 * MINUTE ? 150 + (since / MINUTE) * 40 : 950 + (since / HOUR) * 8 }));
    expect(at.tells).toEqual([]);
    expect(grown(...hoursOf(24, (hour) => 700 + 600 * (1 - Math.exp(-(hour + 1) / 4))))).toBeUndefined();
  });

  it("is not seen in a step, or in a stair that has levelled off", () => {
    for (let step = 1; step < 12; step++) {
      expect(grown(...hoursOf(24, (hour) => (hour < step ? 700 : 1_500 + 2 * hour)))).toBeUndefined();
    }
    const stair = [700, 700, 900, 900, 900, 1_100, 1_100, 1_100, 1_100, 1_100];
    for (let hours = 7; hours <= stair.length; hours++) expect(grown(...stair.slice(0, hours))).toBeUndefined();
  });

  it("is not seen in a day's work that is given back, or in growth that has ended", () => {
    expect(grown(700, 900, 1_100, 1_300, 1_200, 1_000, 800, 700, 700)).toBeUndefined();
    expect(grown(700, 900, 1_100, 1_300, 1_500, 1_700, 1_700, 1_700, 1_700, 1_700)).toBeUndefined();
  });

  it("is not seen below 400 MB or half as much again", () => {
    expect(grown(...hoursOf(24, (hour) => 700 + 17 * hour))).toBeUndefined();
    expect(grown(...hoursOf(24, (hour) => 4_000 + 80 * hour))).toBeUndefined();
  });

  it("is measured in hours in a row: after a gap, with another process and after a reboot it begins anew", () => {
    const climb = (since: number) => ({ rssMb: 900 + (since / HOUR) * 100 });
    const gap = watching();
    gap.see(6 * HOUR, climb);
    gap.pass(2 * HOUR);
    gap.see(4 * HOUR, (since) => climb(since + 8 * HOUR));
    expect(gap.tells).toEqual([]);

    const restarted = watching();
    restarted.see(5 * HOUR, climb);
    restarted.see(5 * HOUR, (since) => ({ pid: 8, ...climb(since + 5 * HOUR) }));
    expect(restarted.tells).toEqual([]);
    expect(shiftState(restarted.state(), -HOUR)).not.toHaveProperty("trends");
  });

  it("goes on where it was when another watcher continues from the journal", () => {
    const at = watching();
    at.see(5 * HOUR, (since) => ({ rssMb: 900 + (since / HOUR) * 100 }));
    const later = watching(JSON.parse(JSON.stringify(at.state())), at.now());
    later.see(4 * HOUR, (since) => ({ rssMb: 1_400 + (since / HOUR) * 100 }));
    expect(later.causes()).toEqual(["memory-growing"]);
  });
});

describe("answers that take long", () => {
  it("are told when they have been slow for five minutes, with the median", () => {
    const at = watching();
    at.see(10 * MINUTE, { answerMs: 4 });
    at.see(10 * MINUTE, { answerMs: 1_700 });
    expect(at.tells).toEqual([
      {
        // The sixth slow look turns the median, of ten looks ten seconds apart.
        atMs: 10 * MINUTE + 50 * SECOND + 5 * MINUTE,
        cause: "answers-slow",
        evidence: ["/healthz took 1700 ms (median of the last 10 looks), so for 5 min"],
      },
    ]);
  });

  it("are told once, and again only after they were fast for an hour", () => {
    const at = watching();
    at.see(2 * HOUR, { answerMs: 1_700 });
    at.see(30 * MINUTE, { answerMs: 4 });
    at.see(30 * MINUTE, { answerMs: 1_700 });
    expect(at.tells.length).toBe(1);
    at.see(65 * MINUTE, { answerMs: 4 });
    at.see(10 * MINUTE, { answerMs: 1_700 });
    expect(at.tells.length).toBe(2);
  });

  it("are told of a degraded gateway too, and though some of them come too late altogether", () => {
    const at = watching();
    at.see(12 * MINUTE, (since) => (since % MINUTE === 0 ? { condition: "silent" } : { condition: "degraded", answerMs: 1_900 }));
    expect(at.causes()).toEqual(["answers-slow"]);
  });

  it("are not told for one busy stall, whether it answers slowly or not at all", () => {
    const at = watching();
    at.see(30 * MINUTE, { answerMs: 4 });
    at.see(3 * MINUTE, { answerMs: 1_990 });
    at.see(30 * MINUTE, { answerMs: 4 });
    at.see(20 * SECOND, { answerMs: 1_990 });
    at.see(170 * SECOND, { condition: "silent" });
    at.see(20 * SECOND, { answerMs: 1_990 });
    at.see(30 * MINUTE, { answerMs: 4 });
    expect(at.tells).toEqual([]);
  });

  it("are not told for a slow one now and then, nor for a gateway that always takes a second", () => {
    const at = watching();
    at.see(2 * HOUR, (since) => ({ answerMs: (since / SECOND) % 30 === 0 ? 1_990 : 4 }));
    at.see(2 * HOUR, { answerMs: 1_000 });
    expect(at.tells).toEqual([]);
  });

  it("are not judged by those of another process, or of before a long gap", () => {
    const at = watching();
    at.see(4 * MINUTE, { answerMs: 1_900 });
    at.see(4 * MINUTE, { pid: 8, answerMs: 1_900 });
    at.pass(HOUR);
    at.see(4 * MINUTE, { pid: 8, answerMs: 1_900 });
    expect(at.tells).toEqual([]);
  });

  it("are not judged by cheap looks, which ask nothing", () => {
    const at = watching();
    at.see(HOUR, { condition: "alive", answerMs: 1_900 });
    expect(at.tells).toEqual([]);
  });
});

describe("what is measured in a look", () => {
  it("is the process's own memory and the time that /healthz took", () => {
    const seen = assess(
      look({ process: alive({ rssBytes: 9e8 }), health: ok({ state: "answered", status: 200, tookMs: 812, body: {} }) }),
      policy,
    );
    expect(seen).toMatchObject({ condition: "serving", rssBytes: 9e8, answerMs: 812 });
  });

  it("is absent where it could not be seen", () => {
    expect(assess(look({ process: unseen("EACCES"), health: answers(200) }), policy)).not.toHaveProperty("rssBytes");
    expect(assess(hung({}), policy)).not.toHaveProperty("answerMs");
    const dead = assess(absent({}), policy);
    expect([dead.rssBytes, dead.answerMs]).toEqual([undefined, undefined]);
  });
});
