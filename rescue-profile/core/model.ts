import type { Findings } from "./findings.ts";

/**
 * The vocabulary of the watchdog: what a look at a gateway can say, and the names everything else is decided by.
 *
 * Pure data. Every time that ends in `Ms` and is called "at", "since" or "until" is monotonic milliseconds since the
 * machine booted (CLOCK_MONOTONIC: shared by all processes, does not count suspend), never wall time.
 */

/** A look has three results. "Could not look" is not "down": it never repairs anything. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export type Verdict = "up" | "down" | "unknown";

/** A process, told apart from a later one that reuses its pid. `startTime` is the host lock's unit: clock ticks since boot on Linux. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
}

/** Scheduler state: `stopped` is T by a signal; `traced` is t or T under a debugger, which is somebody's work, not a fault. */
export type RunState = "running" | "sleeping" | "uninterruptible" | "stopped" | "traced";

export type ProcessReading =
  | {
      readonly state: "absent";
      /** `no-lock`: nobody claims the state dir. `gone`: the claimed pid is dead, a zombie, or belongs to another process now. */
      readonly because: "no-lock" | "gone";
      readonly lastPid?: number;
    }
  | {
      readonly state: "alive";
      readonly identity: ProcessIdentity;
      /**
       * Who named the process: the host's own lock file; without that file the kernel's lock on this very state database, as strong;
       * or only the service manager (early boot, before the lock exists).
       */
      readonly namedBy: "lock" | "kernel" | "service";
      readonly run: RunState;
      /** User and system CPU time of all threads so far. */
      readonly cpuMs: number;
      readonly ageMs: number;
      readonly rssBytes: number;
      /** The lock's owner id; changes on an in-process restart while the pid stays. */
      readonly ownerId?: string;
    };

export type ListenerReading =
  | { readonly state: "none" }
  | { readonly state: "owned"; readonly pid: number }
  /** Something listens and its owner is not visible to us (another user, another namespace). */
  | { readonly state: "unattributed" };

/** One GET. `silent`: TCP connected and no complete answer before the deadline. */
export type HttpReading =
  | { readonly state: "answered"; readonly status: number; readonly tookMs: number; readonly body: HealthBody }
  | { readonly state: "refused" }
  | { readonly state: "silent"; readonly afterMs: number }
  /** Answered something that is no gateway health document: another program holds the port. */
  | { readonly state: "foreign"; readonly status: number };

/** The fields we use of `/healthz`, `/startupz` and `/readyz`, already parsed. */
export interface HealthBody {
  readonly status?: string;
  readonly pendingReason?: string;
  readonly failing?: readonly string[];
  readonly suppressed?: readonly string[];
  readonly version?: string;
}

/** How the last boot ended, from the host's own database (`gateway_boot_lifecycle`). */
export interface LifecycleReading {
  readonly pid: number;
  readonly startedWallMs: number;
  /** null: still running, or died without a word. */
  readonly outcome: "clean_stop" | "planned_restart" | "startup_failed" | "other" | null;
  readonly endedWallMs?: number;
  readonly reason?: string;
}

/** What the service manager says of the gateway's service. */
export type ServiceState =
  | "running"
  | "starting"
  /** The manager will start it again by itself after a delay. */
  | "backing-off"
  /** Not running and the manager will not start it: somebody stopped it. */
  | "stopped"
  /** Gave up after too many starts. */
  | "latched"
  /** Ended with 78: the host asked not to be restarted before its configuration is mended. */
  | "parked"
  | "failed"
  | "not-installed";

export interface ServiceReading {
  readonly manager: string;
  readonly state: ServiceState;
  readonly mainPid?: number;
  readonly lastExit?: { readonly code?: number; readonly signal?: string };
  /** True when an operator asked the manager to stop it. */
  readonly stoppedOnPurpose?: boolean;
  readonly restarts?: number;
  /** An operator has forbidden the manager to start it; nobody else lifts that. */
  readonly masked?: boolean;
}

/** What a kill could make worse, looked at only when the gateway is silent. */
export interface ResourceReading {
  readonly diskFreeRatio?: number;
  readonly openFiles?: number;
  readonly openFilesLimit?: number;
  /** Another process holds a lock on one of the gateway's databases. */
  readonly databaseLockedByPid?: number;
  /** The main thread waits for a block device. */
  readonly waitsForDisk?: boolean;
}

/** An update, doctor, triage or backup of the host that works on this profile right now. */
export interface MaintenanceReading {
  readonly running: readonly { readonly pid: number; readonly what: string }[];
}

/** One look. Parts that were not looked at this time are absent; parts that could not be looked at say why. */
export interface Observation {
  readonly atMs: number;
  /** How much later than planned this look began: the machine or our own event loop was starved. */
  readonly lateMs: number;
  /** How far wall and monotonic clock moved apart since the last look: a suspend, or somebody set the clock. */
  readonly clockGapMs: number;
  readonly process: Reading<ProcessReading>;
  readonly probes?: Probes;
  readonly findings?: Findings;
  /** Why nothing may be repaired at this moment whatever is seen, known to the watcher and not to the gateway; one sentence. */
  readonly hold?: string;
}

export interface Probes {
  readonly listener: Reading<ListenerReading>;
  readonly health: Reading<HttpReading>;
  readonly startup: Reading<HttpReading>;
  readonly ready: Reading<HttpReading>;
  readonly lifecycle: Reading<LifecycleReading | null>;
  readonly service: Reading<ServiceReading>;
  readonly maintenance: Reading<MaintenanceReading>;
  /** By what its state directory, state database and configuration are known again. */
  readonly place?: Reading<string>;
  readonly resources?: Reading<ResourceReading>;
}

/** What `assess` sees in one look. Only `decide` knows how long it has been so. */
export type Condition =
  | "serving"
  /** Alive and answering, but it says itself that something is missing. Classified, told, never killed for. */
  | "degraded"
  | "starting"
  | "draining"
  | "planned-restart"
  | "stopped-cleanly"
  | "maintenance"
  /** A cheap look that found the process alive; health was not asked. */
  | "alive"
  | "gone"
  /** Process state T and nobody traces it. */
  | "frozen"
  /** TCP opens, HTTP does not answer. */
  | "silent"
  /** The process lives and nothing listens. */
  | "deaf"
  /** The service manager gave up after too many starts. */
  | "latched"
  /** Exit 78: the host refuses to start until its configuration or state is mended. */
  | "parked"
  /** The port answers, but not from our gateway. */
  | "foreign-port"
  | "blind";

/** What is wrong, once it has lasted long enough to be acted on. */
export type Cause =
  | "process-gone"
  | "process-frozen"
  | "silent-flat"
  | "silent-busy"
  | "boot-stalled"
  | "listener-lost"
  | "start-latched"
  | "start-refused"
  | "port-foreign"
  | "disk-full"
  | "descriptors-exhausted"
  | "database-locked"
  | "disk-wait"
  | "boot-slow"
  | "drain-stuck"
  | "maintenance-stuck"
  | "blind"
  // What a deep look finds out when it does not run.
  | "config-broken"
  | "config-invalid"
  | "config-unknown-keys"
  | "config-suspect"
  | "config-newer"
  | "secret-missing"
  | "database-corrupt"
  | "database-lost"
  | "database-newer"
  | "files-locked-out"
  | "state-missing"
  | "lock-dead"
  | "plugin-crash"
  | "plugin-stall"
  | "out-of-memory"
  | "boot-starved"
  | "program-missing"
  | "start-failed"
  // What it finds while the gateway serves: told, never repaired.
  | "config-bad-on-disk"
  | "disk-low"
  | "channels-suppressed"
  | "credentials-missing"
  | "model-unknown"
  | "pairing-pending"
  | "polling-conflict"
  | "jobs-failing"
  | "version-changed"
  | "memory-growing"
  | "answers-slow"
  // What a diagnosis proposed and the allowlist let pass, without and with the end of a living process.
  | "proposed"
  | "proposed-end"
  // Of the watchdog itself, whatever the gateway does: told.
  | "pause-forgotten"
  | "audit-findings";

/** What a serving gateway says of itself. `failing` and `suppressed` name channels and parts. */
export interface Says {
  readonly version?: string;
  readonly failing: readonly string[];
  readonly suppressed: readonly string[];
}

export interface Assessment {
  readonly atMs: number;
  readonly verdict: Verdict;
  readonly condition: Condition;
  /** Sentences a person can read, most telling first. No secrets. */
  readonly evidence: readonly string[];
  readonly identity?: ProcessIdentity;
  readonly cpuMs?: number;
  /** Resident memory of its process alone, bytes, from what names the process (/proc/PID/stat, ps). */
  readonly rssBytes?: number;
  /** How long `/healthz` took to answer, milliseconds, on a connection of its own; absent without an answer. */
  readonly answerMs?: number;
  /** Anything whose change proves progress during a boot: startup reason, owner id. */
  readonly progress?: string;
  /** A reason why a kill would make it worse, if one was found. */
  readonly killHarm?: Extract<Cause, "disk-full" | "descriptors-exhausted" | "database-locked" | "disk-wait">;
  /** True when `resources` was looked at and nothing was found, so that a kill is not ruled out. */
  readonly killHarmRuledOut?: boolean;
  /** Only after a deep look. */
  readonly findings?: Findings;
  /** What it says of itself, when it answers: to compare before and after a repair. */
  readonly says?: Says;
  /** By what its state directory, state database and configuration are known again. */
  readonly place?: string;
  /** How its process ended last, if the manager knows: by its own exit code, or by a signal. */
  readonly lastExit?: { readonly code?: number; readonly signal?: string };
  readonly hold?: string;
  /** It is gone, and its state database could not be read, which a start would perhaps replace. */
  readonly unsure?: boolean;
  /** Set when the look itself cannot be trusted (late, clock gap): it is discarded and a grace period begins. */
  readonly distrust?: string;
}
