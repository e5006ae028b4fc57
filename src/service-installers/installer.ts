import type { ServiceReading } from "../../rescue-profile/core/model.ts";

export type { ServiceReading };

/**
 * Out-of-band control over the process manager that owns a gateway: the one thing that still works when the gateway does not.
 * Each manager is a folder here; `select.ts` picks one. Every call is bounded in time and never prompts.
 * Errors are {@link import("../shared/errors.ts").RescueError} with code `service-control`.
 */
export interface ServiceControl {
  /** `systemd`, `launchd`, `schtasks`, `external`. */
  readonly manager: string;
  /** The definition a person would look for: unit name, label, or the control socket's path. */
  readonly name: string;
  status(): Promise<ServiceReading>;
  /** Idempotent: clears a latch or back-off and starts it now unless a process already runs. Never restarts a live one. */
  start(): Promise<void>;
  /** Orderly stop on purpose; the manager does not start it again by itself. */
  stop(): Promise<void>;
  /** Orderly stop by the manager's own deadline, then start. */
  restart(): Promise<void>;
}
