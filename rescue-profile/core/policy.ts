/** How patient and how active the watchdog is, in milliseconds. Built by `toPolicy` from the one schema in `config.ts`, which documents each field. */
export interface Policy {
  readonly baselineMs: number;
  readonly identityMs: number;
  readonly recheckMs: number;
  readonly slowRecheckMs: number;
  readonly lateMs: number;
  readonly clockGapMs: number;
  readonly graceMs: number;
  readonly goneChecks: number;
  readonly frozenMs: number;
  readonly silentFlatMs: number;
  readonly silentBusyMs: number;
  readonly bootFlatMs: number;
  readonly bootCeilingMs: number;
  readonly listenerLostMs: number;
  readonly drainMs: number;
  readonly handoverMs: number;
  readonly unsettledMs: number;
  readonly blindMs: number;
  readonly cpuFlatRatio: number;
  readonly repairsPerHour: number;
  readonly cooldownMs: number;
  readonly uncleanKills: number;
  readonly uncleanWindowMs: number;
  readonly attemptsPerIncident: number;
  readonly repairDeadlineMs: number;
  readonly goodChecks: number;
  readonly holdMs: number;
  readonly readinessMs: number;
  readonly surveyMs: number;
  readonly mendsPerIncident: number;
  /** 1: may only restart. 2: may also mend what keeps it from starting. */
  readonly maxTier: number;
}

/** The window of `repairsPerHour`. */
export const HOUR_MS = 3_600_000;
