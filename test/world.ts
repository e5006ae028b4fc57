import { parsePolicy, toPolicy } from "../rescue-profile/config.ts";
import type { Action } from "../rescue-profile/core/event.ts";
import type { Observation } from "../rescue-profile/core/model.ts";
import { initialState, type WatchState } from "../rescue-profile/core/state.ts";
import { type LoopPorts, type LoopRequest, watch } from "../rescue-profile/loop.ts";
import { findings } from "./core/finds.ts";

export const policy = toPolicy(parsePolicy({}));
export const START_MS = 1_000_000;

export type See = (atMs: number) => Observation;

/** A world with a clock of its own, in which `see` is what there is to be seen. Everything that the loop does is noted in `did`. */
export function world(see: See, changes: Partial<LoopPorts> = {}) {
  const abort = new AbortController();
  const did: string[] = [];
  const commits: { state: WatchState; actions: readonly Action[] }[] = [];
  const requests: LoopRequest[] = [];
  const answers: string[] = [];
  const clock = { nowMs: START_MS };
  let repairs = 0;
  const ports: LoopPorts = {
    monotonicMs: () => clock.nowMs,
    sleep: async (ms) => {
      clock.nowMs += ms;
      return false;
    },
    look: async (depth, lateMs) => {
      did.push(`look ${depth}`);
      const seen = see(clock.nowMs);
      const observation: Observation = { ...seen, atMs: clock.nowMs, lateMs };
      if (depth === "deep") return { findings: findings(), ...observation };
      if (depth === "full") return observation;
      const { probes: _, ...cheap } = observation;
      return cheap;
    },
    commit: (state, actions, answer) => {
      commits.push({ state, actions });
      if (answer !== undefined) answers[answer.request] = answer.text;
      const answered = answer === undefined ? [] : [`answer ${answer.request}`];
      did.push(["commit", ...actions.map(({ kind }) => kind), ...answered].join(" "));
      return actions.filter(({ kind }) => kind === "start-repair").map(() => ++repairs);
    },
    renewLease: () => void did.push("renew"),
    startRepair: (id) => void did.push(`start ${id}`),
    repairOutcome: () => ({ state: "running", id: repairs, note: "", halfDone: false }),
    requests: () => requests.filter(({ id }) => answers[id] === undefined),
    answer: (id, text) => {
      answers[id] = text;
      did.push(`answer ${id}`);
    },
    remember: () => void did.push("remember"),
    planned: ({ cause }) => `would repair ${cause}`,
    told: ({ decision }) => void did.push(`told ${decision.state.phase.name}`),
    ...changes,
  };
  return {
    ports,
    did,
    commits,
    answers,
    clock,
    abort,
    ask: (request: Omit<LoopRequest, "id" | "by">) => requests.push({ ...request, id: requests.length, by: "ana" }),
    /** Watches for so long on the world's clock. */
    forMs: (ms: number, state = initialState(START_MS)) => watch(state, policy, ports, abort.signal, () => clock.nowMs >= START_MS + ms),
  };
}

export const always =
  (observation: Observation): See =>
  () =>
    observation;
export const after =
  (ms: number, first: Observation, then: Observation): See =>
  (atMs) =>
    atMs < START_MS + ms ? first : then;
export const count = (did: readonly string[], what: string) => did.filter((each) => each === what).length;
