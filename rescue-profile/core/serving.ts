import { CAUSES, tierOf } from "./causes.ts";
import type { Action, Decision } from "./event.ts";
import type { Classification } from "./findings.ts";
import type { Assessment, Cause, Says } from "./model.ts";
import { HOUR_MS, type Policy } from "./policy.ts";
import { decision } from "./respond.ts";
import type { OpenIncident, Warned, WatchState } from "./state.ts";
import { growthOf, measure, slownessOf } from "./trends.ts";
import { warning, warningsOf } from "./warnings.ts";

/** A file in the middle of being edited, and channels that the host silences for five minutes by itself, are not told at once. */
const WARN_AFTER_MS: Partial<Record<Cause, number>> = { "config-bad-on-disk": 30_000, "channels-suppressed": 300_000 };
/** A configuration that is edited again and again is not looked into each time. */
const PLACE_EVERY_MS = 15_000;
/** What was looked at itself is over when it is not seen any more; what comes and goes with a log's lines is not told each time. */
const LASTING: ReadonlySet<Cause> = new Set<Cause>(["config-bad-on-disk", "database-lost", "secret-missing", "state-missing"]);

/**
 * The gateway serves: closes an incident once health has held and nothing that was there before is missing, and warns of what would not show
 * in its answers.
 */
export function onServing(before: WatchState, seen: Assessment, policy: Policy): Decision {
  const { state, actions } = withWarnings(before, seen, policy);
  const at = seen.atMs;
  const { incident, phase, track } = state;
  const held = at - track.sinceMs;
  const sustained = track.checks >= policy.goodChecks && held >= policy.holdMs;
  if (incident === null && phase.name === "watching") {
    const says = sustained && seen.says !== undefined ? seen.says : state.saidServing;
    const watched: WatchState = { ...state, saidServing: says };
    // It still serves from what it has open, and loses that when it ends: told at once, and not by the next survey.
    const isElsewhere = seen.place !== undefined && before.place !== undefined && seen.place !== before.place;
    if (isElsewhere && at - before.surveyedMs >= PLACE_EVERY_MS)
      return {
        state: watched,
        actions,
        next: { afterMs: 0, depth: "deep" },
        reason: "what lies in its place on disk is not what it was: looking deeper",
      };
    return decision(watched, actions, policy, at, track.condition);
  }
  if (!sustained) return decision(state, actions, policy, at, `serving again for ${Math.round(held / 1000)} s`);
  const watching: WatchState = { ...state, phase: { name: "watching" }, incident: null };
  if (incident === null) return decision(watching, actions, policy, at, "serving again");

  const repaired = incident.attempts + incident.mends.length > 0 && phase.name === "verifying";
  const worse = repaired ? missingSince(state.saidServing, seen.says) : [];
  if (worse.length > 0 && held < policy.readinessMs) {
    return decision(state, actions, policy, at, `serving again, but not yet as before: ${worse.join(", ")}`);
  }
  const outcome = repaired ? "recovered" : "recovered-by-itself";
  const close: Action = { kind: "close-incident", incident: incident.id, outcome };
  const remarks = repaired ? remarksOf(incident, state.saidServing, seen.says, worse) : [];
  return decision(watching, [...actions, ...remarks, close], policy, at, "health held");
}

/** What it says is broken or silenced now and was not before the incident. */
function missingSince(before: Says | null, now: Says | undefined): readonly string[] {
  if (now === undefined || before === null) return [];
  const known = new Set([...before.failing, ...before.suppressed]);
  return [...now.failing, ...now.suppressed].filter((name) => !known.has(name));
}

function remarksOf(incident: OpenIncident, before: Says | null, now: Says | undefined, worse: readonly string[]): readonly Action[] {
  const remarks: Action[] = incident.mends.map((cause) => ({
    kind: "tell",
    severity: "warning",
    incident: incident.id,
    cause,
    text: `${CAUSES[cause].title}${
      tierOf(cause) === 3
        ? ", and the gateway serves again. What was done, and where replaced files lie"
        : ": files were changed because of it, and the gateway serves again. Which, and where the former ones lie"
    }: rescue-watchdog incident ${incident.id}`,
    evidence: [],
  }));
  if (worse.length > 0) {
    const names = worse.join(", ");
    remarks.push(
      warning(
        { cause: "channels-suppressed", confidence: "certain", evidence: [`missing since the repair: ${names}`], subject: names },
        incident.id,
      ),
    );
  }
  if (before?.version !== undefined && now?.version !== undefined && before.version !== now.version) {
    const evidence = [`before the incident it was ${before.version}, now it is ${now.version}`];
    remarks.push(warning({ cause: "version-changed", confidence: "certain", evidence }, incident.id));
  }
  return remarks;
}

interface Told {
  readonly state: WatchState;
  readonly actions: readonly Action[];
}

/** Each warning is told once, and again only after it was gone for an hour; that memory grows once per process. */
function withWarnings(before: WatchState, seen: Assessment, policy: Policy): Told {
  const at = seen.atMs;
  const trends = measure(before.trends, seen, policy);
  const slow = slownessOf(trends.answers, at);
  const found = seen.findings === undefined ? [] : warningsOf(seen.findings, seen.says?.suppressed ?? []);
  const told = withFound({ ...before, trends }, slow === undefined ? found : [...found, slow], seen);
  const growth = trends.memory.told ? undefined : growthOf(trends.memory.hours);
  if (growth === undefined) return told;
  const memory = { ...trends.memory, told: true };
  return { state: { ...told.state, trends: { ...trends, memory } }, actions: [...told.actions, warning(growth, null)] };
}

function withFound(state: WatchState, now: readonly Classification[], seen: Assessment): Told {
  const at = seen.atMs;
  const isDeep = seen.findings !== undefined;
  // What a full look sees may be over before the next deep look; what only that finds is as old as the last one.
  const before = state.warned.filter(({ cause, lastMs }) => cause !== "answers-slow" || at - lastMs < HOUR_MS);
  const actions: Action[] = [];
  const warned = now.map((found): Warned => {
    const subject = found.cause === "database-lost" ? (found.subject ?? null) : null;
    const known = before.find((each) => each.cause === found.cause && each.subject === subject);
    const sinceMs = known?.sinceMs ?? at;
    const due = known?.told !== true && at - sinceMs >= (WARN_AFTER_MS[found.cause] ?? 0);
    if (due) actions.push(warning(found, null));
    return { cause: found.cause, subject, sinceMs, lastMs: at, told: due || known?.told === true };
  });
  const isNow = (each: Warned) => warned.some(({ cause, subject }) => cause === each.cause && subject === each.subject);
  const isOver = (each: Warned) => isDeep && (LASTING.has(each.cause) || at - each.lastMs >= HOUR_MS);
  return { state: { ...state, warned: [...warned, ...before.filter((each) => !isNow(each) && !isOver(each))] }, actions };
}
