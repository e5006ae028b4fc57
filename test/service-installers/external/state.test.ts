import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_SUPERVISE_POLICY as POLICY } from "../../../src/service-installers/external/policy.ts";
import {
  type Effect,
  initialSupervision,
  reduce,
  type SuperviseEvent,
  type Supervision,
} from "../../../src/service-installers/external/state.ts";

const child = (pid: number) => ({ pid, startTime: pid });
const begin: SuperviseEvent = { kind: "begin", adopt: null };
const spawned: SuperviseEvent = { kind: "spawned", child: child(1) };
const swept: SuperviseEvent = { kind: "swept" };
const backOff: SuperviseEvent = { kind: "timer", timer: "back-off" };
const term: SuperviseEvent = { kind: "terminate", signal: "SIGTERM" };
const exited = (code: number): SuperviseEvent => ({ kind: "exited", exit: { code } });
const ask = (verb: "start" | "stop" | "restart"): SuperviseEvent => ({ kind: "request", verb });

/** Applies events, each `number` being time that passes before the next one. Returns the last state and all effects since the last event. */
function play(...script: readonly (SuperviseEvent | number)[]) {
  let state = initialSupervision(POLICY);
  let atMs = 0;
  let effects: readonly Effect[] = [];
  let refused: string | undefined;
  for (const item of script) {
    if (typeof item === "number") atMs += item;
    else ({ state, effects, refused } = { refused: undefined, ...reduce(state, item, atMs, POLICY) });
  }
  return { state, phase: state.phase.is, kinds: effects.map(({ kind }) => kind), effects, refused };
}

const delayOf = (effects: readonly Effect[]) => effects.find((effect) => effect.kind === "arm")?.afterMs;
const RUNNING = [begin, spawned, 5_000] as const;

describe("after the child's own end", () => {
  test("an exit 0 hands over: the next child starts at once", () => {
    expect(play(...RUNNING, exited(0), swept).kinds).toContain("spawn");
  });

  test("an exit 0 within the first second is not a hand-over and waits like a failure", () => {
    expect(play(begin, spawned, 999, exited(0), swept)).toMatchObject({ phase: "backing-off" });
  });

  test("78 parks: no timer brings it back", () => {
    const { phase, effects } = play(...RUNNING, exited(78), swept);
    expect(phase).toBe("parked");
    expect(delayOf(effects)).toBeUndefined();
    expect(play(...RUNNING, exited(78), swept, backOff).phase).toBe("parked");
  });

  test("failures back off from 5 s, doubling up to a minute", () => {
    const script: (SuperviseEvent | number)[] = [begin];
    const delays = Array.from({ length: 6 }, () => {
      script.push(spawned, exited(1), swept);
      const delay = delayOf(play(...script).effects);
      script.push(backOff);
      return delay;
    });
    expect(delays).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  test("a minute of uptime starts the back-off anew", () => {
    const failed = [spawned, exited(1), swept, backOff] as const;
    expect(delayOf(play(begin, ...failed, ...failed, spawned, 60_000, exited(1), swept).effects)).toBe(5_000);
  });

  test("an unseen end of an adopted child counts as a failure", () => {
    const adopt: SuperviseEvent = { kind: "begin", adopt: child(9) };
    expect(play(adopt).kinds).toContain("watch-adopted");
    expect(play(adopt, 5_000, { kind: "exited", exit: {} }, swept).phase).toBe("backing-off");
  });

  test("nothing starts before the dead child's group is swept", () => {
    expect(play(...RUNNING, exited(0), backOff).phase).toBe("sweeping");
    expect(play(...RUNNING, exited(0), ask("start")).kinds).toEqual([]);
  });
});

describe("a command that cannot be run", () => {
  const failed: SuperviseEvent = { kind: "spawn-failed", why: "ENOENT" };

  test("ends the supervisor when nothing ever ran", () => {
    expect(play(begin, failed).effects).toContainEqual({ kind: "finish", outcome: "cannot-start", why: "ENOENT" });
  });

  test("is tried again when it ran before, as in the middle of an upgrade", () => {
    expect(play(...RUNNING, exited(0), swept, failed).phase).toBe("backing-off");
  });
});

describe("requests", () => {
  test.each(["start", "restart"] as const)("%s ends a back-off, a parking and a stop", (verb) => {
    expect(play(...RUNNING, exited(1), swept, ask(verb)).kinds).toEqual(["disarm", "spawn"]);
    expect(play(...RUNNING, exited(78), swept, ask(verb)).kinds).toContain("spawn");
    expect(play(...RUNNING, ask("stop"), exited(0), swept, ask(verb)).kinds).toContain("spawn");
  });

  test("start leaves a running child alone", () => {
    expect(play(...RUNNING, ask("start")).kinds).toEqual([]);
  });

  test("stop asks the child to end and nothing follows it, whatever it ends with", () => {
    expect(play(...RUNNING, ask("stop")).kinds).toContain("ask-to-end");
    for (const code of [0, 1, 78]) expect(play(...RUNNING, ask("stop"), exited(code), swept)).toMatchObject({ phase: "idle" });
  });

  test("start during a stop lets the child end and starts the next", () => {
    expect(play(...RUNNING, ask("stop"), ask("start"), exited(0), swept).kinds).toContain("spawn");
  });

  test("restart starts the next child at once, whatever the old one ends with, except 78", () => {
    expect(play(...RUNNING, ask("restart"), exited(143), swept).kinds).toContain("spawn");
    expect(play(...RUNNING, ask("restart"), exited(78), swept).phase).toBe("parked");
  });

  test("stop during the back-off cancels it", () => {
    const { kinds, phase } = play(...RUNNING, exited(1), swept, ask("stop"));
    expect(kinds).toContain("disarm");
    expect(phase).toBe("idle");
  });

  test("are refused once the supervisor is ending", () => {
    expect(play(...RUNNING, term, ask("start")).refused).toMatch(/ending/);
  });
});

describe("signals to the supervisor", () => {
  test("the first asks the child to end, and its end is the supervisor's", () => {
    expect(play(...RUNNING, term).kinds).toContain("ask-to-end");
    expect(play(...RUNNING, term, exited(0), swept).effects).toContainEqual({ kind: "finish", outcome: "stopped", why: "the child ended" });
  });

  test("a second one at once is the same key press; one later kills", () => {
    expect(play(...RUNNING, term, 10, term).kinds).toEqual([]);
    expect(play(...RUNNING, term, 1_000, term).kinds).toContain("kill-group");
  });

  test("the deadline kills, and a child that outlives that is left with an error", () => {
    expect(play(...RUNNING, term, { kind: "timer", timer: "stop-deadline" }).kinds).toContain("kill-group");
    const outlived = play(...RUNNING, term, { kind: "timer", timer: "stop-deadline" }, { kind: "timer", timer: "kill-deadline" });
    expect(outlived.effects).toContainEqual(expect.objectContaining({ kind: "finish", outcome: "outlived-kill" }));
  });

  test("finish at once when no child runs", () => {
    expect(play(...RUNNING, exited(78), swept, term).kinds).toContain("finish");
    expect(play(...RUNNING, exited(1), swept, term).kinds).toContain("finish");
  });

  test("a child that was being spawned when it came is ended", () => {
    expect(play(begin, term, spawned).kinds).toContain("ask-to-end");
  });
});

test("never two children, and none after 78 or a stop unless somebody asks again", () => {
  const event = fc.oneof(
    fc.constantFrom<SuperviseEvent>(begin, swept, term, backOff, ask("start"), ask("stop"), ask("restart")),
    fc.constantFrom<SuperviseEvent>({ kind: "timer", timer: "stop-deadline" }, { kind: "timer", timer: "kill-deadline" }),
    fc.constantFrom(0, 1, 78).map(exited),
    fc.constantFrom<SuperviseEvent>(spawned, { kind: "spawn-failed", why: "EAGAIN" }),
  );
  const script = fc.array(fc.tuple(event, fc.nat(70_000)), { maxLength: 60 });
  fc.assert(
    fc.property(script, (steps) => {
      let state: Supervision = initialSupervision(POLICY);
      let world: "none" | "spawning" | "alive" = "none";
      let forbidden = false;
      let atMs = 0;
      for (const [next, passedMs] of [[begin, 0] as const, ...steps]) {
        atMs += passedMs;
        // The world only says what is true: no end of a child that is not there.
        if (next.kind === "exited" && world !== "alive") continue;
        if ((next.kind === "spawned" || next.kind === "spawn-failed") && world !== "spawning") continue;
        if (next.kind === "exited") world = "none";
        if (next.kind === "spawned") world = "alive";
        if (next.kind === "spawn-failed") world = "none";
        if (next.kind === "exited" && "code" in next.exit && next.exit.code === 78) forbidden = true;
        if (next.kind === "terminate") forbidden = true;
        const step = reduce(state, next, atMs, POLICY);
        if (next.kind === "request" && step.refused === undefined) forbidden = next.verb === "stop";
        state = step.state;
        for (const { kind } of step.effects) {
          if (kind !== "spawn") continue;
          expect(world).toBe("none");
          expect(forbidden).toBe(false);
          world = "spawning";
        }
        if (state.phase.is === "up" || state.phase.is === "ending") expect(world).toBe("alive");
      }
    }),
    { numRuns: 2_000 },
  );
});
