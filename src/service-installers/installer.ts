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

/** A definition as its manager has it: what would run at the next start. */
export interface DefinitionReading {
  /** The file that holds it, or null when the manager keeps it to itself. */
  readonly path: string | null;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Starts by itself at login or boot; null when the manager does not say. */
  readonly enabled: boolean | null;
}

export interface LogWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * What repairs need beyond start and stop. The gateway's own service is installed and removed by the host's installer; of it a manager is
 * only asked and told. All calls are bounded in time, never prompt, and throw RescueError `service-control`.
 */
export interface ManagedService extends ServiceControl {
  /** Forgets failed starts, back-off and disablement by failures, without starting anything. Idempotent. */
  clearLatch(): Promise<void>;
  /** SIGKILL (Windows: forced end) to the service's process, only while the manager's main pid is still `pid`; else throws `refused`. The caller has fenced. */
  kill(pid: number): Promise<void>;
  /** Null when it is not installed. */
  readDefinition(): Promise<DefinitionReading | null>;
  /**
   * The newest lines that the manager or the service's log files hold about it, oldest first; empty when there are none. `window` in wall-clock
   * ms, where the lines have times; elsewhere it is not looked at.
   */
  logs(lines: number, window?: LogWindow): Promise<readonly string[]>;
}

/** A small service of our own (never the gateway's), as data; each manager's `render` makes its file of it. */
export interface ServiceSpec {
  /** Profile that is watched; names the definition. */
  readonly profile: string;
  readonly description: string;
  /** Absolute program and arguments; no shell. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Where stdout and stderr go when the manager keeps no journal. */
  readonly logDirectory: string;
}

/** Lays down and takes away services of our own. */
export interface ServiceInstaller {
  readonly manager: string;
  /** Idempotent: writes the definition when it differs, loads it and starts it. Returns where it lies and whether anything changed. */
  install(spec: ServiceSpec): Promise<{ readonly path: string; readonly changed: boolean }>;
  /** Stops and removes it, and whatever it left behind. False when there was nothing. */
  uninstall(profile: string): Promise<boolean>;
}
