/** How often systemd brings a unit back before it gives up. */
export interface StartLimits {
  readonly intervalSec: number;
  readonly burst: number;
  readonly restartSec: number;
}

/** The host's own for its gateway (2026.9.6). */
export const GATEWAY_LIMITS: StartLimits = { intervalSec: 300, burst: 10, restartSec: 5 };
/** An operator's, after 2,741 restarts in a row of a model server that could not start. */
export const SERVER_LIMITS: StartLimits = { intervalSec: 60, burst: 3, restartSec: 10 };

/** Of any profile's gateway, or another service. */
export function limitsFor(unit: string): StartLimits {
  return unit.startsWith("openclaw-gateway") ? GATEWAY_LIMITS : SERVER_LIMITS;
}

/** As a person writes them into a unit. */
export function inWords({ intervalSec, burst, restartSec }: StartLimits): string {
  return `RestartSec=${restartSec}, StartLimitBurst=${burst} and StartLimitIntervalSec=${intervalSec}`;
}
