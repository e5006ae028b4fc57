import { expect } from "vitest";
import type { Cause } from "../../rescue-profile/core/model.ts";
import type { Journal } from "../../rescue-profile/journal/journal.ts";
import { type RepairOrder, type RunnerPorts, runRepair } from "../../rescue-profile/repair/runner.ts";
import { bareJournal, Clock, type Death, deathsUpTo, Killed, NEVER, noting } from "./deaths.ts";
import { unchanged } from "./harness.ts";
import { machine } from "./machine.ts";

export const GATEWAY = { pid: 70, startTime: 700 };
const NEXT = { pid: 90, startTime: 900 };

/** A machine with one gateway. `effects` is what was really done to it. */
export interface World {
  readonly effects: string[];
  old: "lives" | "ended";
  next: boolean;
  nowMs: number;
}

/** How this machine behaves: does the gateway end when asked, and does its manager start it again by itself? */
export interface Nature {
  readonly endsOn: "SIGTERM" | "SIGKILL" | "nothing";
  readonly respawns: boolean;
  /** False: it had ended before the repair began. */
  readonly lives?: boolean;
}

/** For plans without a file. */
const NO_FILES = machine();
NO_FILES[Symbol.dispose]();

export function portsOf(world: World, nature: Nature, journal: RunnerPorts["journal"], mend = NO_FILES.mend): RunnerPorts {
  const current = () => (world.next ? NEXT : world.old === "lives" ? GATEWAY : undefined);
  return {
    ...unchanged(GATEWAY),
    identityOf: (pid) => {
      const found = [...(world.old === "lives" ? [GATEWAY] : []), ...(world.next ? [NEXT] : [])].find((each) => each.pid === pid);
      return found === undefined ? undefined : { ...found, uid: 1000 };
    },
    // A kill leaves the lock behind; the next gateway takes it over.
    lockHolder: () => ({ ...(world.next ? NEXT : GATEWAY), stateDir: "/home/ana/.openclaw" }),
    serviceMainPid: async () => current()?.pid,
    listenerPid: async () => current()?.pid,
    signal: (_pid, signal) => {
      world.effects.push(signal);
      if (signal !== nature.endsOn) return;
      world.old = "ended";
      world.next = nature.respawns;
    },
    sleep: async (ms, signal) => {
      if (ms > 1_000) return new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));
      world.nowMs += ms;
    },
    monotonicMs: () => world.nowMs,
    service: {
      manager: "systemd",
      name: "openclaw-gateway",
      status: async () => {
        const running = current();
        return {
          manager: "systemd",
          ...(running === undefined ? { state: "failed" as const } : { state: "running" as const, mainPid: running.pid }),
        };
      },
      start: async () => {
        world.effects.push("start");
        world.next = true;
      },
      restart: async () => {
        world.effects.push("restart");
      },
      stop: async () => {
        world.effects.push("stop");
      },
    },
    gatewayAgeMs: async () => undefined,
    maintenance: async () => [],
    mend,
    onStep: () => undefined,
    journal,
  };
}

interface Ending {
  readonly world: World;
  readonly journal: Journal;
  readonly id: number;
  /** Steps that the journal knows as done, and those of them that were taken again nevertheless. */
  readonly done: ReadonlySet<number>;
  readonly repeated: readonly number[];
  /** Port calls of the last run. */
  readonly calls: number;
}

/** Runs a repair whose runner is killed at each of `deaths`, one per run, and at last runs to its end. */
export async function repairWith(cause: Cause, nature: Nature, deaths: readonly Death[]): Promise<Ending> {
  const { journal, id } = bareJournal(cause, GATEWAY, null);
  const world: World = { effects: [], old: nature.lives === false ? "ended" : "lives", next: false, nowMs: 0 };
  const order: RepairOrder = { id, cause, identity: GATEWAY, subject: null, windUp: false };
  const { noted, done, repeated } = noting(journal);
  let calls = 0;
  for (const death of [...deaths, NEVER]) {
    if (journal.repair(id)?.outcome !== null) break;
    const clock = new Clock(death);
    const ports = portsOf(world, nature, noted);
    const mortal: RunnerPorts = { ...clock.mortal(ports), journal: clock.mortal(noted), service: clock.mortal(ports.service) };
    try {
      await runRepair(order, mortal);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    calls = clock.calls;
  }
  return { world, journal, id, done, repeated, calls };
}

const GONE: Nature = { endsOn: "nothing", respawns: false, lives: false };
export const NATURES: [string, Cause, Nature, string[]][] = [
  ["a frozen gateway", "process-frozen", { endsOn: "SIGKILL", respawns: false }, ["SIGKILL", "start"]],
  ["a frozen gateway that its manager starts again", "process-frozen", { endsOn: "SIGKILL", respawns: true }, ["SIGKILL"]],
  ["a silent gateway that ends when asked", "silent-flat", { endsOn: "SIGTERM", respawns: false }, ["SIGTERM", "start"]],
  ["a busy gateway that ends when asked", "silent-busy", { endsOn: "SIGTERM", respawns: true }, ["SIGTERM"]],
  ["a stalled boot", "boot-stalled", { endsOn: "SIGTERM", respawns: false }, ["SIGTERM", "start"]],
  ["a lost listener", "listener-lost", { endsOn: "SIGTERM", respawns: false }, ["SIGTERM", "start"]],
  ["a gateway that is gone", "process-gone", GONE, ["start"]],
  ["a latched service", "start-latched", GONE, ["start"]],
  ["a gateway that was too slow to boot", "boot-starved", GONE, ["start"]],
  ["a gateway that ran out of memory", "out-of-memory", GONE, ["start"]],
];

/** Kills the runner at every point, and once more at each of the points that `seconds` names; whatever happens, the gateway sees the same. */
export async function expectSameEverywhere(
  cause: Cause,
  nature: Nature,
  effects: readonly string[],
  seconds: (points: readonly Death[]) => readonly Death[],
): Promise<void> {
  const whole = await repairWith(cause, nature, []);
  expect(whole.world.effects).toEqual(effects);
  const points = deathsUpTo(whole.calls);
  expect(points.length).toBeGreaterThan(20);
  for (const first of points) {
    for (const deaths of [[first], ...seconds(points).map((second) => [first, second])]) {
      const { world, journal, id, done, repeated } = await repairWith(cause, nature, deaths);
      const where = `killed ${deaths.join(", then ")}`;
      expect(world.effects, where).toEqual(effects);
      expect([...done], where).toEqual([...whole.done]);
      expect(repeated, where).toEqual([]);
      expect(journal.repair(id)?.outcome, where).toBe("done");
      expect(world, where).toMatchObject({ old: "ended", next: true });
    }
  }
}
