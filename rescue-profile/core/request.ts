import { adviceFor, CAUSES, kills, tierOf } from "./causes.ts";
import { circumstances, classify } from "./classify.ts";
import { MIN_CHECKS } from "./diagnose.ts";
import type { Decision, WatchEvent } from "./event.ts";
import type { Classification } from "./findings.ts";
import { mayKill, nextAllowedMs, withheld } from "./limits.ts";
import type { Cause } from "./model.ts";
import type { Policy } from "./policy.ts";
import { PROPOSALS_PER_INCIDENT, type Proposal } from "./proposal.ts";
import { decision, startRepair } from "./respond.ts";
import type { WatchState } from "./state.ts";

type Request = Extract<WatchEvent, { kind: "repair-requested" }>;

/**
 * A person's "repair now": not bound to waiting times, the number of repairs or a cooldown, but to the pause, the grace, one repair at a time, and to
 * what is seen at this moment. Every refusal says why and what to do instead.
 */
export function onRequest(state: WatchState, event: Request, policy: Policy): Decision {
  const { atMs } = event;
  const refuse = (why: string) => decision(state, [], policy, atMs, `refused: ${why}`);
  const wait = withheld(state, atMs) ?? event.seen?.hold;
  if (wait !== undefined) return refuse(wait);
  if (state.phase.name === "repairing") return refuse("a repair is running already");
  const plain = requestedCause(state);
  if (plain === undefined) return refuse(`nothing to repair: the gateway is ${state.track.condition}`);
  const found = event.proposal === undefined ? chosen(state, event, plain, policy) : proposed(state, event.proposal, atMs, policy);
  if (typeof found === "string") return refuse(found);
  const { cause, blocked, subject } = found;
  if (tierOf(cause) === null || blocked !== undefined) {
    return refuse(`${CAUSES[cause].title}; ${blocked === undefined ? "" : `${blocked}; `}${adviceFor(cause, subject)}`);
  }
  if (kills(cause)) {
    if (!mayKill(state)) return refuse("it was never seen to serve, so it is not ended by us");
    if (!isJudgeable(state))
      return refuse(`it has been ${state.track.condition} for ${state.track.checks} look(s) only; ask again in some seconds`);
    if (state.track.condition === "silent" && state.track.killHarm !== "none")
      return refuse("whether a kill would make it worse cannot be known");
  }
  const fault = { atMs, found, relapse: null, ...(event.proposal === undefined ? {} : { proposal: event.proposal.id }) };
  return startRepair({ ...state, restUntilMs: null }, fault, event.by, policy);
}

/** What the deep look says, within the tier that was asked for; a sentence when that tier has no plan for it. */
function chosen(state: WatchState, { seen, tier, by }: Request, plain: Cause, policy: Policy): Classification | string {
  const evidence = [`requested by ${by}`, ...(seen?.evidence ?? [])];
  const simple: Classification = { cause: plain, confidence: "certain", evidence };
  const found = seen?.findings === undefined ? simple : classify(seen.findings, circumstances(state, seen, plain, evidence));
  if (tier === 1 && tierOf(found.cause) !== null)
    return tierOf(plain) === 1 ? simple : plain === "start-refused" ? { ...simple, cause: "process-gone" } : found;
  if (tier === 2) {
    if (policy.maxTier < 2) return "this watchdog may only restart";
    if (tierOf(found.cause) !== 1) return found;
    // Nothing that is known explains it: what is left of the second tier is the doctor, and that only while nothing lives.
    return kills(found.cause)
      ? "no plugin can be blamed for it, so there is no deeper fix than --tier 1"
      : { ...found, cause: "start-failed" };
  }
  return tierOf(found.cause) === 2 && policy.maxTier < 2 ? simple : found;
}

/** What a diagnosis proposed, if it may be carried out: in its own incident, twice at most, and within the budget unless a person approved it. */
function proposed(state: WatchState, proposal: Proposal, atMs: number, policy: Policy): Classification | string {
  const { incident, actions, ends, approvedBy } = proposal;
  if (policy.maxTier < 3) return "this watchdog carries out no proposals (limits.maxTier)";
  if (state.incident?.id !== incident) return `incident ${incident} is over`;
  const carriedOut = state.incident.mends.filter((mended) => tierOf(mended) === 3).length;
  if (carriedOut >= PROPOSALS_PER_INCIDENT) return `${carriedOut} proposals were carried out in this incident already`;
  const cause = ends === null ? "proposed" : "proposed-end";
  if (ends !== null && (state.track.identity?.pid !== ends.pid || state.track.identity.startTime !== ends.startTime))
    return `pid ${ends.pid} is not the process that was judged any more`;
  // The rest after the own repairs is what brought the diagnosis about; the number of repairs and of kills binds it all the same.
  const awake: WatchState = { ...state, phase: { name: "watching" } };
  if (approvedBy === null && nextAllowedMs(awake, cause, atMs, policy) > atMs)
    return "the allowed number of repairs is used up; a person may approve it";
  const evidence = [approvedBy === null ? "proposed by a diagnosis" : `proposed by a diagnosis, approved by ${approvedBy}`];
  return { cause, confidence: "guess", evidence, subject: actions };
}

/**
 * Has what is seen been seen often enough for a request to be judged? A single silent look is no reason to end a process. A boot in the incident that a proposal is for fails as those
 * before it, or makes the proposal needless: that is waited for.
 */
export function isJudgeable(state: WatchState, proposal?: Proposal): boolean {
  const cause = requestedCause(state);
  if (cause !== undefined) return !kills(cause) || state.track.checks >= MIN_CHECKS;
  const isBooting =
    state.track.condition === "starting" && state.phase.name !== "repairing" && withheld(state, state.track.lastMs) === undefined;
  return !(isBooting && proposal !== undefined && state.incident?.id === proposal.incident);
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
