import type { ProcessIdentity } from "../../../rescue-profile/core/model.ts";
import type { SupervisePolicy } from "./policy.ts";

/**
 * The supervisor as a pure function: state × event → next state + effects, in the order in which they are to be applied.
 *
 * `want` is what people asked for: `up` (keep one child), `down` (stopped, the supervisor stays), `exit` (stop and leave).
 * Rows are the child's phase, columns the event. `T`: SIGTERM and its deadline. `·`: nothing. `!`: does not happen, ignored.
 *
 * |             | exited      | swept    | timer          | start      | stop | restart    | terminate     |
 * |-------------|-------------|----------|----------------|------------|------|------------|---------------|
 * | idle        | !           | !        | ·              | spawn      | ·    | spawn      | finish        |
 * | spawning    | !           | !        | ·              | want up    | want | want up    | want          |
 * | up          | sweep       | !        | ·              | ·          | T    | T, want up | T             |
 * | ending      | sweep       | !        | SIGKILL (1)    | want up    | want | want up    | want, SIGKILL (2) |
 * | sweeping    | !           | settle   | ·              | hurry      | want | hurry      | want          |
 * | backing-off | !           | !        | spawn          | spawn      | idle | spawn      | finish        |
 * | parked      | !           | !        | ·              | spawn      | idle | spawn      | finish        |
 *
 * `spawned` turns spawning into up, or into ending when nobody wants it any more; `spawn-failed` backs off, or finishes when
 * nothing ever ran. (1) at the stop deadline; at the kill deadline a leaving supervisor finishes. (2) on the second signal.
 * settle: exit → finish; down → idle; hurry → spawn; 78 → parked; asked to end, or exit 0 of a child that stayed → spawn;
 * anything else → backing-off.
 *
 * So a child is spawned only where no child is, and never after 78 or a stop unless somebody asked for it later.
 */
export const EXIT_PARKED = 78;

/** Empty when nobody could see how it ended: an adopted child is not ours to wait for. */
export interface ChildExit {
  readonly code?: number;
  readonly signal?: string;
}

export type ChildPhase =
  | { readonly is: "idle" }
  | { readonly is: "spawning" }
  | { readonly is: "up"; readonly child: ProcessIdentity; readonly sinceMs: number }
  | { readonly is: "ending"; readonly child: ProcessIdentity; readonly sinceMs: number; readonly killed: boolean }
  | { readonly is: "sweeping"; readonly exit: ChildExit; readonly uptimeMs: number; readonly asked: boolean; readonly hurry: boolean }
  | { readonly is: "backing-off"; readonly untilMs: number }
  | { readonly is: "parked" };

export interface Supervision {
  readonly want: "up" | "down" | "exit";
  readonly phase: ChildPhase;
  /** Children that ran so far, an adopted one included. */
  readonly spawned: number;
  readonly nextBackOffMs: number;
  readonly lastExit: ChildExit | null;
  readonly exitAskedMs: number | null;
}

export type Timer = "back-off" | "stop-deadline" | "kill-deadline";
export type Verb = "start" | "stop" | "restart";

export type SuperviseEvent =
  | { readonly kind: "begin"; readonly adopt: ProcessIdentity | null }
  | { readonly kind: "spawned"; readonly child: ProcessIdentity }
  | { readonly kind: "spawn-failed"; readonly why: string }
  | { readonly kind: "exited"; readonly exit: ChildExit }
  | { readonly kind: "swept" }
  | { readonly kind: "timer"; readonly timer: Timer }
  | { readonly kind: "request"; readonly verb: Verb }
  | { readonly kind: "terminate"; readonly signal: string };

export type Effect =
  | { readonly kind: "spawn" }
  | { readonly kind: "watch-adopted"; readonly child: ProcessIdentity }
  /** SIGTERM to the child alone: its helpers must outlive its drain (the unit's `KillMode=mixed`). */
  | { readonly kind: "ask-to-end"; readonly child: ProcessIdentity }
  | { readonly kind: "kill-group"; readonly child: ProcessIdentity }
  /** End what the dead child left in its process group; answered by `swept`. */
  | { readonly kind: "sweep"; readonly child: ProcessIdentity }
  | { readonly kind: "record"; readonly child: ProcessIdentity | null }
  | { readonly kind: "arm"; readonly timer: Timer; readonly afterMs: number }
  | { readonly kind: "disarm"; readonly timer: Timer }
  | { readonly kind: "finish"; readonly outcome: "stopped" | "cannot-start" | "outlived-kill"; readonly why: string }
  | { readonly kind: "tell"; readonly event: ToldEvent; readonly details: Record<string, unknown> };

/** Names of the structured log. Stable: people grep for them. */
export type ToldEvent =
  | "child-started"
  | "child-adopted"
  | "child-ended"
  | "child-spawn-failed"
  | "child-stopping"
  | "child-killed"
  | "handed-over"
  | "backing-off"
  | "parked"
  | "stopped"
  | "leaving"
  | "left"
  | "stragglers-ended"
  | "stragglers-left"
  | "signal-forwarded"
  | "control-listening"
  | "control-request"
  | "control-failed"
  | "record-failed";

export interface Step {
  readonly state: Supervision;
  readonly effects: readonly Effect[];
  /** Set when a request was not taken, as a sentence. */
  readonly refused?: string;
}

export function initialSupervision(policy: SupervisePolicy): Supervision {
  return { want: "up", phase: { is: "idle" }, spawned: 0, nextBackOffMs: policy.backOffMs, lastExit: null, exitAskedMs: null };
}

/** `atMs`: monotonic milliseconds, any origin, the same one for all calls. */
export function reduce(state: Supervision, event: SuperviseEvent, atMs: number, policy: SupervisePolicy): Step {
  const { phase } = state;
  switch (event.kind) {
    case "begin":
      if (phase.is !== "idle" || state.want !== "up" || state.spawned > 0) return same(state);
      return event.adopt === null ? spawn(state) : up(state, event.adopt, atMs, true, policy);
    case "spawned":
      return phase.is === "spawning" ? up(state, event.child, atMs, false, policy) : same(state);
    case "spawn-failed":
      return phase.is === "spawning" ? spawnFailed(state, event.why, atMs, policy) : same(state);
    case "exited":
      return phase.is === "up" || phase.is === "ending" ? sweep(state, phase, event.exit, atMs) : same(state);
    case "swept":
      return phase.is === "sweeping" ? settle(state, phase, atMs, policy) : same(state);
    case "timer":
      return expire(state, event.timer, policy);
    case "request":
      if (state.want === "exit") return { ...same(state), refused: "the supervisor is ending" };
      return event.verb === "stop" ? leave({ ...state, want: "down" }, policy) : request(state, event.verb, policy);
    case "terminate":
      return terminate(state, event.signal, atMs, policy);
  }
}

const same = (state: Supervision): Step => ({ state, effects: [] });
const tell = (event: ToldEvent, details: Record<string, unknown> = {}): Effect => ({ kind: "tell", event, details });

function spawn(state: Supervision): Step {
  return { state: { ...state, phase: { is: "spawning" } }, effects: [{ kind: "disarm", timer: "back-off" }, { kind: "spawn" }] };
}

function up(state: Supervision, child: ProcessIdentity, atMs: number, adopted: boolean, policy: SupervisePolicy): Step {
  const next: Supervision = { ...state, phase: { is: "up", child, sinceMs: atMs }, spawned: state.spawned + 1 };
  const effects: Effect[] = [{ kind: "record", child }, tell(adopted ? "child-adopted" : "child-started", { pid: child.pid })];
  if (adopted) effects.push({ kind: "watch-adopted", child });
  if (next.want === "up") return { state: next, effects };
  const left = leave(next, policy);
  return { state: left.state, effects: [...effects, ...left.effects] };
}

function spawnFailed(state: Supervision, why: string, atMs: number, policy: SupervisePolicy): Step {
  const told = tell("child-spawn-failed", { why });
  if (state.want === "exit") return finish(state, "stopped", "no child was running", [told]);
  if (state.want === "down") return { state: { ...state, phase: { is: "idle" } }, effects: [told, tell("stopped")] };
  if (state.spawned === 0) return finish(state, "cannot-start", why, [told]);
  return backOff(state, state.nextBackOffMs, atMs, policy, [told]);
}

function sweep(state: Supervision, phase: Extract<ChildPhase, { is: "up" | "ending" }>, exit: ChildExit, atMs: number): Step {
  const uptimeMs = atMs - phase.sinceMs;
  return {
    state: { ...state, lastExit: exit, phase: { is: "sweeping", exit, uptimeMs, asked: phase.is === "ending", hurry: false } },
    effects: [
      { kind: "disarm", timer: "stop-deadline" },
      { kind: "disarm", timer: "kill-deadline" },
      tell("child-ended", { pid: phase.child.pid, ...exit, uptimeMs, asked: phase.is === "ending" }),
      { kind: "sweep", child: phase.child },
    ],
  };
}

function settle(state: Supervision, phase: Extract<ChildPhase, { is: "sweeping" }>, atMs: number, policy: SupervisePolicy): Step {
  const { exit, uptimeMs } = phase;
  const forget: Effect = { kind: "record", child: null };
  const rested = uptimeMs >= policy.steadyMs ? { ...state, nextBackOffMs: policy.backOffMs } : state;
  const again = (...effects: Effect[]): Step => {
    const spawned = spawn(rested);
    return { state: spawned.state, effects: [forget, ...effects, ...spawned.effects] };
  };
  if (state.want === "exit") return finish(rested, "stopped", "the child ended", [forget]);
  if (state.want === "down") return { state: { ...rested, phase: { is: "idle" } }, effects: [forget, tell("stopped")] };
  if (phase.hurry) return again();
  if (exit.code === EXIT_PARKED)
    return { state: { ...rested, phase: { is: "parked" } }, effects: [forget, tell("parked", { code: EXIT_PARKED })] };
  if (phase.asked) return again();
  if (exit.code === 0 && uptimeMs >= policy.handOverMinMs) return again(tell("handed-over"));
  return backOff(rested, rested.nextBackOffMs, atMs, policy, [forget]);
}

function backOff(state: Supervision, delayMs: number, atMs: number, policy: SupervisePolicy, before: readonly Effect[]): Step {
  return {
    state: {
      ...state,
      phase: { is: "backing-off", untilMs: atMs + delayMs },
      nextBackOffMs: Math.min(policy.backOffMaxMs, delayMs * 2),
    },
    effects: [...before, tell("backing-off", { delayMs }), { kind: "arm", timer: "back-off", afterMs: delayMs }],
  };
}

function expire(state: Supervision, timer: Timer, policy: SupervisePolicy): Step {
  const { phase } = state;
  switch (timer) {
    case "back-off":
      return phase.is === "backing-off" ? spawn(state) : same(state);
    case "stop-deadline":
      return phase.is === "ending" && !phase.killed ? kill(state, phase, "the stop deadline passed", policy) : same(state);
    case "kill-deadline":
      if (phase.is !== "ending" || !phase.killed || state.want !== "exit") return same(state);
      return finish(state, "outlived-kill", `pid ${phase.child.pid} still exists ${policy.killTimeoutMs} ms after SIGKILL`, []);
  }
}

function kill(state: Supervision, phase: Extract<ChildPhase, { is: "ending" }>, why: string, policy: SupervisePolicy): Step {
  return {
    state: { ...state, phase: { ...phase, killed: true } },
    effects: [
      { kind: "disarm", timer: "stop-deadline" },
      { kind: "kill-group", child: phase.child },
      tell("child-killed", { pid: phase.child.pid, why }),
      { kind: "arm", timer: "kill-deadline", afterMs: policy.killTimeoutMs },
    ],
  };
}

function endChild(state: Supervision, phase: Extract<ChildPhase, { is: "up" }>, policy: SupervisePolicy): Step {
  const { child, sinceMs } = phase;
  return {
    state: { ...state, phase: { is: "ending", child, sinceMs, killed: false } },
    effects: [
      tell("child-stopping", { pid: child.pid, because: state.want === "up" ? "restart" : state.want === "down" ? "stop" : "exit" }),
      { kind: "arm", timer: "stop-deadline", afterMs: policy.stopTimeoutMs },
      { kind: "ask-to-end", child },
    ],
  };
}

/** `want` has just become `down` or `exit`: go there from wherever the child is. */
function leave(state: Supervision, policy: SupervisePolicy): Step {
  const { phase } = state;
  switch (phase.is) {
    case "up":
      return endChild(state, phase, policy);
    case "ending":
      // A supervisor that waits for a killed child in order to restart it waits without end; one that leaves must not.
      if (!phase.killed || state.want !== "exit") return same(state);
      return { state, effects: [{ kind: "arm", timer: "kill-deadline", afterMs: policy.killTimeoutMs }] };
    case "spawning":
      return same(state);
    case "sweeping":
      return same({ ...state, phase: { ...phase, hurry: false } });
    case "idle":
    case "backing-off":
    case "parked": {
      const disarm: Effect = { kind: "disarm", timer: "back-off" };
      if (state.want === "exit") return finish(state, "stopped", "no child was running", [disarm]);
      return { state: { ...state, phase: { is: "idle" } }, effects: phase.is === "idle" ? [] : [disarm, tell("stopped")] };
    }
  }
}

function request(before: Supervision, verb: "start" | "restart", policy: SupervisePolicy): Step {
  const state: Supervision = { ...before, want: "up", nextBackOffMs: policy.backOffMs };
  const { phase } = state;
  switch (phase.is) {
    case "idle":
    case "backing-off":
    case "parked":
      return spawn(state);
    case "up":
      return verb === "restart" ? endChild(state, phase, policy) : same(state);
    case "sweeping":
      return same({ ...state, phase: { ...phase, hurry: true } });
    case "spawning":
    case "ending":
      return same(state);
  }
}

function terminate(state: Supervision, signal: string, atMs: number, policy: SupervisePolicy): Step {
  const { phase } = state;
  if (state.want === "exit" && phase.is === "idle") return same(state);
  if (state.exitAskedMs === null) {
    const left = leave({ ...state, want: "exit", exitAskedMs: atMs }, policy);
    return { state: left.state, effects: [tell("leaving", { signal }), ...left.effects] };
  }
  const insists = atMs - state.exitAskedMs >= policy.insistAfterMs;
  if (insists && phase.is === "ending" && !phase.killed) return kill(state, phase, `a second signal, ${signal}`, policy);
  return same(state);
}

function finish(state: Supervision, outcome: Extract<Effect, { kind: "finish" }>["outcome"], why: string, before: readonly Effect[]): Step {
  return { state: { ...state, want: "exit", phase: { is: "idle" } }, effects: [...before, { kind: "finish", outcome, why }] };
}
