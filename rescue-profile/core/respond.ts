import { adviceFor, CAUSES, kills, type Tier, tierOf } from "./causes.ts";
import type { Action, Decision } from "./event.ts";
import type { Classification } from "./findings.ts";
import { nextLook } from "./pace.ts";
import type { Policy } from "./policy.ts";
import type { OpenIncident, Phase, Relapse, WatchState } from "./state.ts";

/** What the responses have in common: when, to what, with which rights. */
export interface Fault {
  readonly atMs: number;
  readonly found: Classification;
  /** Whether it ended by itself, had to be ended, or neither. */
  readonly relapse: Relapse["kind"] | null;
  /** Which proposal is carried out. */
  readonly proposal?: number;
}

/** Opens the incident if none is open, and begins a repair: its intent, and what it costs, are in the returned state. */
export function startRepair(state: WatchState, fault: Fault, by: string, policy: Policy): Decision {
  const { atMs, found, relapse, proposal } = fault;
  const { cause } = found;
  const tier: Tier = tierOf(cause) ?? 1;
  const opened = openIncident(state, fault);
  const incident: OpenIncident = {
    ...opened.incident,
    attempts: opened.incident.attempts + (tier === 1 ? 1 : 0),
    mends: tier === 1 ? opened.incident.mends : [...opened.incident.mends, cause],
    // A person who was told, and then sees that what was proposed is done, is to hear when that has not helped either.
    told: tier === 3 ? [] : opened.incident.told,
  };
  const attempt = incident.attempts + incident.mends.length;
  const next: WatchState = {
    ...state,
    phase: { name: "repairing", sinceMs: atMs, cause },
    incident,
    lastIncident: Math.max(state.lastIncident, incident.id),
    repairs: [...state.repairs, atMs],
    kills: kills(cause) ? [...state.kills, atMs] : state.kills,
    relapses: relapse === null ? state.relapses : [...state.relapses, { atMs, kind: relapse }],
  };
  const repair: Action = {
    kind: "start-repair",
    incident: incident.id,
    attempt,
    tier,
    cause,
    subject: found.subject ?? null,
    evidence: found.evidence,
    confidence: found.confidence,
    identity: kills(cause) ? state.track.identity : null,
    by,
    ...(proposal === undefined ? {} : { proposal }),
  };
  return decision(next, [...opened.actions, repair], policy, atMs, `${cause}: repair ${attempt} begins`);
}

/** It cannot or may not be repaired: a person has the word. `why` is the reason when the cause itself has a remedy. */
export function tellHuman(state: WatchState, fault: Fault, policy: Policy, why?: string): Decision {
  const { cause, subject } = fault.found;
  const advice = adviceFor(cause, subject);
  const told = withTold(state, fault, why === undefined ? advice : `${why}; ${advice}`);
  const already = state.phase.name === "human" && state.phase.cause === cause;
  const phase: Phase = already ? state.phase : { name: "human", sinceMs: fault.atMs, cause };
  return decision({ ...told.state, phase }, told.actions, policy, fault.atMs, `${cause}: needs a human`);
}

/** What may be done was done, or cannot be: told, and nothing more until `untilMs`. */
export function coolDown(state: WatchState, fault: Fault, untilMs: number, why: string, policy: Policy): Decision {
  const { cause, subject } = fault.found;
  const told = withTold(state, fault, `${why}; needs a human, or the next try after the cooldown. ${adviceFor(cause, subject)}`);
  const phase: Phase = { name: "cooling", untilMs, cause };
  return decision({ ...told.state, phase, restUntilMs: untilMs }, told.actions, policy, fault.atMs, `${cause}: ${why}`);
}

/** A rest that was told goes on; it is noted as an incident of its own, and not told again. */
export function restOn(state: WatchState, fault: Fault, untilMs: number, policy: Policy): Decision {
  const { incident, actions } = openIncident(state, fault);
  const lastIncident = Math.max(state.lastIncident, incident.id);
  const phase: Phase = { name: "cooling", untilMs, cause: fault.found.cause };
  return decision(
    { ...state, incident, lastIncident, phase },
    actions,
    policy,
    fault.atMs,
    `${fault.found.cause}, while the rest that was told lasts`,
  );
}

/** Opens the incident if none is open and tells each cause once per round. */
function withTold(state: WatchState, fault: Fault, advice: string): { state: WatchState; actions: readonly Action[] } {
  const { cause, evidence } = fault.found;
  const opened = openIncident(state, fault);
  const { incident } = opened;
  if (incident.told.includes(cause)) return { state: { ...state, incident }, actions: opened.actions };
  const tell: Action = {
    kind: "tell",
    severity: "critical",
    incident: incident.id,
    cause,
    text: `${CAUSES[cause].title}: ${advice}`,
    evidence,
  };
  const next: WatchState = {
    ...state,
    incident: { ...incident, told: [...incident.told, cause] },
    lastIncident: Math.max(state.lastIncident, incident.id),
  };
  return { state: next, actions: [...opened.actions, tell] };
}

function openIncident(state: WatchState, { atMs, found }: Fault): { incident: OpenIncident; actions: readonly Action[] } {
  const { cause, evidence } = found;
  if (state.incident !== null) return { incident: { ...state.incident, cause }, actions: [] };
  const id = state.lastIncident + 1;
  const firstSeenMs = Math.min(state.track.sinceMs, atMs);
  return {
    incident: { id, cause, openedMs: atMs, attempts: 0, mends: [], told: [] },
    actions: [{ kind: "open-incident", incident: id, cause, firstSeenMs, evidence }],
  };
}

export function decision(state: WatchState, actions: readonly Action[], policy: Policy, atMs: number, reason: string): Decision {
  return { state, actions, next: nextLook(state, atMs, policy), reason };
}
