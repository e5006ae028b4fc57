import type { Cause, Condition, ProcessIdentity, Says } from "./model.ts";

/**
 * Everything the watchdog remembers between two looks. Plain JSON, so that the journal can keep it and any later process can go on from it.
 * Times are monotonic (see model.ts); {@link shiftState} carries them over a reboot.
 */
export interface WatchState {
  readonly phase: Phase;
  readonly track: Track;
  /** When repairs were started (their intent written), within the last hour. */
  readonly repairs: readonly number[];
  /** When repairs that kill were started, within the host's window for unclean boots. */
  readonly kills: readonly number[];
  readonly pause: Pause | null;
  /** No repair before this time: the watchdog was late, or the clocks jumped. */
  readonly graceUntilMs: number | null;
  /** The incident that is open, whatever the phase. */
  readonly incident: OpenIncident | null;
  /** Number of the last incident; the next one is this plus one. */
  readonly lastIncident: number;
  /** Has this gateway ever been seen to serve? Before that nothing is killed. */
  readonly everServed: boolean;
  /** What it said of itself when it served last and no incident was open. */
  readonly saidServing: Says | null;
  /** When a deep look was taken last. */
  readonly surveyedMs: number;
  /** By what its state directory, database and configuration were known then; absent: not known. */
  readonly place?: string;
  /** Warnings that are so now, or were within the last hour. */
  readonly warned: readonly Warned[];
  /** Repairs of the last hour by what made them necessary; a process that somebody else ended counts as neither. */
  readonly relapses: readonly Relapse[];
  /** A rest that was told, which a short recovery does not end. */
  readonly restUntilMs: number | null;
  /** Of the process that serves; absent: nothing measured yet, or saved by an older watchdog. */
  readonly trends?: Trends;
}

/** `ended`: by its own exit code or signal. `silent`: it had to be ended. */
export interface Relapse {
  readonly atMs: number;
  readonly kind: "ended" | "silent";
}

export interface Warned {
  readonly cause: Cause;
  /** Two databases that are lost are two warnings. */
  readonly subject: string | null;
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly told: boolean;
}

/** What is measured of one process in the full looks in which it serves. Bounded, and begun anew with another process. */
export interface Trends {
  readonly identity: ProcessIdentity | null;
  readonly memory: MemoryTrend;
  readonly answers: AnswerTrend;
}

export interface MemoryTrend {
  /** The lowest resident memory of each past hour, bytes, in a row, oldest first; at most 24. */
  readonly hours: readonly number[];
  /** When the hour that is measured now began; in the future while the process warms up, which is not measured. */
  readonly hourMs: number;
  /** The lowest of that hour so far, bytes. */
  readonly lowest: number | null;
  /** Once per process. */
  readonly told: boolean;
}

export interface AnswerTrend {
  /** How long `/healthz` took in the last looks, milliseconds, oldest first; at most 10. */
  readonly tookMs: readonly number[];
  readonly lastMs: number;
  /** Since when their median has been slow. */
  readonly slowSinceMs: number | null;
}

export type Phase =
  | { readonly name: "watching" }
  /** A runner holds the repair; nothing is decided until it settles or its deadline passes. */
  | { readonly name: "repairing"; readonly sinceMs: number; readonly cause: Cause }
  /** The runner is done; health must hold. */
  | { readonly name: "verifying"; readonly sinceMs: number; readonly cause: Cause; readonly outcome: RepairOutcome; readonly note: string }
  /** The allowed repairs are used up. */
  | { readonly name: "cooling"; readonly untilMs: number; readonly cause: Cause }
  /** Told a human; a restart would not help. Ends when the gateway serves, or another cause with a remedy appears. */
  | { readonly name: "human"; readonly sinceMs: number; readonly cause: Cause };

/** `done`: its steps were taken. `failed`: a step could not be taken. `aborted`: the fence said no. `lost`: the runner died or never reported. */
export type RepairOutcome = "done" | "failed" | "aborted" | "lost";

export interface OpenIncident {
  readonly id: number;
  readonly cause: Cause;
  readonly openedMs: number;
  /** Repairs of the first tier started in this round; a cooldown starts a new round. */
  readonly attempts: number;
  /** Causes that the second tier mended in this round. None is mended twice: what did not help once does not help again. */
  readonly mends: readonly Cause[];
  /** Causes that were told in this incident already. */
  readonly told: readonly Cause[];
}

export interface Pause {
  readonly sinceMs: number;
  readonly untilMs: number | null;
  readonly by: string;
  readonly reason: string | null;
  /** When somebody was last reminded of it. */
  readonly toldMs?: number;
}

/** What was seen in a row. */
export interface Track {
  readonly condition: Condition;
  readonly sinceMs: number;
  /** Looks in a row that showed this condition. */
  readonly checks: number;
  readonly lastMs: number;
  readonly lastFullMs: number;
  readonly identity: ProcessIdentity | null;
  /** Has this very process served? */
  readonly served: boolean;
  /** CPU time at the start of the window in which progress is being measured. */
  readonly cpu: { readonly atMs: number; readonly cpuMs: number } | null;
  readonly progress: string | null;
  /** What was last found that a kill would make worse; `none`: looked for and not found; null: not known. */
  readonly killHarm: Cause | "none" | null;
  /** Looks in a row that could not see, while the condition above was taken to last. */
  readonly blindLooks: number;
  /** When CPU or another sign of progress last moved, within this condition. */
  readonly movedMs: number;
}

export function initialState(atMs: number): WatchState {
  return {
    phase: { name: "watching" },
    track: {
      condition: "blind",
      sinceMs: atMs,
      checks: 0,
      lastMs: atMs,
      lastFullMs: atMs - 86_400_000,
      identity: null,
      served: false,
      cpu: null,
      progress: null,
      killHarm: null,
      blindLooks: 0,
      movedMs: atMs,
    },
    repairs: [],
    kills: [],
    pause: null,
    graceUntilMs: null,
    incident: null,
    lastIncident: 0,
    everServed: false,
    saidServing: null,
    surveyedMs: atMs,
    warned: [],
    relapses: [],
    restUntilMs: null,
  };
}

/** Moves every time in the state by `shiftMs`: after a reboot the monotonic clock begins anew, and limits must go on counting. Pure. */
export function shiftState(state: WatchState, shiftMs: number): WatchState {
  const at = (value: number) => value + shiftMs;
  const maybe = (value: number | null) => (value === null ? null : at(value));
  // What was measured of a process is over with the process.
  const { trends: _ended, ...kept } = state;
  const { phase, track, pause, incident } = kept;
  const shiftedPhase: Phase =
    phase.name === "watching"
      ? phase
      : phase.name === "cooling"
        ? { ...phase, untilMs: at(phase.untilMs) }
        : { ...phase, sinceMs: at(phase.sinceMs) };
  return {
    ...kept,
    phase: shiftedPhase,
    track: {
      ...track,
      sinceMs: at(track.sinceMs),
      lastMs: at(track.lastMs),
      lastFullMs: at(track.lastFullMs),
      movedMs: at(track.movedMs),
      // A pid and its CPU time mean nothing after a reboot.
      identity: null,
      served: false,
      cpu: null,
      progress: null,
    },
    repairs: state.repairs.map(at),
    kills: state.kills.map(at),
    pause: pause === null ? null : shiftPause(pause, shiftMs),
    graceUntilMs: maybe(state.graceUntilMs),
    incident: incident === null ? null : { ...incident, openedMs: at(incident.openedMs) },
    surveyedMs: at(state.surveyedMs),
    warned: state.warned.map((each) => ({ ...each, sinceMs: at(each.sinceMs), lastMs: at(each.lastMs) })),
    relapses: state.relapses.map((each) => ({ ...each, atMs: at(each.atMs) })),
    restUntilMs: maybe(state.restUntilMs),
  };
}

function shiftPause({ toldMs, ...pause }: Pause, shiftMs: number): Pause {
  const untilMs = pause.untilMs === null ? null : pause.untilMs + shiftMs;
  const told = toldMs === undefined ? {} : { toldMs: toldMs + shiftMs };
  return { ...pause, sinceMs: pause.sinceMs + shiftMs, untilMs, ...told };
}
