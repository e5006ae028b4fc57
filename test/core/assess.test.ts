import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assess } from "../../rescue-profile/core/assess.ts";
import type { Condition, Observation, Verdict } from "../../rescue-profile/core/model.ts";
import { absent, alive, answers, anyLook, busyWith, ended, gone, hung, look, ok, refused, service, silent, unseen } from "./looks.ts";

const RUNS = process.env["RESCUE_FULL"] === "1" ? 20_000 : 1_000;
const policy = { lateMs: 5_000, clockGapMs: 5_000 };
const see = (observation: Observation) => assess(observation, policy);
const noListener = ok({ state: "none" } as const);
const outOfSight = ok({ state: "unattributed" } as const);
const theirs = ok({ state: "owned", pid: 8 } as const);
const foreignAnswer = ok({ state: "foreign", status: 404 } as const);
const unreadable = unseen("EACCES");

/** The rows of the table in `assess`, in its order: what is seen, the condition, and words of its evidence. */
// biome-ignore format: a table reads by its rows
const ROWS: [string, Observation, Condition, string][] = [
  ["any process, the look began late", absent({ lateMs: 5_001 }), "blind", "5.0 s late"],
  ["any process, the wall clock jumped ahead", absent({ clockGapMs: 5_001 }), "blind", "the clocks moved 5.0 s apart"],
  ["any process, the wall clock jumped back", absent({ clockGapMs: -9_000 }), "blind", "the clocks moved -9.0 s apart"],
  ["unreadable, a gateway answers 200", look({ process: unreadable }), "serving", "cannot be examined: EACCES"],
  ["unreadable, a gateway answers 503", look({ process: unreadable, health: answers(503) }), "blind", "cannot be examined: EACCES"],
  ["unreadable, nothing answers", absent({ process: unreadable }), "blind", "cannot be examined: EACCES"],
  ["unreadable, not asked further", { atMs: 1, lateMs: 0, clockGapMs: 0, process: unreadable }, "blind", "cannot be examined: EACCES"],
  ["alive, not asked further", { atMs: 1, lateMs: 0, clockGapMs: 0, process: alive() }, "alive", "pid 7 is alive"],
  ["alive, the port is another's, which answers", look({ listener: theirs }), "foreign-port", "pid 8 owns the port"],
  ["alive, the port is another's, which is silent", hung({ listener: theirs }), "foreign-port", "pid 8 owns the port"],
  ["alive, startupz says draining", look({ startup: answers(503, { status: "draining" }) }), "draining", "it says it is draining"],
  ["alive, readyz says draining", look({ ready: answers(503, { failing: ["gateway-draining"] }) }), "draining", "it says it is draining"],
  ["alive, starting, with a reason", look({ startup: answers(503, { status: "starting", pendingReason: "plugins" }) }), "starting", "plugins"],
  ["alive, starting, without one", look({ startup: answers(503), ready: answers(503) }), "starting", "no reason given"],
  ["alive, answers 200 to all three", look({}), "serving", "/healthz answers 200"],
  ["alive, answers 200 to healthz only", look({ startup: silent, ready: silent }), "serving", "/healthz answers 200"],
  ["alive, answers 500", look({ health: answers(500) }), "degraded", "/healthz answers 500"],
  ["alive, answers readyz only", look({ health: silent }), "degraded", "/healthz answers nothing"],
  ["alive, readyz red", look({ ready: answers(503, { failing: ["telegram"] }) }), "degraded", "failing: telegram"],
  ["alive, readyz red without a word", look({ ready: answers(503) }), "degraded", "no reason given"],
  ["alive, its channels are muted", look({ ready: answers(200, { suppressed: ["telegram"] }) }), "degraded", "suppressed: telegram"],
  ["alive, serves during maintenance", look({ maintenance: busyWith("doctor") }), "serving", "/healthz answers 200"],
  ["alive, silent, an update runs", hung({ maintenance: busyWith("update") }), "maintenance", "update is running (pid 9)"],
  ["alive, silent, traced", hung({ process: alive({ run: "traced" }) }), "maintenance", "traced by a debugger"],
  ["alive, silent, state T", hung({ process: alive({ run: "stopped" }) }), "frozen", "stopped (state T)"],
  ["alive, silent, running", hung({ process: alive({ run: "running" }) }), "silent", "connects, but no answer for 2.0 s"],
  ["alive, silent, in the kernel", hung({ process: alive({ run: "uninterruptible" }) }), "silent", "pid 7 is uninterruptible"],
  ["alive, refuses", look({ health: refused, startup: refused, ready: refused, listener: noListener }), "deaf", "nothing listens"],
  [
    "alive, refuses, named by the service only",
    look({ process: alive({ namedBy: "service" }), health: refused, startup: refused, ready: refused, listener: noListener }),
    "starting",
    "nothing listens",
  ],
  ["alive, its port answers something else", look({ health: foreignAnswer, startup: foreignAnswer, ready: foreignAnswer }), "degraded", "404"],
  ["alive, health cannot be asked", look({ health: unseen("EMFILE"), startup: unreadable, ready: unreadable }), "blind", "EMFILE"],
  ["absent, an update runs", absent({ maintenance: busyWith("update") }), "maintenance", "update is running (pid 9)"],
  ["absent, a gateway answers from out of sight", absent({ listener: outOfSight, health: answers(200) }), "serving", "not visible here"],
  ["absent, something silent listens out of sight", absent({ listener: outOfSight, health: silent }), "foreign-port", "not our gateway"],
  ["absent, the port is another's, which answers", absent({ listener: theirs, health: answers(200) }), "foreign-port", "pid 8 owns the port"],
  ["absent, another program answers", absent({ listener: outOfSight, health: foreignAnswer }), "foreign-port", "not our gateway"],
  ["absent, the service runs", absent({ service: service("running") }), "starting", "systemd says running"],
  ["absent, the service starts", absent({ service: service("starting") }), "starting", "systemd says starting"],
  ["absent, ended with 78", absent({ service: service("parked", { lastExit: { code: 78 } }) }), "parked", "last exit 78"],
  ["absent, the manager gave up", absent({ service: service("latched", { lastExit: { signal: "SIGKILL" } }) }), "latched", "last exit SIGKILL"],
  ["absent, stopped on purpose", absent({ service: service("stopped", { stoppedOnPurpose: true }) }), "stopped-cleanly", "systemd says stopped"],
  ["absent, never ran, stopped", absent({ service: service("stopped"), lifecycle: ok(null) }), "stopped-cleanly", "it has never run"],
  ["absent, never ran, no service", absent({ service: service("not-installed"), lifecycle: ok(null) }), "stopped-cleanly", "it has never run"],
  ["absent, never ran, nobody to ask", absent({ service: unreadable, lifecycle: ok(null) }), "stopped-cleanly", "it has never run"],
  ["absent, a clean stop", absent({ service: service("stopped"), lifecycle: ended("clean_stop", "SIGTERM") }), "stopped-cleanly", "(SIGTERM)"],
  ["absent, a clean stop, nobody to ask", absent({ service: unreadable, lifecycle: ended("clean_stop") }), "stopped-cleanly", "stopped cleanly"],
  ["absent, a clean stop that the manager means to undo", absent({ service: service("failed"), lifecycle: ended("clean_stop") }), "gone", "failed"],
  ["absent, a planned restart", absent({ service: service("backing-off"), lifecycle: ended("planned_restart") }), "planned-restart", "planned restart"],
  ["absent, a planned restart, nobody to ask", absent({ service: unreadable, lifecycle: ended("planned_restart") }), "planned-restart", "planned"],
  ["absent, nothing can be read", absent({ service: unseen("no bus"), lifecycle: unreadable }), "blind", "no bus; EACCES"],
  ["absent, not asked further", { atMs: 1, lateMs: 0, clockGapMs: 0, process: gone }, "blind", "nothing else was looked at"],
  ["absent, crashed, the manager waits", absent({ service: service("backing-off"), lifecycle: ended(null) }), "gone", "pid 7 is gone"],
  ["absent, crashed, no service", absent({ service: service("not-installed"), lifecycle: ended(null) }), "gone", "pid 7 is gone"],
  ["absent, crashed, nobody to ask", absent({ service: unreadable, lifecycle: ended("startup_failed") }), "blind", "cannot be known"],
  ["absent, nobody claims the directory", absent({ process: ok({ state: "absent", because: "no-lock" }) }), "gone", "no process holds"],
];

const VERDICTS: Record<Verdict, readonly Condition[]> = {
  up: ["serving", "degraded"],
  down: ["gone", "frozen", "silent", "deaf", "latched", "parked", "foreign-port"],
  unknown: ["starting", "draining", "planned-restart", "stopped-cleanly", "maintenance", "alive", "blind"],
};

describe("one look shows, by the table's rows", () => {
  for (const [what, observation, condition, words] of ROWS) {
    it(`${what}: ${condition}`, () => {
      const seen = see(observation);
      expect(seen.condition).toBe(condition);
      expect(seen.evidence.join("; ")).toContain(words);
      expect(VERDICTS[seen.verdict]).toContain(condition);
    });
  }

  it("and every condition has a row", () => {
    expect(new Set(ROWS.map(([, , condition]) => condition))).toEqual(new Set(Object.values(VERDICTS).flat()));
  });

  it("just in time is not late", () => {
    expect(see(look({ lateMs: 5_000, clockGapMs: -5_000 }))).toMatchObject({ condition: "serving", verdict: "up" });
    expect(see(look({ lateMs: 5_001 })).distrust).toBeDefined();
  });
});

describe("a silent gateway", () => {
  const harm = (resources: object) => see(hung({ resources: ok(resources) }));
  it("names the first harm that a kill would do", () => {
    expect(harm({ diskFreeRatio: 0.009, databaseLockedByPid: 8 })).toMatchObject({ killHarm: "disk-full" });
    expect(harm({ diskFreeRatio: 0.5, databaseLockedByPid: 8, waitsForDisk: true })).toMatchObject({ killHarm: "database-locked" });
    expect(harm({ waitsForDisk: true })).toMatchObject({ killHarm: "disk-wait" });
    expect(harm({ openFiles: 1_004, openFilesLimit: 1_024 })).toMatchObject({ killHarm: "descriptors-exhausted" });
    expect(harm({ openFiles: 1_003, openFilesLimit: 1_024 }).killHarm).toBeUndefined();
  });

  it("rules harm out only when it was looked for", () => {
    expect(harm({ diskFreeRatio: 0.5 }).killHarmRuledOut).toBe(true);
    expect(see(hung({})).killHarmRuledOut).toBeUndefined();
    expect(see(hung({ resources: unreadable })).killHarmRuledOut).toBeUndefined();
  });
});

describe("a living gateway's progress", () => {
  it("changes with its pid, its owner and its reason to wait, and with nothing else", () => {
    const starting = (pendingReason: string) => answers(503, { pendingReason });
    const base = see(look({ startup: starting("a") })).progress;
    expect(see(look({ startup: starting("a"), health: answers(503), process: alive({ cpuMs: 1 }) })).progress).toBe(base);
    for (const other of [
      look({ startup: starting("b") }),
      look({ startup: starting("a"), process: alive({ ownerId: "o2" }) }),
      look({ startup: starting("a"), process: alive({ identity: { pid: 8, startTime: 70 } }), listener: ok({ state: "owned", pid: 8 }) }),
    ]) {
      expect(see(other).progress).not.toBe(base);
    }
  });
});

/** What must have been seen, and not only not been looked at, for a verdict of "down". */
function proof({ process, probes }: Observation, condition: Condition): boolean {
  if (probes === undefined || !process.ok) return false;
  const { listener, health, service } = probes;
  const quiet = health.ok && health.value.state === "silent";
  const lives = process.value.state === "alive";
  switch (condition) {
    case "foreign-port":
      if (listener.ok && listener.value.state === "owned") return true;
      return lives ? listener.ok && health.ok && health.value.state === "foreign" : health.ok && health.value.state !== "refused";
    case "frozen":
      return process.value.state === "alive" && process.value.run === "stopped" && quiet;
    case "silent":
      return lives && quiet;
    case "deaf":
      return lives && health.ok && (health.value.state === "refused" || (listener.ok && listener.value.state === "none"));
    case "latched":
    case "parked":
      return !lives && service.ok && service.value.state === condition;
    case "gone":
      return !lives && service.ok;
    default:
      return false;
  }
}

describe("whatever a look contains", () => {
  const check = (property: (observation: Observation) => void) => fc.assert(fc.property(anyLook, property), { numRuns: RUNS });
  const freeze = <T>(value: T): T => {
    if (typeof value === "object" && value !== null) for (const part of Object.values(Object.freeze(value))) freeze(part);
    return value;
  };

  it("it is assessed, without being changed, to one known condition with evidence", () => {
    check((observation) => {
      const seen = see(freeze(observation));
      expect(VERDICTS[seen.verdict]).toContain(seen.condition);
      expect(seen.atMs).toBe(observation.atMs);
      expect(seen.evidence.length).toBeGreaterThan(0);
      for (const sentence of seen.evidence) expect(sentence).not.toMatch(/undefined|\[object/);
      expect(see(observation)).toEqual(seen);
    });
  });

  it("a late look, or one over a jump of the clocks, is unknown", () => {
    check((observation) => {
      const { lateMs, clockGapMs } = observation;
      if (lateMs <= policy.lateMs && Math.abs(clockGapMs) <= policy.clockGapMs) return;
      expect(see(observation)).toMatchObject({ verdict: "unknown", distrust: expect.any(String) });
    });
  });

  it("a process that could not be examined is never down", () => {
    check((observation) => {
      expect(see({ ...observation, process: unreadable }).verdict).not.toBe("down");
    });
  });

  it("down is said only because of what was seen, never because of what could not be looked at", () => {
    check((observation) => {
      const seen = see(observation);
      if (seen.verdict === "down") expect(proof(observation, seen.condition)).toBe(true);
    });
  });

  it("where nothing but the process could be looked at, nothing is down", () => {
    check(({ process }) => {
      const blind = { listener: unreadable, health: unreadable, startup: unreadable, ready: unreadable };
      const seen = see(look({ process, ...blind, lifecycle: unreadable, service: unreadable, maintenance: unreadable }));
      expect(seen.verdict).toBe("unknown");
    });
  });

  it("only a look that showed the process says which one it was", () => {
    check((observation) => {
      const { identity } = see(observation);
      if (identity === undefined) return;
      expect(observation.process).toMatchObject({ ok: true, value: { state: "alive", identity } });
    });
  });
});
