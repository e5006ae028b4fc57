import { DatabaseSync } from "node:sqlite";
import type { Cause } from "../../rescue-profile/core/model.ts";
import { initialState } from "../../rescue-profile/core/state.ts";
import { Journal } from "../../rescue-profile/journal/journal.ts";
import { SCHEMA } from "../../rescue-profile/journal/schema.ts";
import type { RunnerJournal } from "../../rescue-profile/repair/runner.ts";

/** When a process dies: before a port call, after it, or while a call with several effects has had half of them. */
export type When = "before" | "within" | "after";
export type Death = readonly [at: number, when: When];

export class Killed extends Error {}

/** Counts the port calls of one run; at the death, and ever after, nothing happens any more. */
export class Clock {
  calls = 0;
  readonly #at: number;
  readonly #when: When;

  constructor([at, when]: Death) {
    this.#at = at;
    this.#when = when;
  }

  /** `half`, where a call has one, is what of it has happened when the process dies within it. */
  wrap<A extends readonly unknown[], R>(call: (...args: A) => R, half?: (...args: A) => void): (...args: A) => R {
    return (...args) => {
      this.calls++;
      const dies = this.calls === this.#at;
      if (this.calls > this.#at || (dies && this.#when === "before")) throw new Killed();
      if (dies && this.#when === "within") {
        half?.(...args);
        throw new Killed();
      }
      const result = call(...args);
      // All ports of these tests have had their effect when they return, also those that return a promise.
      if (dies) throw new Killed();
      return result;
    };
  }

  /** All functions of an object of ports. */
  mortal<T extends object>(ports: T, halves: { readonly [name: string]: (...args: never[]) => void } = {}): T {
    const entries = Object.entries(ports).map(([name, value]) => {
      if (typeof value !== "function") return [name, value];
      return [name, this.wrap(value.bind(ports), halves[name] as ((...args: readonly unknown[]) => void) | undefined)];
    });
    return Object.fromEntries(entries) as T;
  }
}

export const NEVER: Death = [Number.POSITIVE_INFINITY, "before"];

export function deathsUpTo(calls: number, whens: readonly When[] = ["before", "after"]): Death[] {
  return Array.from({ length: calls }, (_, index) => index + 1).flatMap((at) => whens.map((when): Death => [at, when]));
}

/** A real journal in memory with one open repair. */
export function bareJournal(cause: Cause, identity: { readonly pid: number; readonly startTime: number } | null, subject: string | null) {
  const db = new DatabaseSync(":memory:");
  db.exec(SCHEMA);
  const journal = new Journal(db, { boot: "b", monotonicMs: () => 0, wallMs: () => 0 }, { pid: 1, startTime: 1 });
  const taken = journal.acquire("watch", "test", 1_000, () => true);
  if (!taken.held) throw new Error("held");
  const [id = 0] = journal.commit("default", taken.lease, initialState(0), [
    { kind: "open-incident", incident: 1, cause, firstSeenMs: 0, evidence: [] },
    {
      kind: "start-repair",
      incident: 1,
      attempt: 1,
      tier: 1,
      cause,
      subject,
      evidence: [],
      confidence: "certain",
      identity,
      by: "watchdog",
    },
  ]);
  return { journal, db, id };
}

/** The journal as a runner sees it, noting which steps are done and which of those are taken again. */
export function noting(journal: Journal, isOurs: () => boolean = () => true) {
  const done = new Set<number>();
  const repeated: number[] = [];
  const ended: [number, string, string][] = [];
  const noted: RunnerJournal = {
    isOpen: (repair) => journal.isOpen(repair),
    hasBegun: (repair, seq) => journal.hasBegun(repair, seq),
    isHolding: () => journal.isHolding(),
    assertLease: () => {
      if (!isOurs()) throw new Error("the repair lease was taken over");
    },
    beginStep: (repair, seq, name) => {
      const begun = journal.beginStep(repair, seq, name);
      if (begun && done.has(seq)) repeated.push(seq);
      return begun;
    },
    endStep: (repair, seq, outcome, durationMs, detail) => {
      if (done.has(seq)) repeated.push(seq);
      journal.endStep(repair, seq, outcome, durationMs, detail);
      ended.push([seq, outcome, detail]);
      if (outcome === "done") done.add(seq);
    },
    endRepair: (...args) => journal.endRepair(...args),
  };
  return { noted, done, repeated, ended };
}
