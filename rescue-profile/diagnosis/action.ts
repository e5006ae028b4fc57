import type { JudgedCommand } from "../core/proposal.ts";

/**
 * Everything that an accepted proposal can lead to. A proposed command is never run: what it is allowed to mean is one of these, which the runner of the repairs carries
 * out with the steps, the fence, the guard and the undo of the first two tiers. So a model, an allowlist and a user's own entries can choose, and not add.
 */
export const ACTIONS = [
  /** Starts the service unless it runs. */
  "start-gateway",
  /** Ends the fenced process, if one lives, and starts the service. */
  "restart-gateway",
  /** The service is left alone until the next start or restart of the same plan; a plan that ends without one is refused. */
  "stop-gateway",
  /** `doctor --fix` between a snapshot and a comparison. */
  "guarded-doctor",
  /** Moves a lock that is proven stale into the incident's folder. */
  "quarantine-lock",
  /** Ends the process that is proven to be the gateway's own and to hold its port. */
  "end-owner",
  /** Looks who holds the port; changes nothing. */
  "look-at-port",
] as const;
export type Action = (typeof ACTIONS)[number];

/** What a slot may be filled with, proven by us at the moment of judging. */
export interface SlotFacts {
  readonly profile: string;
  /** Our unit's name as its manager has it (`openclaw-gateway.service`); null: there is no service. */
  readonly unit: string | null;
  readonly port: number;
  /** The fenced owner of the primary's port; null: there is none that is proven to be ours. */
  readonly pid: number | null;
  /** Locks that name nobody alive and that nobody holds, absolute paths. */
  readonly staleLocks: readonly string[];
  /** The account's home, for `~`, which is the only expansion that a declared entry may ask for. */
  readonly home: string;
}

/** One command of a proposal, judged: what the journal keeps of it, and what is to be done. */
export interface Judged extends JudgedCommand {
  readonly verdict:
    | { readonly accepted: true; readonly entry: string; readonly action: Action; readonly pid?: number; readonly lock?: string }
    | { readonly accepted: false; readonly reason: string };
}
