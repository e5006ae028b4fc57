import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CAUSES } from "../../rescue-profile/core/causes.ts";
import type { Cause } from "../../rescue-profile/core/model.ts";
import type { MendPorts } from "../../rescue-profile/repair/mending.ts";
import { planFor } from "../../rescue-profile/repair/plan.ts";
import { type RunnerPorts, runRepair } from "../../rescue-profile/repair/runner.ts";
import { bareJournal, Clock, type Death, deathsUpTo, Killed, NEVER, noting } from "./deaths.ts";
import type { DoctorNature } from "./fake-host.ts";
import { unchanged } from "./harness.ts";
import { exposed, GOOD, litter, type Machine, machine, tree } from "./machine.ts";

/** All pairs of points would take hours: every eleventh, or one for every sixth first death. */
const ALL_SECONDS = process.env["RESCUE_FULL"] === "1";
const GATEWAY = { pid: 70, startTime: 700 };

interface Scenario {
  readonly what: string;
  readonly cause: Cause;
  readonly config?: string;
  readonly breaks?: (at: Machine) => void;
  readonly doctor?: DoctorNature;
  readonly outcomes: readonly string[];
  /** The configuration that is there at last. */
  readonly ends: (at: Machine) => void;
}

const UNKNOWN = GOOD.replace("{\n", "{\n  bogusTop: { a: 1 },\n");
const WEAK: DoctorNature = { sets: { gateway: { mode: "remote", bind: "lan", auth: { mode: "none" } }, skills: { entries: {} } } };
const HALF: DoctorNature = { also: (path) => writeFileSync(path, "{ gateway: {") };
const restored = (at: Machine) => expect(at.read()).toBe(GOOD);
const unbroken = (at: Machine) => expect(at.read()).not.toContain("bogusTop");

const SCENARIOS: readonly Scenario[] = [
  { what: "a file cut in half", cause: "config-broken", config: GOOD.slice(0, 200), outcomes: ["done", "done"], ends: restored },
  {
    what: "an included file that was cut",
    cause: "config-broken",
    breaks: (at) => at.write("agents.json5", "{ defaults"),
    outcomes: ["done", "done"],
    ends: restored,
  },
  { what: "a wrong type", cause: "config-invalid", config: GOOD.replace("18789", "[]"), outcomes: ["done", "done"], ends: restored },
  {
    what: "a suspect change",
    cause: "config-suspect",
    config: GOOD.replace('mode: "local", ', ""),
    outcomes: ["done", "done"],
    ends: restored,
  },
  {
    what: "unknown keys",
    cause: "config-unknown-keys",
    config: UNKNOWN,
    doctor: WEAK,
    outcomes: ["done", "done", "done"],
    ends: unbroken,
  },
  {
    what: "unknown keys and a doctor that hangs",
    cause: "config-unknown-keys",
    config: UNKNOWN,
    doctor: { hangs: true },
    outcomes: ["done", "failed", "done", "done"],
    ends: restored,
  },
  {
    what: "unknown keys and a doctor that leaves half a file",
    cause: "config-unknown-keys",
    config: UNKNOWN,
    doctor: HALF,
    outcomes: ["done", "failed", "done", "done"],
    ends: restored,
  },
  { what: "a start that fails", cause: "start-failed", doctor: WEAK, outcomes: ["done", "done", "done"], ends: restored },
  {
    what: "a start that fails, and a doctor that hangs",
    cause: "start-failed",
    doctor: { hangs: true },
    outcomes: ["done", "failed", "done"],
    ends: restored,
  },
  {
    what: "a lock that names nobody",
    cause: "lock-dead",
    breaks: (at) => writeFileSync(at.mend.lockPath, "{", { mode: 0o600 }),
    outcomes: ["done", "done"],
    ends: (at) => expect([existsSync(at.mend.lockPath), at.read()]).toEqual([false, GOOD]),
  },
  {
    what: "a plugin that ends the gateway",
    cause: "plugin-crash",
    outcomes: ["done", "done"],
    ends: (at) => expect(at.read()).toContain('"enabled": false'),
  },
  {
    what: "a plugin that blocks the gateway",
    cause: "plugin-stall",
    outcomes: ["done", "done", "done"],
    ends: (at) => expect(at.read()).toContain('"enabled": false'),
  },
];

interface Ending {
  readonly outcomes: readonly string[];
  readonly details: readonly string[];
  readonly outcome: string | null | undefined;
  readonly effects: readonly string[];
  readonly doctors: number;
  readonly repeated: readonly number[];
  readonly state: Record<string, string>;
  /** Names only: a later run of a doctor that was interrupted leaves one more saved state. */
  readonly folder: readonly string[];
  readonly calls: number;
  /** Signals, starts and commands that write, after each run. */
  readonly begun: readonly number[];
}

async function repairWith(scenario: Scenario, deaths: readonly Death[], windUp = false): Promise<Ending> {
  using at = machine(scenario.config ?? GOOD);
  scenario.breaks?.(at);
  if (scenario.doctor !== undefined) at.host.doctor = scenario.doctor;
  const { journal, db, id } = bareJournal(scenario.cause, GATEWAY, "crashy");
  const { noted, repeated } = noting(journal);
  const effects: string[] = [];
  let lives = true;
  let calls = 0;
  const begun: number[] = [];
  for (const death of [...deaths, NEVER]) {
    if (journal.repair(id)?.outcome !== null) break;
    const clock = new Clock(death);
    const ports = portsFor(
      at,
      clock,
      effects,
      () => lives,
      () => (lives = false),
      noted,
    );
    try {
      await runRepair({ id, cause: scenario.cause, identity: GATEWAY, subject: "crashy", windUp: windUp && begun.length > 0 }, ports);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    calls = clock.calls;
    begun.push(effects.length + at.host.count("doctor --fix") + at.host.count("config set"));
    // At every moment, and not only at the end.
    expect(exposed(at.home), `${death}`).toEqual([]);
  }
  if (!windUp) scenario.ends(at);
  expect(litter(at.home)).toEqual([]);
  const steps = db.prepare("SELECT name, outcome, detail FROM steps WHERE repair = ? ORDER BY seq").all(id);
  return {
    outcomes: steps.map((step) => String(step["outcome"])),
    // A process that ended, or a service that was started, before anybody heard of it is found so, and said to be.
    details: steps
      .filter(({ name }) => name !== "end-process" && name !== "start-service")
      .map((step) => String(step["detail"]).replaceAll(at.home, "")),
    outcome: journal.repair(id)?.outcome,
    effects,
    doctors: at.host.count("doctor --fix"),
    repeated,
    state: tree(at.stateDir),
    folder: Object.keys(tree(at.folder)).filter((name) => !name.includes("config-interrupted")),
    calls,
    begun,
  };
}

function portsFor(
  at: Machine,
  clock: Clock,
  effects: string[],
  lives: () => boolean,
  end: () => void,
  journal: RunnerPorts["journal"],
): RunnerPorts {
  const last = () => effects.findLast((effect) => effect === "start" || effect === "stop");
  const base: RunnerPorts = {
    ...unchanged(GATEWAY),
    identityOf: (pid) => (lives() && pid === GATEWAY.pid ? { ...GATEWAY, uid: 1000 } : undefined),
    signal: (_pid, signal) => {
      effects.push(signal);
      end();
    },
    sleep: at.step.sleep,
    monotonicMs: at.step.monotonicMs,
    maintenance: async () => [],
    gatewayAgeMs: async () => undefined,
    service: {
      manager: "systemd",
      name: "openclaw-gateway",
      status: async () => {
        const stopped = { state: "stopped", stoppedOnPurpose: true } as const;
        return { manager: "systemd", ...(last() === "stop" ? stopped : { state: last() === "start" ? "running" : "failed" }) };
      },
      start: async () => {
        effects.push("start");
      },
      restart: async () => {
        effects.push("restart");
      },
      // A stop of what is stopped is none.
      stop: async () => {
        if (last() !== "stop") effects.push("stop");
      },
    },
    mend: at.mend,
    onStep: () => undefined,
    journal,
  };
  const halves: { readonly [name: string]: (...args: never[]) => void } = {
    host: at.host.half,
    // The first file of several.
    restore: (saved: Parameters<MendPorts["restore"]>[0]) => at.mend.restore({ ...saved, files: saved.files.slice(0, 1) }),
  };
  // A deadline that nobody reaches must not win the race against work that is merely waited for.
  const sleep: RunnerPorts["sleep"] = async (ms, signal) =>
    signal === undefined ? at.step.sleep(ms) : new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  return {
    ...clock.mortal({ ...base, sleep }),
    journal: clock.mortal(journal),
    service: clock.mortal(base.service),
    mend: clock.mortal(at.mend, halves),
  };
}

function sameEverywhere({ outcomes, details, outcome, effects, repeated, state, folder }: Omit<Ending, "doctors">): object {
  return { outcomes, details, outcome, effects, repeated, state, folder };
}

/** What is kept of a broken file is there as soon as it was saved. */
function withoutBroken(state: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !name.includes(".broken-")));
}

describe("a repair that mends files", () => {
  for (const scenario of SCENARIOS) {
    it(`for ${scenario.what} ends the same, at whichever point its runner is killed`, async () => {
      const whole = await repairWith(scenario, []);
      expect(whole.outcomes).toEqual(scenario.outcomes);
      expect(whole.doctors).toBeLessThanOrEqual(1);
      const points = deathsUpTo(whole.calls, ["before", "within", "after"]);
      expect(points.length).toBeGreaterThan(30);
      for (const first of points) {
        const one: Death = [((first[0] * 7) % whole.calls) + 1, "within"];
        const seconds = ALL_SECONDS ? points.filter(([at]) => at % 11 === 1) : first[0] % 6 === 0 ? [one] : [];
        for (const second of [undefined, ...seconds]) {
          const deaths = second === undefined ? [first] : [first, second];
          const { doctors, ...ending } = await repairWith(scenario, deaths);
          expect(sameEverywhere(ending), `killed ${deaths.join(", then ")}`).toEqual(sameEverywhere(whole));
          // A doctor that nobody heard of is asked again, from what lay there before it; one that was heard of is not.
          expect(doctors, `killed ${deaths.join(", then ")}`).toBeLessThanOrEqual(whole.doctors + deaths.length);
        }
      }
    }, 600_000);
  }

  for (const scenario of SCENARIOS) {
    it(`for ${scenario.what} leaves no file half-way when it is killed and not gone on with`, async () => {
      using untouched = machine(scenario.config ?? GOOD);
      scenario.breaks?.(untouched);
      const whole = await repairWith(scenario, []);
      const ends = [tree(untouched.stateDir), whole.state].map(withoutBroken);
      // That a stop was intended is all that is known: it may have been made.
      const holds = planFor(scenario.cause, GATEWAY, "crashy").some(({ name }) => name === "hold-service");
      let lost = 0;
      for (const death of deathsUpTo(whole.calls, ["before", "within", "after"])) {
        const { state, outcome, begun, effects } = await repairWith(scenario, [death], true);
        // A service that was stopped for a doctor is started again in any case.
        if (effects.includes("stop")) expect(effects.at(-1), `killed ${death}`).toBe("start");
        expect(ends, `killed ${death}`).toContainEqual(withoutBroken(state));
        if (outcome !== "lost") continue;
        lost++;
        expect((begun[1] ?? 0) - (begun[0] ?? 0), `killed ${death}`).toBeLessThanOrEqual(holds ? 1 : 0);
      }
      expect(lost).toBeGreaterThan(20);
    }, 600_000);
  }

  it("is among these for every cause that has such a plan", () => {
    const planned = Object.keys(CAUSES).filter((cause) =>
      planFor(cause as Cause, GATEWAY, "crashy").some(({ name }) => name !== "end-process" && name !== "start-service"),
    );
    expect([...new Set(SCENARIOS.map(({ cause }) => cause))].sort()).toEqual(planned.sort());
  });

  it("keeps the broken file as it was when it goes on after a kill", async () => {
    const scenario = SCENARIOS[0];
    if (scenario === undefined) throw new Error("no scenario");
    const whole = await repairWith(scenario, []);
    for (const death of deathsUpTo(whole.calls, ["within", "after"])) {
      const ends = (at: Machine) =>
        expect(readFileSync(join(at.folder, "repair-1", "openclaw.json.broken"), "utf8"), `${death}`).toBe(scenario.config);
      await repairWith({ ...scenario, ends }, [death]);
    }
  });
});
