import { assess } from "./core/assess.ts";
import { type Action, type Decision, decide, isJudgeable, type WatchEvent } from "./core/decide.ts";
import { withheld } from "./core/limits.ts";
import type { Assessment, Observation } from "./core/model.ts";
import type { Policy } from "./core/policy.ts";
import type { RepairOutcome, WatchState } from "./core/state.ts";
import { forget } from "./core/track.ts";

/** A request that somebody left in the journal. */
export interface LoopRequest {
  readonly id: number;
  readonly kind: "repair" | "pause" | "resume";
  readonly payload: { readonly forMs?: number; readonly reason?: string };
  readonly by: string;
}

/** What the loop needs of the world; built for real in main.ts. */
export interface LoopPorts {
  readonly monotonicMs: () => number;
  /** Resolves after `ms`, or at once when the signal aborts; true when somebody woke it earlier, because something happened. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<boolean>;
  /** One look. `lateMs` is how much later than planned it begins. Never rejects for a state of the gateway. */
  readonly look: (depth: "identity" | "full", lateMs: number) => Promise<Observation>;
  /** Durable before it returns. Returns the repairs whose intent it wrote. Throws when we are not the watcher any more. */
  readonly commit: (state: WatchState, actions: readonly Action[]) => readonly number[];
  readonly renewLease: () => void;
  readonly startRepair: (repairId: number) => void;
  /** How the newest repair of this incident ended; `running` while its runner lives, `orphaned` when it died without a word. */
  readonly repairOutcome: (incident: number) => {
    readonly state: "running" | "orphaned" | RepairOutcome;
    readonly id: number;
    readonly note: string;
  };
  readonly requests: () => readonly LoopRequest[];
  readonly answer: (request: number, text: string) => void;
  /** Every decision that changed something, after it is durable. */
  readonly told: (news: LoopNews) => void;
}

export interface LoopNews {
  readonly event: WatchEvent;
  readonly before: WatchState;
  readonly decision: Decision;
}

/** The state is written at least this often, so that a later run and `status` know what was seen last. */
const SAVE_EVERY_MS = 10_000;
/** After a longer gap nothing is known of what lasted. */
const GAP_MS = 90_000;

/**
 * Watches until the signal aborts or `until` says that this round is done. Looks, assesses, decides, persists, acts, in that order.
 * Returns the last state. Throws when the journal refuses (lease lost, disk full): nothing is done that could not be written first.
 */
export async function watch(
  start: WatchState,
  policy: Policy,
  ports: LoopPorts,
  signal: AbortSignal,
  until: (decision: Decision, seen: Assessment) => boolean = () => false,
): Promise<WatchState> {
  let state = afterGap(start, ports.monotonicMs());
  let savedMs = Number.NEGATIVE_INFINITY;
  let plannedMs = ports.monotonicMs();
  let depth: "identity" | "full" = "full";

  const apply = (event: WatchEvent, atMs: number): Decision => {
    const before = state;
    const decision = decide(before, event, policy);
    const changed = isNews(before, decision);
    if (changed || atMs - savedMs >= SAVE_EVERY_MS) {
      const repairs = ports.commit(decision.state, decision.actions);
      savedMs = atMs;
      state = decision.state;
      ports.renewLease();
      for (const id of repairs) ports.startRepair(id);
    }
    state = decision.state;
    if (changed) ports.told({ event, before, decision });
    return decision;
  };

  while (!signal.aborted) {
    const woken = await ports.sleep(Math.max(0, plannedMs - ports.monotonicMs()), signal);
    if (signal.aborted) break;
    if (woken) depth = "full";
    const lateMs = Math.max(0, ports.monotonicMs() - plannedMs);

    const requests = ports.requests();
    const answer = (request: LoopRequest): Decision => {
      const decision = apply(toEvent(request, ports.monotonicMs()), ports.monotonicMs());
      ports.answer(request.id, decision.reason);
      return decision;
    };
    // "Repair now" speaks of what is so now: it is judged by a full look of this very round. A pause holds before that look is acted on.
    const toRepair = requests.filter((request) => request.kind === "repair");
    for (const request of requests) if (request.kind !== "repair") answer(request);
    const orphan = settleRepair(state, ports, apply);

    const observation = await ports.look(toRepair.length > 0 ? "full" : depth, lateMs);
    if (signal.aborted) break;
    const seen = assess(observation, policy);
    let decision = apply({ kind: "sampled", assessment: seen }, seen.atMs);
    if (orphan !== undefined) decision = takeUp(orphan, state, seen, ports, apply) ?? decision;
    // Left open until enough looks agree: this round's successors look again at once.
    if (isJudgeable(state)) for (const request of toRepair) decision = answer(request);
    depth = decision.next.depth;
    plannedMs = ports.monotonicMs() + decision.next.afterMs;
    if (until(decision, seen)) break;
  }
  ports.commit(state, []);
  return state;
}

type Apply = (event: WatchEvent, atMs: number) => Decision;

/** Passes on how the repair ended. Returns its id when its runner died without a word. */
function settleRepair(state: WatchState, ports: LoopPorts, apply: Apply): number | undefined {
  if (state.phase.name !== "repairing" || state.incident === null) return undefined;
  const incident = state.incident.id;
  const { state: outcome, id, note } = ports.repairOutcome(incident);
  if (outcome === "running") return undefined;
  if (outcome === "orphaned") return id;
  const atMs = ports.monotonicMs();
  apply({ kind: "repair-settled", atMs, incident, outcome, note }, atMs);
  return undefined;
}

/** A decision that is older than this is not carried out any more: what it was about may have passed. */
const ORPHAN_MS = 60_000;

/**
 * A repair that was killed between its intent and its end goes on where it was, if it is still wanted: not while repairs are withheld, not
 * when the decision is old, and not when this round's look finds the gateway serving. Else it counts as lost.
 */
function takeUp(id: number, state: WatchState, seen: Assessment, ports: LoopPorts, apply: Apply): Decision | undefined {
  if (state.phase.name !== "repairing" || state.incident === null) return undefined;
  const tooOld = seen.atMs - state.phase.sinceMs > ORPHAN_MS ? "the decision is too old" : undefined;
  const why = withheld(state, seen.atMs) ?? tooOld ?? (seen.verdict === "up" ? "it serves again" : undefined);
  if (why === undefined) {
    ports.startRepair(id);
    return undefined;
  }
  return apply({ kind: "repair-settled", atMs: seen.atMs, incident: state.incident.id, outcome: "lost", note: why }, seen.atMs);
}

function toEvent(request: LoopRequest, atMs: number): WatchEvent {
  switch (request.kind) {
    case "repair":
      return { kind: "repair-requested", atMs, by: request.by };
    case "pause": {
      const { forMs, reason } = request.payload;
      return { kind: "paused", atMs, untilMs: forMs === undefined ? null : atMs + forMs, by: request.by, reason: reason ?? null };
    }
    case "resume":
      return { kind: "resumed", atMs, by: request.by };
  }
}

function afterGap(state: WatchState, nowMs: number): WatchState {
  return Math.abs(nowMs - state.track.lastMs) <= GAP_MS ? state : { ...state, track: forget(state.track, nowMs) };
}

function isNews(before: WatchState, decision: Decision): boolean {
  const { state, actions } = decision;
  return (
    actions.length > 0 ||
    state.phase !== before.phase ||
    state.incident !== before.incident ||
    state.pause !== before.pause ||
    state.graceUntilMs !== before.graceUntilMs ||
    state.everServed !== before.everServed ||
    state.track.condition !== before.track.condition
  );
}
