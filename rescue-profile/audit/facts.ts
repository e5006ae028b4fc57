import type { ConfigValidation, DatabaseFinding, PluginFinding } from "../core/findings.ts";
import type { Reading, ServiceReading } from "../core/model.ts";

/** A JSON object whose keys nobody has checked. */
export type Json = { readonly [key: string]: unknown };

/**
 * What a check may ask for, each looked up once, when it is first asked for, and bounded in time. Not ok means that it could not be looked at. Paths are
 * absolute, times wall-clock milliseconds. No fact contains a secret.
 */
export interface Facts {
  readonly profile: string;
  readonly home: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly nowMs: number;
  /** The configuration, `$include`s resolved. Its secrets are in it: a check shows keys and shapes, never values of `token`, `password`, `secret`, `apiKey`. */
  config(): Promise<Reading<Json>>;
  /** By the host's own `config validate`, or without asking it when the gateway has served with just this file. */
  validation(): Promise<Reading<ConfigValidation>>;
  /** What could bring a broken configuration back: the host's `openclaw.json.last-good`, copies in our ring. */
  lastGood(): Promise<Reading<{ readonly hosts: boolean; readonly ours: number }>>;
  /** The configuration file, and each file that it includes, with its permissions (`mode & 0o777`). Empty on Windows. */
  configModes(): Promise<Reading<readonly { readonly path: string; readonly mode: number }[]>>;
  token(): Promise<Reading<TokenFacts>>;
  /** The addresses on which the gateway's port is listened to now, as text (`127.0.0.1`, `::`); empty: nobody listens. */
  listening(): Promise<Reading<readonly string[]>>;
  /** Null: there is no service manager here (a container), so there is no service to judge. */
  service(): Promise<Reading<ServiceFacts | null>>;
  hostProgram(): Promise<Reading<HostProgram>>;
  pairings(): Promise<Reading<readonly PairingRequest[]>>;
  plugins(): Promise<Reading<PluginFacts>>;
  models(): Promise<Reading<ModelFacts>>;
  cronJobs(): Promise<Reading<readonly CronJob[]>>;
  /** Only those with a fault. */
  databases(): Promise<Reading<readonly DatabaseFinding[]>>;
  disk(): Promise<Reading<DiskFacts>>;
  /** What our settings declare, and how it stands: `audit.fresh`, `audit.sources`, `audit.backups`, `audit.repositories`. */
  declared(): Promise<Reading<DeclaredFacts>>;
  logs(): Promise<Reading<LogFacts>>;
  /** How many network interfaces the machine shows. Where it cannot enumerate them (a hardened container), that is why it is not ok. */
  network(): Promise<Reading<{ readonly interfaces: number }>>;
  modelServers(): Promise<Reading<readonly ModelServer[]>>;
  /** By the host's own `doctor --lint`, which writes nothing. */
  lint(): Promise<Reading<readonly LintFinding[]>>;
}

/** As the host has it, masked. */
export interface LintFinding {
  readonly checkId: string;
  readonly severity: string;
  readonly message: string;
  readonly path: string | null;
  readonly fixHint: string | null;
}

export interface TokenFacts {
  /** `gateway.auth.mode`, or what the host takes when it is missing. */
  readonly mode: string;
  /** Of the token or password in use; null: a reference that only the host resolves, or none. */
  readonly length: number | null;
  /** How many different characters it has. */
  readonly distinct: number | null;
  /** Somebody's example: "changeme", "undefined", "<token>". */
  readonly placeholder: boolean;
  /** Other profiles of this account whose gateway has the same one. */
  readonly sharedWith: readonly string[];
  /** `hooks.token` is the same one. */
  readonly sharedWithHooks: boolean;
}

export interface ServiceFacts {
  readonly manager: string;
  readonly name: string;
  readonly reading: ServiceReading;
  /** Starts by itself at login or boot; null: the manager does not say. */
  readonly enabled: boolean | null;
  /** Runs on when nobody is logged in; null: not known, or no such thing here. */
  readonly linger: boolean | null;
  /** Only of systemd. `startLimitBurst` 0 or `startLimitIntervalMs` 0: no limit. */
  readonly unit?: {
    readonly startLimitBurst: number;
    readonly startLimitIntervalMs: number;
    readonly restart: string;
    readonly restartMs: number;
    /** `loaded`, `masked`, or why systemd could not load it: `bad-setting`, `error`. */
    readonly load: string;
  };
}

export interface HostProgram {
  /** The package's directory; null: no openclaw was found. */
  readonly root: string | null;
  readonly version: string | null;
  /** What the host says of itself in its build (`dist/build-info.json`). */
  readonly builtVersion: string | null;
  /** `meta.lastTouchedVersion`: the host that wrote the configuration last. */
  readonly wroteConfig: string | null;
  /** The Node that runs it, `24.16.0`, and the range that the package asks for. */
  readonly node: string | null;
  readonly nodeRange: string | null;
  /** What an update that was cut off leaves: npm's renamed directories, a missing entry. */
  readonly leftovers: readonly string[];
}

export interface PairingRequest {
  /** `repair`: a device that was paired before and asks again. */
  readonly kind: "device" | "repair" | "node" | "channel";
  /** By which the host's commands name it; for a channel its code is a secret and stays out: this is the channel's name. */
  readonly id: string;
  readonly client: string | null;
  readonly role: string | null;
  readonly scopes: readonly string[];
  readonly ageMs: number;
  /** The host lets it count for nothing. */
  readonly expired: boolean;
}

export interface PluginFacts {
  /** The host's own list. `configured`: it has an entry that is not disabled, or a load path names it. */
  readonly known: readonly {
    readonly id: string;
    readonly bundled: boolean;
    readonly enabled: boolean;
    readonly configured: boolean;
    readonly rootDir: string;
  }[];
  /** `plugins.allow`; null: there is none, or an empty one, which allows all. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
  /** Ids in `plugins.entries` that are switched on there. The host itself writes entries of plugins that are not there, with settings only (measured: codex). */
  readonly entries: readonly string[];
  /** Those from outside that the log speaks against. */
  readonly suspects: readonly PluginFinding[];
  /** Directories and files of plugins from outside that everybody may write, with their modes. */
  readonly writable: readonly { readonly path: string; readonly mode: number }[];
}

export interface ModelFacts {
  readonly providers: readonly Provider[];
  /** Alias, in small letters, → `provider/model`. */
  readonly aliases: ReadonlyMap<string, string>;
}

export interface Provider {
  readonly id: string;
  /** `config`: in `models.providers`; `plugin`: of an enabled plugin. Both may be. */
  readonly from: readonly ("config" | "plugin")[];
  /** Listed, by the configuration and by the plugins' catalogues. */
  readonly models: readonly string[];
  /** Models that are not listed may exist: it discovers them, or its plugin takes these beginnings (`gpt-`). */
  readonly open: boolean;
  readonly prefixes: readonly string[];
  /** `yes`: a key, a profile, a variable; `unneeded`: local, or it signs in by itself; `no`; `unknown`: the gateway's environment is not known. */
  readonly credentials: "yes" | "no" | "unneeded" | "unknown";
  /** The variables it would read. */
  readonly envVars: readonly string[];
}

export interface CronJob {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  /** The host's own job (heartbeat, dreaming, …): it has a declaration key of the host's. */
  readonly hosts: boolean;
  readonly payload: string;
  readonly sessionTarget: string;
  /** `provider/model` or an alias, as written; null: the agent's own. */
  readonly model: string | null;
  readonly fallbacks: readonly string[];
  readonly schedule: { readonly kind: string; readonly everyMs: number | null; readonly atMs: number | null; readonly expr: string | null };
  readonly timeoutMs: number | null;
  readonly createdMs: number;
  readonly nextRunMs: number | null;
  readonly lastRunMs: number | null;
  readonly runningSinceMs: number | null;
  readonly consecutiveErrors: number;
  /** In the host's words, masked; null: none. */
  readonly lastError: string | null;
  /** The host's class of it: `model_not_found`, `auth`, … */
  readonly errorReason: string | null;
  readonly autoDisabled: { readonly reason: string; readonly atMs: number } | null;
  /** Of its finished runs, newest first, at most 50; with how they ended. */
  readonly runs: readonly { readonly status: string; readonly tookMs: number }[];
}

export interface DiskFacts {
  readonly freeBytes: number;
  readonly freeRatio: number;
  /** Null where the file system has none (btrfs). */
  readonly freeInodesRatio: number | null;
  /** By what was free at earlier audits; null: not known yet, or nothing grows. */
  readonly daysLeft: number | null;
}

export interface DeclaredFacts {
  /** `ageMs` null: the field could not be read, `why` says it. */
  readonly fresh: readonly {
    readonly path: string;
    readonly field: string;
    readonly ageMs: number | null;
    readonly maxAgeMs: number;
    readonly why: string | null;
  }[];
  /** `differs`: files, relative, that are not what the source has; `missing`: that only the source has. Each at most 20; `count`: of all. */
  readonly sources: readonly {
    readonly path: string;
    readonly source: string;
    readonly differs: readonly string[];
    readonly missing: readonly string[];
    readonly count: number;
    readonly why: string | null;
  }[];
  /** The newest file there; `newestMs` null: none. */
  readonly backups: readonly {
    readonly path: string;
    readonly newestMs: number | null;
    readonly maxAgeMs: number;
    readonly why: string | null;
  }[];
  /** Repositories whose webhooks reach this gateway, and whether their secret is there: a file of this account's alone that is not empty. */
  readonly repositories: readonly { readonly name: string; readonly secret: boolean; readonly why: string | null }[];
}

export interface LogFacts {
  /** Directories that were looked at. */
  readonly directories: readonly string[];
  readonly totalBytes: number;
  readonly files: readonly LogFile[];
  /** What grows in a day, by the files written today and yesterday; null: nothing was written. */
  readonly bytesPerDay: number | null;
  /** Files that a logrotate configuration of ours covers already. */
  readonly rotated: readonly string[];
  readonly maxBytes: number;
}

export interface LogFile {
  readonly path: string;
  readonly bytes: number;
  readonly changedMs: number;
  /** The host rotates and removes these itself (its daily files). */
  readonly hosts: boolean;
}

export interface ModelServer {
  /** The provider's id, or the address where it was only declared. */
  readonly id: string;
  /** `http://127.0.0.1:8000/v1`, without user, password and query. */
  readonly url: string;
  readonly answer:
    | { readonly state: "models"; readonly models: readonly string[] }
    /** `closed`: it answers, and does not say what it has (it wants a key, or speaks another language). */
    | { readonly state: "refused" | "silent" | "closed" }
    | { readonly state: "error"; readonly status: number };
  /** The models that the configuration has of it. */
  readonly wanted: readonly string[];
  /** Started by the gateway when it is needed (`localService`): that nothing answers is no fault. */
  readonly onDemand: boolean;
  readonly unit: {
    readonly name: string;
    readonly scope: "user" | "system";
    /** Our settings name it; else it was found by the port in its command line. */
    readonly declared: boolean;
    readonly restarts: number;
    readonly startLimitBurst: number;
    readonly startLimitIntervalMs: number;
    readonly restartMs: number;
    readonly active: string;
  } | null;
}
