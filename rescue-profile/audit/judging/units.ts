import type { ServiceFacts } from "../facts.ts";

/** More than this is no bad luck: a model server of an operator's was restarted 2,741 times before somebody looked. */
export const MANY_RESTARTS = 100;

/** Where a fact about the gateway's service was read: `systemd openclaw-gateway.service`. */
export function serviceSource({ manager, name }: Pick<ServiceFacts, "manager" | "name">): string {
  return `${manager} ${manager === "systemd" ? unitName(name) : name}`;
}

/** systemd takes a name without a suffix for a service. */
export function unitName(name: string): string {
  return /\.\w+$/.test(name) ? name : `${name}.service`;
}

/** By its own limit systemd never gives up: there is none, or its pauses alone take longer than the interval in which it counts. */
export function neverGivesUp(unit: {
  readonly startLimitBurst: number;
  readonly startLimitIntervalMs: number;
  readonly restartMs?: number;
}): boolean {
  const { startLimitBurst, startLimitIntervalMs, restartMs = 0 } = unit;
  return startLimitBurst === 0 || startLimitIntervalMs === 0 || startLimitBurst * restartMs >= startLimitIntervalMs;
}
