import { CAUSES } from "./causes.ts";
import { diagnose, MIN_CHECKS } from "./diagnose.ts";
import { expire, mayKill, nextAllowedMs, withheld } from "./limits.ts";
import type { Assessment, Cause, ProcessIdentity } from "./model.ts";
import { type NextLook, nextLook } from "./pace.ts";
import type { Policy } from "./policy.ts";
import type { OpenIncident, Phase, RepairOutcome, WatchState } from "./state.ts";
import { follow, forget } from "./track.ts";

export type WatchEvent =
  | { readonly kind: "sampled"; readonly assessment: Assessment }
  /** The runner of this incident's repair ended. */
  | {
      readonly kind: "repair-settled";
      readonly atMs: number;
      readonly incident: number;
      readonly outcome: RepairOutcome;
      readonly note: string;
    }
  | { readonly kind: "repair-requested"; readonly atMs: number; readonly by: string }
  | { readonly kind: "paused"; readonly atMs: number; readonly untilMs: number | null; readonly by: string; readonly reason: string | null }
  | { readonly kind: "resumed"; readonly atMs: number; readonly by: string };

/** Effects as data, in the order in which they are to be applied, after the new state is durable. */
export type Action =
  | {
      readonly kind: "open-incident";
      readonly incident: number;
      readonly cause: Cause;
      /** When the fault was first seen, which is earlier than when it was called by a cause. */
      readonly firstSeenMs: number;
      readonly evidence: readonly string[];
    }
  | {
      readonly kind: "start-repair";
      readonly incident: number;
      readonly attempt: number;
      readonly tier: 1;
      readonly cause: Cause;
      /** The process that the fence must find unchanged before a signal. Null: nothing may be signalled. */
      readonly identity: ProcessIdentity | null;
      readonly by: string;
    }
  /** Its runner is gone or too late: whatever is left of it must not act any more. */
  | { readonly kind: "abandon-repair"; readonly incident: number; readonly why: string }
  | { readonly kind: "close-incident"; readonly incident: number; readonly outcome: IncidentOutcome }
  | {
      readonly kind: "tell";
      readonly severity: "info" | "warning" | "critical";
      readonly incident: number | null;
      readonly cause: Cause;
      readonly text: string;
      readonly evidence: readonly string[];
    };

export type IncidentOutcome = "recovered" | "recovered-by-itself" | "stopped-by-operator";

export interface Decision {
  readonly state: WatchState;
  readonly actions: readonly Action[];
  readonly next: NextLook;
  /** Why this and nothing else, for the log and for the answer to a request. */
  readonly reason: string;
}

/**
 * What to do. Pure and total: same state, event and policy, same decision. Persist `state` before applying `actions`.
 *
 * | phase ╲ event | looks fine, sustained | fault lasts, remedy allowed | fault lasts, no remedy | budget spent | repair settled | paused · grace |
 * |---|---|---|---|---|---|---|
 * | watching | stay (close an incident left open) | open incident, repair → repairing | open, tell → human | tell → cooling | ignored | stay |
 * | repairing | stay | stay; after the deadline as if settled "lost" | as left | as left | → verifying | stay |
 * | verifying | close "recovered" → watching | next attempt → repairing; attempts used up: tell → cooling | tell → human | tell → cooling | ignored | stay |
 * | cooling | close → watching | stay; after `untilMs` → watching, new round | stay | stay | ignored | stay |
 * | human | close → watching | another cause: repair → repairing | another cause: tell, stay | tell → cooling | ignored | stay |
 *
 * A clean stop by an operator closes any incident and ends in watching. A distrusted look changes nothing but starts the grace period.
 * A request to repair skips the waiting times, never the budget, the pause, the grace or the rule that only a fault is repaired.
 */
export function decide(state: WatchState, event: WatchEvent, policy: Policy): Decision {
  switch (event.kind) {
    case "sampled":
      return onSample(expire(state, event.assessment.atMs, policy), event.assessment, policy);
    case "repair-settled":
      return onSettled(state, event, policy);
    case "repair-requested":
      return onRequest(expire(state, event.atMs, policy), event, policy);
    case "paused": {
      const pause = { sinceMs: event.atMs, untilMs: event.untilMs, by: event.by, reason: event.reason };
      return decision({ ...state, pause }, [], policy, event.atMs, `paused by ${event.by}`);
    }
    case "resumed":
      return decision(
        { ...state, pause: null, track: forget(state.track, event.atMs) },
        [],
        policy,
        event.atMs,
        state.pause === null ? "was not paused" : `resumed by ${event.by}`,
      );
  }
}

function onSample(state: WatchState, seen: Assessment, policy: Policy): Decision {
  const at = seen.atMs;
  if (seen.distrust !== undefined) {
    const graced = { ...state, graceUntilMs: at + policy.graceMs, track: forget(state.track, at) };
    return decision(graced, [], policy, at, `look discarded: ${seen.distrust}`);
  }
  const track = follow(state.track, seen, policy);
  const next: WatchState = { ...state, track, everServed: state.everServed || seen.verdict === "up" };

  if (next.phase.name === "repairing") {
    if (at - next.phase.sinceMs < policy.repairDeadlineMs) return decision(next, [], policy, at, "a repair is running");
    const why = "the repair never reported back";
    return decision(settle(next, next.phase.cause, "lost", at), abandon(next, why), policy, at, why);
  }
  if (seen.verdict === "up") return onServing(next, at, policy);
  // One look in between that could not see: what lasted goes on lasting, but it is not acted on without having been seen.
  if (seen.condition === "blind" && track.condition !== "blind") return decision(next, [], policy, at, "could not look this time");
  if (track.condition === "stopped-cleanly") return onStopped(next, seen, policy);

  const cause = diagnose(track, seen, policy);
  if (cause === undefined) return decision(next, [], policy, at, `${track.condition}, not long enough to act`);
  return onFault(next, seen, cause, policy);
}

function onServing(state: WatchState, at: number, policy: Policy): Decision {
  const { incident, phase, track } = state;
  if (incident === null && phase.name === "watching") return decision(state, [], policy, at, track.condition);
  const held = at - track.sinceMs;
  if (track.checks < policy.goodChecks || held < policy.holdMs) {
    return decision(state, [], policy, at, `serving again for ${Math.round(held / 1000)} s`);
  }
  const watching: WatchState = { ...state, phase: { name: "watching" }, incident: null };
  if (incident === null) return decision(watching, [], policy, at, "serving again");
  const outcome = incident.attempts > 0 && phase.name === "verifying" ? "recovered" : "recovered-by-itself";
  return decision(watching, [{ kind: "close-incident", incident: incident.id, outcome }], policy, at, "health held");
}

function onStopped(state: WatchState, seen: Assessment, policy: Policy): Decision {
  const watching: WatchState = { ...state, phase: { name: "watching" }, incident: null };
  const actions: Action[] =
    state.incident === null ? [] : [{ kind: "close-incident", incident: state.incident.id, outcome: "stopped-by-operator" }];
  return decision(watching, actions, policy, seen.atMs, "stopped on purpose");
}

function onFault(state: WatchState, seen: Assessment, cause: Cause, policy: Policy): Decision {
  const at = seen.atMs;
  const wait = withheld(state, at);
  if (wait !== undefined) return decision(state, [], policy, at, `${cause}, but ${wait}`);
  if (state.phase.name === "cooling") return decision(state, [], policy, at, `${cause}, cooling down`);

  const remedy = CAUSES[cause].remedy;
  if (remedy === "tell" || (remedy === "kill" && !mayKill(state))) return tellHuman(state, seen, cause, policy);
  if (state.phase.name === "human" && state.phase.cause === cause) return decision(state, [], policy, at, "a human was told");

  if (state.phase.name === "verifying" && state.phase.outcome === "failed") {
    return coolDown(state, seen, cause, at + policy.cooldownMs, "the repair could not be carried out", policy);
  }
  const lastRepair = state.repairs.at(-1);
  if (state.incident !== null && state.incident.attempts > 0 && lastRepair !== undefined && at - lastRepair < policy.unsettledMs) {
    return decision(state, [], policy, at, `${cause} again, too soon after the last start`);
  }
  if (state.incident !== null && state.incident.attempts >= policy.attemptsPerIncident) {
    return coolDown(state, seen, cause, at + policy.cooldownMs, "every allowed attempt was made and it is still down", policy);
  }
  const allowedAt = nextAllowedMs(state, cause, at, policy);
  if (allowedAt > at) return coolDown(state, seen, cause, allowedAt, "the allowed number of repairs is used up", policy);
  return startRepair(state, seen, cause, "watchdog", policy);
}

function onRequest(state: WatchState, event: Extract<WatchEvent, { kind: "repair-requested" }>, policy: Policy): Decision {
  const at = event.atMs;
  const refuse = (why: string) => decision(state, [], policy, at, `refused: ${why}`);
  const wait = withheld(state, at);
  if (wait !== undefined) return refuse(wait);
  if (state.phase.name === "repairing") return refuse("a repair is running already");
  const cause = requestedCause(state);
  if (cause === undefined) return refuse(`nothing to repair: the gateway is ${state.track.condition}`);
  if (CAUSES[cause].remedy === "tell") return refuse(`${CAUSES[cause].title}; ${CAUSES[cause].advice}`);
  if (CAUSES[cause].remedy === "kill") {
    if (!mayKill(state)) return refuse("it was never seen to serve, so it is not ended by us");
    if (!isJudgeable(state))
      return refuse(`it has been ${state.track.condition} for ${state.track.checks} look(s) only; ask again in some seconds`);
    if (state.track.condition === "silent" && state.track.killHarm !== "none")
      return refuse("whether a kill would make it worse cannot be known");
  }
  // A person may end a cooldown early, but not spend more than the budget.
  const uncooled: WatchState = state.phase.name === "cooling" ? { ...state, phase: { name: "watching" } } : state;
  const allowedAt = nextAllowedMs(uncooled, cause, at, policy);
  if (allowedAt > at) return refuse(`the allowed number of repairs is used up for another ${Math.ceil((allowedAt - at) / 1000)} s`);
  const seen: Assessment = { atMs: at, verdict: "down", condition: state.track.condition, evidence: [`requested by ${event.by}`] };
  return startRepair(uncooled, seen, cause, event.by, policy);
}

/** Has what is seen been seen often enough for a person's "repair now" to be judged? A single silent look is no reason to end a process. */
export function isJudgeable(state: WatchState): boolean {
  const cause = requestedCause(state);
  return cause === undefined || CAUSES[cause].remedy !== "kill" || state.track.checks >= MIN_CHECKS;
}

/** What a person's "repair now" means for what is seen at this moment, before it has lasted. */
function requestedCause(state: WatchState): Cause | undefined {
  switch (state.track.condition) {
    case "gone":
      return "process-gone";
    case "latched":
      return "start-latched";
    case "parked":
      return "start-refused";
    case "frozen":
      return "process-frozen";
    case "silent":
      return state.track.killHarm === "none" || state.track.killHarm === null ? "silent-busy" : state.track.killHarm;
    case "deaf":
      return "listener-lost";
    case "foreign-port":
      return "port-foreign";
    default:
      return undefined;
  }
}

function onSettled(state: WatchState, event: Extract<WatchEvent, { kind: "repair-settled" }>, policy: Policy): Decision {
  const { phase, incident } = state;
  if (phase.name !== "repairing" || incident?.id !== event.incident) {
    return decision(state, [], policy, event.atMs, "an outcome of a repair that is not open");
  }
  const actions = event.outcome === "lost" ? abandon(state, event.note) : [];
  return decision(
    settle(state, phase.cause, event.outcome, event.atMs),
    actions,
    policy,
    event.atMs,
    `repair ${event.outcome}: ${event.note}`,
  );
}

function abandon({ incident }: WatchState, why: string): readonly Action[] {
  return incident === null ? [] : [{ kind: "abandon-repair", incident: incident.id, why }];
}

function settle(state: WatchState, cause: Cause, outcome: RepairOutcome, at: number): WatchState {
  return { ...state, phase: { name: "verifying", sinceMs: at, cause, outcome }, track: forget(state.track, at) };
}

function startRepair(state: WatchState, seen: Assessment, cause: Cause, by: string, policy: Policy): Decision {
  const at = seen.atMs;
  const opened = openIncident(state, seen, cause);
  const incident: OpenIncident = { ...opened.incident, attempts: opened.incident.attempts + 1 };
  const kills = CAUSES[cause].remedy === "kill";
  const next: WatchState = {
    ...state,
    phase: { name: "repairing", sinceMs: at, cause },
    incident,
    lastIncident: Math.max(state.lastIncident, incident.id),
    repairs: [...state.repairs, at],
    kills: kills ? [...state.kills, at] : state.kills,
  };
  const repair: Action = {
    kind: "start-repair",
    incident: incident.id,
    attempt: incident.attempts,
    tier: 1,
    cause,
    identity: kills ? state.track.identity : null,
    by,
  };
  return decision(next, [...opened.actions, repair], policy, at, `${cause}: repair ${incident.attempts} begins`);
}

function tellHuman(state: WatchState, seen: Assessment, cause: Cause, policy: Policy): Decision {
  const told = withTold(state, seen, cause, "critical", CAUSES[cause].advice);
  const already = state.phase.name === "human" && state.phase.cause === cause;
  const phase: Phase = already ? state.phase : { name: "human", sinceMs: seen.atMs, cause };
  return decision({ ...told.state, phase }, told.actions, policy, seen.atMs, `${cause}: needs a human`);
}

function coolDown(state: WatchState, seen: Assessment, cause: Cause, untilMs: number, why: string, policy: Policy): Decision {
  const told = withTold(
    state,
    seen,
    cause,
    "critical",
    `${why}; needs a human, or the next try after the cooldown. ${CAUSES[cause].advice}`,
  );
  const phase: Phase = { name: "cooling", untilMs, cause };
  return decision({ ...told.state, phase }, told.actions, policy, seen.atMs, `${cause}: ${why}`);
}

/** Opens the incident if none is open and tells each cause once per round. */
function withTold(
  state: WatchState,
  seen: Assessment,
  cause: Cause,
  severity: "warning" | "critical",
  advice: string,
): { state: WatchState; actions: readonly Action[] } {
  const opened = openIncident(state, seen, cause);
  const { incident } = opened;
  if (incident.told.includes(cause)) return { state: { ...state, incident }, actions: opened.actions };
  const tell: Action = {
    kind: "tell",
    severity,
    incident: incident.id,
    cause,
    text: `${CAUSES[cause].title}: ${advice}`,
    evidence: seen.evidence,
  };
  const next: WatchState = {
    ...state,
    incident: { ...incident, told: [...incident.told, cause] },
    lastIncident: Math.max(state.lastIncident, incident.id),
  };
  return { state: next, actions: [...opened.actions, tell] };
}

function openIncident(state: WatchState, seen: Assessment, cause: Cause): { incident: OpenIncident; actions: readonly Action[] } {
  if (state.incident !== null) return { incident: { ...state.incident, cause }, actions: [] };
  const id = state.lastIncident + 1;
  const firstSeenMs = Math.min(state.track.sinceMs, seen.atMs);
  return {
    incident: { id, cause, openedMs: seen.atMs, attempts: 0, told: [] },
    actions: [{ kind: "open-incident", incident: id, cause, firstSeenMs, evidence: seen.evidence }],
  };
}

function decision(state: WatchState, actions: readonly Action[], policy: Policy, at: number, reason: string): Decision {
  return { state, actions, next: nextLook(state, at, policy), reason };
}
