import { kills, tierOf } from "./causes.ts";
import { circumstances, classify, endedByItself } from "./classify.ts";
import { diagnose } from "./diagnose.ts";
import type { Action, Decision, WatchEvent } from "./event.ts";
import type { Classification } from "./findings.ts";
import { expire, mayKill, nextAllowedMs, withheld } from "./limits.ts";
import type { Assessment, Cause } from "./model.ts";
import { remindOfPause } from "./pause.ts";
import type { Policy } from "./policy.ts";
import { onRequest } from "./request.ts";
import { coolDown, decision, restOn, startRepair, tellHuman } from "./respond.ts";
import { onServing } from "./serving.ts";
import type { RepairOutcome, WatchState } from "./state.ts";
import { follow, forget } from "./track.ts";

/**
 * What to do. Pure and total: same state, event and policy, same decision. Persist `state` before applying `actions`.
 *
 * | phase ╲ event | looks fine, sustained | fault lasts, remedy allowed | fault lasts, no remedy | budget spent | repair settled | paused · grace |
 * |---|---|---|---|---|---|---|
 * | watching | stay (close an incident left open) | open incident, repair → repairing | open, tell → human | tell → cooling | ignored | stay |
 * | repairing | stay | stay; after the deadline as if settled "lost" | as left | as left | → verifying | stay |
 * | verifying | close "recovered" → watching | next attempt → repairing; attempts of its tier used up, or the same repair failed: tell → cooling | tell → human | tell → cooling | ignored | stay |
 * | cooling | close → watching | stay; after `untilMs` → watching, new round | stay | stay | ignored | stay |
 * | human | close → watching | another cause: repair → repairing | another cause: tell, stay | tell → cooling | ignored | stay |
 *
 * A clean stop by an operator closes any incident and ends in watching. A distrusted look changes nothing but starts the grace period.
 * A pause that has lasted a day is told by whatever look comes next, and changes nothing else.
 * A request to repair skips waiting times, budget and cooldown, never the pause, the grace or the rule that only a fault is repaired.
 *
 * What the condition alone calls a cause is refined by a deep look (`classify`) before anything is done that a plain start does not cover:
 * {@link deepens}. Its remedy is of tier 1 or 2; each tier has its own number of attempts within an incident, all share the hourly budget.
 */
export function decide(state: WatchState, event: WatchEvent, policy: Policy): Decision {
  switch (event.kind) {
    case "sampled": {
      const seen = event.assessment;
      const reminded = remindOfPause(expire(state, seen.atMs, policy), seen);
      const decided = onSample(reminded.state, seen, policy);
      return { ...decided, actions: [...reminded.actions, ...decided.actions] };
    }
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
    const graced = { ...state, surveyedMs: at, graceUntilMs: at + policy.graceMs, track: forget(state.track, at) };
    return decision(graced, [], policy, at, `look discarded: ${seen.distrust}`);
  }
  const track = follow(state.track, seen, policy);
  const next: WatchState = {
    ...state,
    track,
    everServed: state.everServed || seen.verdict === "up",
    ...(seen.findings === undefined ? {} : { surveyedMs: at, ...(seen.place === undefined ? {} : { place: seen.place }) }),
  };

  if (next.phase.name === "repairing") {
    if (at - next.phase.sinceMs < policy.repairDeadlineMs) return decision(next, [], policy, at, "a repair is running");
    const why = "the repair never reported back";
    return decision(settle(next, next.phase.cause, "lost", why, at), abandon(next, why), policy, at, why);
  }
  if (seen.verdict === "up") return onServing(next, seen, policy);
  // One look in between that could not see: what lasted goes on lasting, but it is not acted on without having been seen.
  if (seen.condition === "blind" && track.condition !== "blind") return decision(next, [], policy, at, "could not look this time");
  if (track.condition === "stopped-cleanly") return onStopped(next, seen, policy);

  const cause = diagnose(track, seen, policy);
  if (cause === undefined) return decision(next, [], policy, at, `${track.condition}, not long enough to act`);
  return onFault(next, seen, cause, policy);
}

function onStopped(state: WatchState, seen: Assessment, policy: Policy): Decision {
  const watching: WatchState = { ...state, phase: { name: "watching" }, incident: null };
  const actions: Action[] =
    state.incident === null ? [] : [{ kind: "close-incident", incident: state.incident.id, outcome: "stopped-by-operator" }];
  return decision(watching, actions, policy, seen.atMs, "stopped on purpose");
}

/** While a fault lasts and nothing may be done yet, it is looked into again this often: somebody may mend it meanwhile. */
const DEEPEN_EVERY_MS = 5_000;

function onFault(state: WatchState, seen: Assessment, plain: Cause, policy: Policy): Decision {
  const at = seen.atMs;
  const wait = withheld(state, at) ?? seen.hold;
  if (wait !== undefined) return decision(state, [], policy, at, `${plain}, but ${wait}`);
  if (state.phase.name === "cooling") return onRest(state, seen, plain, policy);
  if (seen.findings === undefined && deepens(state, seen, plain, policy)) {
    const everyMs = state.phase.name === "human" ? policy.surveyMs : DEEPEN_EVERY_MS;
    if (state.surveyedMs >= state.track.sinceMs && at - state.surveyedMs < everyMs)
      return decision(state, [], policy, at, `${plain}, as looked into before`);
    return { state, actions: [], next: { afterMs: 0, depth: "deep" }, reason: `${plain}: looking deeper` };
  }

  const found = explain(state, seen, plain);
  const { cause } = found;
  const fault = { atMs: at, found, relapse: relapseOf(seen, plain) };
  const tier = tierOf(cause);
  if (tier === null || found.blocked !== undefined) return tellHuman(state, fault, policy, found.blocked);
  if (tier > policy.maxTier) return tellHuman(state, fault, policy, "this watchdog may only restart");
  if (kills(cause) && !mayKill(state)) return tellHuman(state, fault, policy);
  if (state.phase.name === "human" && state.phase.cause === cause) return decision(state, [], policy, at, "a human was told");

  if (state.phase.name === "verifying" && state.phase.outcome === "failed" && state.phase.cause === cause) {
    return coolDown(state, fault, at + policy.cooldownMs, `the repair could not be carried out (${state.phase.note})`, policy);
  }
  if (state.restUntilMs !== null) return restOn(state, fault, state.restUntilMs, policy);
  const lastRepair = state.repairs.at(-1);
  const { attempts = 0, mends = [] } = state.incident ?? {};
  // What a deep look newly found is mended at once; a start is given its time.
  const unsettled = tier === 1 || (state.phase.name === "verifying" && state.phase.outcome === "aborted");
  if (
    unsettled &&
    lastRepair !== undefined &&
    state.incident !== null &&
    state.incident.openedMs <= lastRepair &&
    at - lastRepair < policy.unsettledMs
  ) {
    return decision(state, [], policy, at, `${cause} again, too soon after the last start`);
  }
  const until = at + policy.cooldownMs;
  if (mends.includes(cause)) return coolDown(state, fault, until, "what could be done about it was done and it is still down", policy);
  const mended = mends.filter((each) => tierOf(each) === 2).length;
  const spent = tier === 1 ? attempts >= policy.attemptsPerIncident : mended >= policy.mendsPerIncident;
  if (spent) return coolDown(state, fault, until, "every allowed attempt was made and it is still down", policy);
  const allowedAt = nextAllowedMs(state, cause, at, policy);
  if (allowedAt > at) return coolDown(state, fault, allowedAt, "the allowed number of repairs is used up", policy);
  return startRepair(state, fault, "watchdog", policy);
}

/** Nothing is repaired; but what only a person can mend, found meanwhile, is told at once. */
function onRest(state: WatchState, seen: Assessment, plain: Cause, policy: Policy): Decision {
  const at = seen.atMs;
  const found = seen.findings === undefined ? undefined : explain(state, seen, plain);
  const hopeless = found !== undefined && (tierOf(found.cause) === null || found.blocked !== undefined);
  if (!hopeless || state.phase.name !== "cooling") return decision(state, [], policy, at, `${plain}, cooling down`);
  const told = tellHuman(state, { atMs: at, found, relapse: null }, policy, found.blocked);
  return { ...told, state: { ...told.state, phase: state.phase } };
}

function relapseOf({ lastExit }: Assessment, plain: Cause): "ended" | "silent" | null {
  if (kills(plain)) return "silent";
  return lastExit === undefined || endedByItself(lastExit) || plain === "start-latched" ? "ended" : null;
}

/**
 * Must more be known than the condition tells? A process that somebody killed is simply started, within two seconds. One that ended by its
 * own word, that a manager gave up, or that a repair of this hour did not help, is looked at more closely first.
 */
function deepens(state: WatchState, seen: Assessment, plain: Cause, policy: Policy): boolean {
  if (policy.maxTier < 2) return false;
  // What was lost while it ran is lost for good when it is started without it.
  if (seen.unsure === true || state.warned.some(({ cause }) => cause === "database-lost" || cause === "state-missing")) return true;
  switch (plain) {
    case "start-latched":
    case "start-refused":
    case "port-foreign":
    case "blind":
      return true;
    case "process-gone":
      if (seen.lastExit?.signal !== undefined && !endedByItself(seen.lastExit)) return (state.incident?.attempts ?? 0) > 0;
      return state.repairs.length > 0 || (seen.lastExit?.code ?? 0) !== 0;
    case "silent-busy":
    case "silent-flat":
    case "boot-stalled":
      return state.repairs.length > 0;
    default:
      return false;
  }
}

function explain(state: WatchState, seen: Assessment, cause: Cause): Classification {
  if (seen.findings === undefined) return { cause, confidence: "certain", evidence: seen.evidence };
  return classify(seen.findings, circumstances(state, seen, cause, seen.evidence));
}

function onSettled(state: WatchState, event: Extract<WatchEvent, { kind: "repair-settled" }>, policy: Policy): Decision {
  const { phase, incident } = state;
  if (phase.name !== "repairing" || incident?.id !== event.incident) {
    return decision(state, [], policy, event.atMs, "an outcome of a repair that is not open");
  }
  const actions = event.outcome === "lost" ? abandon(state, event.note) : [];
  return decision(
    settle(state, phase.cause, event.outcome, event.note, event.atMs),
    actions,
    policy,
    event.atMs,
    `repair ${event.outcome}: ${event.note}`,
  );
}

function abandon({ incident }: WatchState, why: string): readonly Action[] {
  return incident === null ? [] : [{ kind: "abandon-repair", incident: incident.id, why }];
}

function settle(state: WatchState, cause: Cause, outcome: RepairOutcome, note: string, at: number): WatchState {
  // What a fence or a look forbade was not done: it may be tried again, as far as the hourly number allows.
  const mended = state.incident?.mends.lastIndexOf(cause) ?? -1;
  const undone = outcome === "aborted" && mended >= 0 && state.incident !== null;
  const incident = undone ? { ...state.incident, mends: state.incident.mends.toSpliced(mended, 1) } : state.incident;
  return { ...state, incident, phase: { name: "verifying", sinceMs: at, cause, outcome, note }, track: forget(state.track, at) };
}
