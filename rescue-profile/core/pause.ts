import { CAUSES } from "./causes.ts";
import type { Action } from "./event.ts";
import type { Assessment } from "./model.ts";
import { HOUR_MS } from "./policy.ts";
import type { Pause, WatchState } from "./state.ts";
import { warning } from "./warnings.ts";

const FORGOTTEN_MS = 24 * HOUR_MS;

/** A pause that has lasted a day is told, and again each further day, whatever is seen. Pure; a pause that has run out must be gone already. */
export function remindOfPause(state: WatchState, seen: Assessment): { readonly state: WatchState; readonly actions: readonly Action[] } {
  const { pause } = state;
  if (pause === null || seen.atMs - (pause.toldMs ?? pause.sinceMs) < FORGOTTEN_MS) return { state, actions: [] };
  const evidence = [...describe(pause, seen.atMs), ...meanwhile(state, seen)];
  const tell = warning({ cause: "pause-forgotten", confidence: "certain", evidence }, null);
  return { state: { ...state, pause: { ...pause, toldMs: seen.atMs } }, actions: [tell] };
}

function describe({ by, reason, sinceMs, untilMs }: Pause, atMs: number): readonly string[] {
  return [
    `paused by ${by}, ${hours(atMs - sinceMs)} ago; ${reason === null ? "no reason was given" : `reason: ${reason}`}`,
    untilMs === null ? "it has no end" : `it ends by itself in ${hours(untilMs - atMs)}`,
  ];
}

/** What stays broken because of it. */
function meanwhile({ incident }: WatchState, { verdict, condition, evidence }: Assessment): readonly string[] {
  const open = incident === null ? [] : [`incident ${incident.id} is open: ${CAUSES[incident.cause].title}`];
  if (verdict === "up" || condition === "alive") return open;
  const why = evidence[0] === undefined ? condition : `${condition}: ${evidence[0]}`;
  const now = condition === "blind" ? `whether the gateway serves cannot be seen now (${why})` : `the gateway does not serve now (${why})`;
  return [now, ...open];
}

function hours(ms: number): string {
  return ms < HOUR_MS ? `${Math.ceil(ms / 60_000)} min` : `${Math.round(ms / HOUR_MS)} h`;
}
