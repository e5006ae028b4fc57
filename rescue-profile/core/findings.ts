import type { Cause, Reading } from "./model.ts";

/**
 * A deep look: what lies on disk and in the logs, which survives the gateway's death. Taken when a repair must know more than that the
 * gateway is down, and now and then while it serves. Each part is looked at by itself: one that could not be looked at hides no other.
 */
export interface Findings {
  /** False: the state directory itself is not there any more. */
  readonly stateDir: Reading<boolean>;
  readonly config: Reading<ConfigFinding>;
  /** The shared state database first, then each agent's; only those with a fault, or with a changed identity. */
  readonly databases: Reading<readonly DatabaseFinding[]>;
  /** Files of the state directory that the gateway's account cannot read or write, at most five. */
  readonly lockedOut: Reading<readonly { readonly path: string; readonly why: string }[]>;
  /** The host's lock file when it names nobody and no living process holds it; null when it is in order or not there. */
  readonly deadLock: Reading<string | null>;
  /** Known sentences in the last lines of the gateway's logs since its last boot began, newest first, each name once. */
  readonly signs: Reading<readonly Sign[]>;
  /** Plugins from outside the host that the configuration loads, this one left out, in the order of suspicion. */
  readonly plugins: Reading<readonly PluginFinding[]>;
  /** Programs that the service's definition names and that are not there. */
  readonly missingPrograms: Reading<readonly string[]>;
  /** Of what this user may use, 0 to 1. */
  readonly diskFreeRatio: Reading<number>;
  /** Scheduled jobs that failed several times in a row; only while it serves. */
  readonly failingJobs?: Reading<readonly { readonly name: string; readonly failures: number }[]>;
}

export interface ConfigFinding {
  readonly path: string;
  readonly state: "there" | "missing" | "empty" | "unparsable" | "unreadable";
  /** SHA-256 over the file and everything that it includes; null when it cannot be read through. */
  readonly fingerprint: string | null;
  /** Compared with the newest copy that was kept while it served; `unknown`: there is no copy. */
  readonly sinceServed: "same" | "changed" | "unknown";
  /** A gateway has booted from just this. What was only edited at run time serves on, and may be refused at the next start. */
  readonly booted: boolean;
  /** When the file was written or put there last, wall time. */
  readonly changedWallMs?: number;
  /** Copies that were kept while it served and differ from what lies there now. */
  readonly copies: number;
  /** Where it cannot be read or parsed, as one sentence without content. */
  readonly why?: string;
  /** The host's own validation of just this content; absent: not asked, or it could not answer. */
  readonly validation?: ConfigValidation;
  /** Written by a newer host than the one that would run it. */
  readonly newer?: { readonly writtenBy: string; readonly host: string };
  /** Environment variables that it asks for and the gateway does not have. */
  readonly missingVariables: readonly string[];
}

export interface ConfigValidation {
  readonly valid: boolean;
  /** `path` in dots, empty for the root; messages as the host words them, without values. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  /** Full paths of keys that the host does not know, when that is *all* that is wrong. */
  readonly onlyUnknownKeys?: readonly string[];
}

export interface DatabaseFinding {
  readonly path: string;
  readonly state:
    | "missing"
    | "empty"
    | "not-a-database"
    | "corrupt"
    /** Of a newer schema than the host supports, by the host's own words. */
    | "newer"
    /** There and sound, but not the one that was there when the gateway served last. */
    | "replaced";
  readonly why: string;
}

/** A sentence of the gateway's that says what is wrong. The table with their sources is `observe/signs.ts`. */
export type SignName =
  | "address-in-use"
  | "boot-timeout"
  | "config-invalid"
  | "config-newer"
  | "credentials-missing"
  | "database-corrupt"
  | "database-newer"
  | "disk-full"
  | "heap-exhausted"
  | "killed-for-memory"
  | "lock-held"
  | "model-unknown"
  | "module-missing"
  | "pairing-required"
  | "permission-denied"
  | "plugin-failed"
  | "polling-conflict"
  | "secret-missing"
  | "tls-files-missing"
  | "uncaught-exception";

export interface Sign {
  readonly name: SignName;
  /** The line itself, shortened, secrets masked. */
  readonly line: string;
  /** When it was written, wall time; absent: the line does not say. */
  readonly atWallMs?: number;
}

export interface PluginFinding {
  readonly id: string;
  /** What speaks against it: its path stands in the stack that ended the gateway · it is new or changed since the gateway served · it is the only one. */
  readonly suspicion: "named" | "changed" | "only" | "none";
  readonly why: string;
}

/** What a deep look says is wrong. */
export interface Classification {
  readonly cause: Cause;
  /** `certain`: the thing itself was looked at. `likely`: the gateway's own words, or the only thing that changed. `guess`: nothing else is left. */
  readonly confidence: "certain" | "likely" | "guess";
  /** Sentences a person can read, most telling first. No secrets. */
  readonly evidence: readonly string[];
  /** What the repair is about: a plugin's id, a file's path. */
  readonly subject?: string;
  /** Why the cause's remedy cannot be applied here; then it is told instead. */
  readonly blocked?: string;
}
