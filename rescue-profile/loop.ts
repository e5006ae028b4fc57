import { assess } from "./core/assess.ts";
import { decide } from "./core/decide.ts";
import type { Action, Decision, WatchEvent } from "./core/event.ts";
import type { Findings } from "./core/findings.ts";
import { withheld } from "./core/limits.ts";
import type { Assessment, Observation } from "./core/model.ts";
import type { Depth } from "./core/pace.ts";
import type { Policy } from "./core/policy.ts";
import type { Proposal } from "./core/proposal.ts";
import { isJudgeable } from "./core/request.ts";
import type { RepairOutcome, Warned, WatchState } from "./core/state.ts";
import { forget } from "./core/track.ts";

/** A request that somebody left in the journal. */
export interface LoopRequest {
  readonly id: number;
  readonly kind: "repair" | "pause" | "resume";
  readonly payload: {
    readonly forMs?: number;
    readonly reason?: string;
    readonly tier?: 1 | 2;
    readonly dryRun?: boolean;
    readonly proposal?: Proposal;
  };
  readonly by: string;
}

/** What the loop needs of the world; built for real in main.ts. */
export interface LoopPorts {
  readonly monotonicMs: () => number;
  /** Resolves after `ms`, or at once when the signal aborts; true when somebody woke it earlier, because something happened. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<boolean>;
  /** One look. `lateMs` is how much later than planned it begins. Never rejects for a state of the gateway. */
  readonly look: (depth: Depth, lateMs: number) => Promise<Observation>;
  /** After health has held and a deep look was taken: what to know of it once it is down. `acceptLoss`: a lost database was told, and it serves without. */
  readonly remember: (findings: Findings, acceptLoss: boolean) => void;
  /** What a repair would do, one sentence for each step, for a person. */
  readonly planned: (repair: Extract<Action, { kind: "start-repair" }>) => string;
  /**
   * Durable before it returns, with the answer to whoever asked for it. Returns the repairs whose intent it wrote; undefined when nobody waits for that answer any more, or what
   * was proposed is settled otherwise, and then nothing was written. Throws when we are not the watcher any more.
   */
  readonly commit: (
    state: WatchState,
    actions: readonly Action[],
    answer?: { readonly request: number; readonly text: string },
  ) => readonly number[] | undefined;
  readonly renewLease: () => void;
  /** `wind-up`: only to finish or undo the step that a killed runner left half done. */
  readonly startRepair: (repairId: number, how: "whole" | "wind-up") => void;
  /** How the newest repair of this incident ended; `running` while its runner lives, `orphaned` when it died without a word. */
  readonly repairOutcome: (incident: number) => {
    readonly state: "running" | "orphaned" | RepairOutcome;
    readonly id: number;
    readonly note: string;
    /** Orphaned in the middle of a step that changes files. */
    readonly halfDone: boolean;
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

/** A day after it was told, and still served with, the other database is the one to know. */
const LOSS_ACCEPTED_MS = 86_400_000;
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
  let depth: Depth = "full";

  const apply = (event: WatchEvent, atMs: number, request?: number): Decision => {
    const before = state;
    const decision = decide(before, event, policy);
    const changed = isNews(before, decision);
    if (changed || request !== undefined || atMs - savedMs >= SAVE_EVERY_MS) {
      const answer = request === undefined ? undefined : { request, text: decision.reason };
      const repairs = ports.commit(decision.state, decision.actions, answer);
      if (repairs === undefined) return { ...decision, state: before, actions: [] };
      savedMs = atMs;
      state = decision.state;
      ports.renewLease();
      for (const id of repairs) ports.startRepair(id, "whole");
    }
    state = decision.state;
    if (changed) ports.told({ event, before, decision });
    return decision;
  };

  while (!signal.aborted) {
    const woken = await ports.sleep(Math.max(0, plannedMs - ports.monotonicMs()), signal);
    if (signal.aborted) break;
    if (woken && depth === "identity") depth = "full";
    const lateMs = Math.max(0, ports.monotonicMs() - plannedMs);

    const requests = ports.requests();
    const answer = (request: LoopRequest, seen?: Assessment): Decision | undefined => {
      const event = toEvent(request, ports.monotonicMs(), seen);
      if (request.payload.dryRun !== true) return apply(event, ports.monotonicMs(), request.id);
      ports.answer(request.id, wouldDo(decide(state, event, policy), ports));
      return undefined;
    };
    // "Repair now" speaks of what is so now: it is judged by a deep look of this very round. A pause holds before that look is acted on.
    const toRepair = requests.filter((request) => request.kind === "repair");
    for (const request of requests) if (request.kind !== "repair") answer(request);
    const orphan = settleRepair(state, ports, apply);

    // A proposal chose already what is done.
    const wanted: Depth = toRepair.some(({ payload }) => payload.proposal === undefined) ? "deep" : "full";
    const observation = await ports.look(toRepair.length === 0 ? depth : wanted, lateMs);
    if (signal.aborted) break;
    const seen = assess(observation, policy);
    // What a person asks for is done, or only told, and not what would be done unasked.
    const assessment = toRepair.length === 0 ? seen : { ...seen, hold: seen.hold ?? "a person asks for a repair" };
    let decision = apply({ kind: "sampled", assessment }, seen.atMs);
    if (orphan !== undefined) decision = takeUp(orphan, state, seen, ports, apply) ?? decision;
    // A deep look takes seconds: who asked may have given up, or withdrawn it, meanwhile.
    const open = new Set(toRepair.length === 0 ? [] : ports.requests().map(({ id }) => id));
    const waiting = toRepair.filter(({ id }) => open.has(id));
    // Left open until enough looks agree: this round's successors look again at once.
    for (const request of waiting) if (isJudgeable(state, request.payload.proposal)) decision = answer(request, seen) ?? decision;
    if (seen.findings !== undefined && hasHeld(state, seen, policy)) {
      const isAccepted = ({ cause, told, sinceMs }: Warned) => cause === "database-lost" && told && seen.atMs - sinceMs >= LOSS_ACCEPTED_MS;
      ports.remember(seen.findings, state.warned.some(isAccepted));
    }
    depth = decision.next.depth;
    plannedMs = ports.monotonicMs() + decision.next.afterMs;
    if (until(decision, seen)) break;
  }
  ports.commit(state, []);
  return state;
}

type Apply = (event: WatchEvent, atMs: number) => Decision;

interface Orphan {
  readonly id: number;
  readonly halfDone: boolean;
}

/** Passes on how the repair ended. Returns it when its runner died without a word. */
function settleRepair(state: WatchState, ports: LoopPorts, apply: Apply): Orphan | undefined {
  if (state.phase.name !== "repairing" || state.incident === null) return undefined;
  const incident = state.incident.id;
  const { state: outcome, id, note, halfDone } = ports.repairOutcome(incident);
  if (outcome === "running") return undefined;
  if (outcome === "orphaned") return { id, halfDone };
  const atMs = ports.monotonicMs();
  apply({ kind: "repair-settled", atMs, incident, outcome, note }, atMs);
  return undefined;
}

/** A decision that is older than this is not carried out any more: what it was about may have passed. */
const ORPHAN_MS = 60_000;

/**
 * A repair that was killed between its intent and its end goes on where it was, if it is still wanted: not while repairs are withheld, not
 * when the decision is old, and not when this round's look finds the gateway serving. Else it counts as lost. But files that a step left
 * half changed are brought to one end or the other in any case.
 */
function takeUp({ id, halfDone }: Orphan, state: WatchState, seen: Assessment, ports: LoopPorts, apply: Apply): Decision | undefined {
  if (state.phase.name !== "repairing" || state.incident === null) return undefined;
  const tooOld = seen.atMs - state.phase.sinceMs > ORPHAN_MS ? "the decision is too old" : undefined;
  const why = withheld(state, seen.atMs) ?? tooOld ?? (seen.verdict === "up" ? "it serves again" : undefined);
  if (why === undefined || halfDone) {
    ports.startRepair(id, why === undefined ? "whole" : "wind-up");
    return undefined;
  }
  return apply({ kind: "repair-settled", atMs: seen.atMs, incident: state.incident.id, outcome: "lost", note: why }, seen.atMs);
}

function wouldDo({ actions, reason }: Decision, ports: LoopPorts): string {
  const repair = actions.find((action) => action.kind === "start-repair");
  return repair === undefined ? reason : ports.planned(repair);
}

/** What a deep look finds is worth remembering once nothing was wrong for as long as a recovery has to hold. */
function hasHeld(state: WatchState, seen: Assessment, policy: Policy): boolean {
  return seen.verdict === "up" && state.incident === null && seen.atMs - state.track.sinceMs >= policy.holdMs;
}

function toEvent(request: LoopRequest, atMs: number, seen: Assessment | undefined): WatchEvent {
  switch (request.kind) {
    case "repair": {
      const { tier, proposal } = request.payload;
      const chosen = {
        ...(tier === undefined ? {} : { tier }),
        ...(seen === undefined ? {} : { seen }),
        ...(proposal === undefined ? {} : { proposal }),
      };
      return { kind: "repair-requested", atMs, by: request.by, ...chosen };
    }
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
