import fc from "fast-check";
import type {
  HealthBody,
  HttpReading,
  LifecycleReading,
  ListenerReading,
  MaintenanceReading,
  Observation,
  Probes,
  ProcessReading,
  Reading,
  ResourceReading,
  ServiceReading,
} from "../../rescue-profile/core/model.ts";

export type Alive = Extract<ProcessReading, { state: "alive" }>;

/** One look at a gateway, part by part as a test needs it; the rest is that of a gateway that serves. */
export interface Parts extends Partial<Probes> {
  readonly process?: Reading<ProcessReading>;
  readonly lateMs?: number;
  readonly clockGapMs?: number;
}

export const ok = <T>(value: T): Reading<T> => ({ ok: true, value });
export const unseen = (why: string): { readonly ok: false; readonly why: string } => ({ ok: false, why });
export const answers = (status: number, body: HealthBody = {}): Reading<HttpReading> => ok({ state: "answered", status, tookMs: 3, body });
export const silent = ok<HttpReading>({ state: "silent", afterMs: 2_000 });
export const refused = ok<HttpReading>({ state: "refused" });

export function alive(parts: Partial<Alive> = {}): Reading<ProcessReading> {
  const identity = { pid: 7, startTime: 70 };
  return ok({
    state: "alive",
    identity,
    namedBy: "lock",
    run: "sleeping",
    cpuMs: 900,
    ageMs: 60_000,
    rssBytes: 7e8,
    ownerId: "o1",
    ...parts,
  });
}

export const gone = ok<ProcessReading>({ state: "absent", because: "gone", lastPid: 7 });
export const service = (state: ServiceReading["state"], rest: Partial<ServiceReading> = {}): Reading<ServiceReading> =>
  ok({ manager: "systemd", state, ...rest });
export const ended = (outcome: LifecycleReading["outcome"], reason?: string): Reading<LifecycleReading> =>
  ok({ pid: 7, startedWallMs: 1, outcome, ...(reason === undefined ? {} : { reason }) });
export const busyWith = (what: string): Reading<MaintenanceReading> => ok({ running: [{ pid: 9, what }] });

export function look(parts: Parts): Observation {
  const { process = alive(), lateMs = 0, clockGapMs = 0, ...probes } = parts;
  return {
    atMs: 1_000,
    lateMs,
    clockGapMs,
    process,
    probes: {
      listener: ok({ state: "owned", pid: 7 }),
      health: answers(200),
      startup: answers(200),
      ready: answers(200, { status: "ready", failing: [] }),
      lifecycle: ended(null),
      service: service("running", { mainPid: 7 }),
      maintenance: ok({ running: [] }),
      ...probes,
    },
  };
}

/** Nothing listens and nobody is there, as after a kill -9. */
export function absent(parts: Parts): Observation {
  const nothing = { process: gone, listener: ok<ListenerReading>({ state: "none" }), health: refused, startup: refused, ready: refused };
  return look({ ...nothing, service: service("failed"), ...parts });
}

/** It connects and never answers. */
export const hung = (parts: Parts): Observation => look({ health: silent, startup: silent, ready: silent, ...parts });

const reading = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Reading<T>> =>
  fc.oneof({ weight: 4, arbitrary: value.map(ok) }, { weight: 1, arbitrary: fc.constantFrom("EACCES", "no such tool", "").map(unseen) });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** Drops what is undefined, since absent and undefined are different things here. */
const compact = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

const pid = fc.integer({ min: 6, max: 8 });
const ms = fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.double({ noNaN: true }));
const word = fc.constantFrom("ready", "draining", "starting", "gateway-draining", "telegram", "", "\u001b[2J");
const body = fc
  .record({ status: maybe(word), pendingReason: maybe(word), failing: maybe(fc.array(word)), suppressed: maybe(fc.array(word)) })
  .map(compact);
const http: fc.Arbitrary<HttpReading> = fc.oneof(
  fc.record({
    state: fc.constant("answered" as const),
    status: fc.constantFrom(200, 204, 404, 500, 503),
    tookMs: ms,
    body: body as fc.Arbitrary<HealthBody>,
  }),
  fc.constant({ state: "refused" as const }),
  fc.record({ state: fc.constant("silent" as const), afterMs: ms }),
  fc.record({ state: fc.constant("foreign" as const), status: fc.constantFrom(200, 404) }),
);
const anyProcess: fc.Arbitrary<ProcessReading> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc
      .record({ state: fc.constant("absent" as const), because: fc.constantFrom("no-lock" as const, "gone" as const), lastPid: maybe(pid) })
      .map(compact) as fc.Arbitrary<ProcessReading>,
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        state: fc.constant("alive" as const),
        identity: fc.record({ pid, startTime: fc.nat() }),
        namedBy: fc.constantFrom("lock" as const, "service" as const),
        run: fc.constantFrom("running" as const, "sleeping" as const, "uninterruptible" as const, "stopped" as const, "traced" as const),
        cpuMs: ms,
        ageMs: ms,
        rssBytes: fc.nat(),
        ownerId: maybe(word),
      })
      .map(compact) as fc.Arbitrary<ProcessReading>,
  },
);
const anyService = fc
  .record({
    manager: fc.constantFrom("systemd", "external"),
    state: fc.constantFrom("running", "starting", "backing-off", "stopped", "latched", "parked", "failed", "not-installed"),
    mainPid: maybe(pid),
    lastExit: maybe(fc.record({ code: maybe(fc.constantFrom(0, 1, 78)), signal: maybe(fc.constant("SIGKILL")) }).map(compact)),
    stoppedOnPurpose: maybe(fc.boolean()),
  })
  .map(compact) as fc.Arbitrary<ServiceReading>;
const anyLifecycle: fc.Arbitrary<LifecycleReading | null> = fc.option(
  fc
    .record({
      pid,
      startedWallMs: fc.nat(),
      outcome: fc.constantFrom("clean_stop", "planned_restart", "startup_failed", "other", null),
      reason: maybe(word),
    })
    .map(compact) as fc.Arbitrary<LifecycleReading>,
);
const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const anyResources = fc
  .record({
    diskFreeRatio: maybe(ratio),
    openFiles: maybe(fc.nat(2_000)),
    openFilesLimit: maybe(fc.constant(1_024)),
    databaseLockedByPid: maybe(pid),
    waitsForDisk: maybe(fc.boolean()),
  })
  .map(compact) as fc.Arbitrary<ResourceReading>;

const anyProbes = fc
  .record({
    listener: reading<ListenerReading>(
      fc.oneof(
        fc.constant({ state: "none" as const }),
        fc.constant({ state: "unattributed" as const }),
        fc.record({ state: fc.constant("owned" as const), pid }),
      ),
    ),
    health: reading(http),
    startup: reading(http),
    ready: reading(http),
    lifecycle: reading(anyLifecycle),
    service: reading(anyService),
    maintenance: reading(fc.record({ running: fc.array(fc.record({ pid, what: word }), { maxLength: 2 }) })),
    resources: maybe(reading(anyResources)),
  })
  .map(compact) as fc.Arbitrary<Probes>;

/** Any look whatsoever, also such as no machine would show. */
export const anyLook: fc.Arbitrary<Observation> = fc
  .record({
    atMs: ms,
    lateMs: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, ms),
    clockGapMs: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      ms,
      ms.map((value) => -value),
    ),
    process: reading(anyProcess),
    probes: maybe(anyProbes),
  })
  .map(compact) as fc.Arbitrary<Observation>;
