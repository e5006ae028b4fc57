import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { MEMORY_FILE } from "../../../rescue-profile/audit/memory.ts";
import { CANARIES, type PristineHome } from "./pristine.ts";

/** One way in which a home is damaged, and the check that is to see it. */
export interface Damage {
  readonly check: string;
  readonly how: string;
  readonly make: (home: PristineHome) => void;
  /** How the finding's subject begins; undefined: whichever. */
  readonly subject?: (home: PristineHome) => string;
  /** Other checks that may speak of the same damage. */
  readonly also?: readonly string[];
  /** Checks that cannot look then. */
  readonly blind?: readonly string[];
  /** Environment for the audit, besides the home's. */
  readonly env?: (home: PristineHome) => NodeJS.ProcessEnv;
}

// biome-ignore lint/suspicious/noExplicitAny: a configuration of the host, which a damage may bend in any way
type Config = { [key: string]: any };
const PLUGIN = fileURLToPath(new URL("../../fixtures/audit-plugin", import.meta.url));
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = () => Date.now();

const inConfig = (edit: (config: Config) => void) => (home: PristineHome) => home.config((config) => edit(config as Config));
const gateway = (edit: (gateway: Config) => void) => inConfig((config) => edit(config["gateway"]));
const defaults = (edit: (defaults: Config) => void) => inConfig((config) => edit(config["agents"]["defaults"]));
const state = (job: keyof PristineHome["jobs"], patch: () => object) => (home: PristineHome) =>
  home.sql(
    `UPDATE cron_jobs SET state_json = json_patch(state_json, '${JSON.stringify(patch()).replaceAll("'", "''")}') WHERE job_id = '${home.jobs[job]}'`,
  );
const job = (name: keyof PristineHome["jobs"], where: string, value: unknown) => (home: PristineHome) =>
  home.sql(
    `UPDATE cron_jobs SET job_json = json_set(job_json, '${where}', json('${JSON.stringify(value)}')) WHERE job_id = '${home.jobs[name]}'`,
  );
const all =
  (...steps: ((home: PristineHome) => void)[]) =>
  (home: PristineHome): void => {
    for (const step of steps) step(home);
  };
const ofJob = (name: keyof PristineHome["jobs"]) => (home: PristineHome) => home.jobs[name];

/** Runs as the host's receipts have them, newest last. */
const runs = (name: keyof PristineHome["jobs"], list: readonly { status: string; tookMs: number }[]) => (home: PristineHome) =>
  home.sql(
    list
      .map(({ status, tookMs }, index) => {
        const startedMs = NOW() - (list.length - index) * HOUR_MS;
        return `INSERT INTO cron_run_receipts (receipt_id, store_key, job_id, config_revision, agent_id, status, owner_pid, started_at_ms, finished_at_ms) SELECT 'r${index}', store_key, job_id, 'x', 'main', '${status}', 1, ${startedMs}, ${startedMs + tookMs} FROM cron_jobs WHERE job_id = '${home.jobs[name]}'`;
      })
      .join(";"),
  );

const request =
  (id: string, more: { repair?: boolean; scopes?: string[] } = {}) =>
  (home: PristineHome) =>
    home.sql(
      `INSERT INTO device_pairing_pending (request_id, device_id, public_key, client_id, client_mode, role, scopes_json, is_repair, ts) VALUES ('${id}', 'device-${id}', 'key', 'cli', 'cli', 'operator', '${JSON.stringify(more.scopes ?? ["operator.read"])}', ${more.repair === true ? 1 : 0}, ${NOW()})`,
    );

function plugin(home: PristineHome, name: string): string {
  const directory = path.join(home.stateDir, "extensions", name);
  cpSync(PLUGIN, directory, { recursive: true });
  const manifest = path.join(directory, "openclaw.plugin.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replaceAll("audit-plugin", name));
  chmodSync(directory, 0o755);
  return directory;
}
const allowed = (config: Config, ...ids: string[]) => {
  config["plugins"]["allow"] = ids;
};
const withPlugin =
  (edit: (config: Config, directory: string) => void, name = "audit-plugin") =>
  (home: PristineHome) => {
    const directory = plugin(home, name);
    home.config((config) => edit(config as Config, directory));
  };
const enabled = (config: Config, name = "audit-plugin") => {
  config["plugins"]["entries"][name] = { enabled: true };
};

/** As a machine whose kernel lets nobody enumerate them (a hardened container), or that has none. */
const shown = os.networkInterfaces;
function showInterfaces(by: typeof os.networkInterfaces): void {
  os.networkInterfaces = by;
  syncBuiltinESMExports();
}
const refusesInterfaces = (code: string) => () =>
  showInterfaces(() => {
    throw Object.assign(new Error("A system error occurred: uv_interface_addresses"), { code });
  });

/** What audits of the last days saw, so that the disk, as it is now, lasts so long. */
const fillsUp = (daysLeft: number) => (home: PristineHome) => {
  const { bavail, bsize } = statfsSync(home.stateDir);
  const free = bavail * bsize;
  const disk = [5, 4, 3, 2, 1].map((days) => ({ atMs: NOW() - days * DAY_MS, freeBytes: Math.round(free * (1 + days / daysLeft)) }));
  writeFileSync(path.join(home.dir, MEMORY_FILE), JSON.stringify({ findings: {}, disk }));
};

/** A host's package as far as an audit looks: beside it, what npm leaves. */
const host =
  (edit: (parts: { manifest: Config; build: Config; root: string }) => void) =>
  (home: PristineHome): NodeJS.ProcessEnv => {
    const root = path.join(home.home, "node_modules", "openclaw");
    rmSync(path.dirname(root), { recursive: true, force: true });
    mkdirSync(path.join(root, "dist"), { recursive: true });
    const manifest: Config = {
      name: "openclaw",
      version: "2026.9.6",
      bin: { openclaw: "openclaw.mjs" },
      engines: { node: ">=24.16.0 <25 || >=26.1.0" },
    };
    const build: Config = { version: "2026.9.6" };
    writeFileSync(path.join(root, "openclaw.mjs"), "");
    edit({ manifest, build, root });
    writeFileSync(path.join(root, "package.json"), JSON.stringify(manifest));
    writeFileSync(path.join(root, "dist", "build-info.json"), JSON.stringify(build));
    return { RESCUE_WATCHDOG_OPENCLAW: path.join(root, "openclaw.mjs") };
  };

/** Sparse: they have a size and take no room. */
function logFile(file: string, bytes: number): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const descriptor = openSync(file, "w");
  ftruncateSync(descriptor, bytes);
  closeSync(descriptor);
}

function overwrite(file: string, at: number, bytes: Buffer): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

/** What a log holds of changes that are not in the file yet must not hide the damage. */
function withoutLog(home: PristineHome): void {
  home.sql("PRAGMA wal_checkpoint(TRUNCATE)");
  for (const end of ["-wal", "-shm"]) rmSync(`${home.databasePath}${end}`, { force: true });
}

const below = (home: PristineHome, ...parts: string[]) => path.join(home.home, "declared", ...parts);
function file(home: PristineHome, name: string, text: string, ageMs = 0): string {
  const full = below(home, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
  utimesSync(full, (NOW() - ageMs) / 1000, (NOW() - ageMs) / 1000);
  return full;
}
const fresh = (home: PristineHome, text: string, field = "meta.updatedAt") => {
  const cache = file(home, "cache.json", text);
  home.settings({ audit: { fresh: [{ path: cache, field, maxAgeSeconds: 3_600 }] } });
};
const tree = (home: PristineHome, where: string, files: Record<string, string>) => {
  rmSync(below(home, where), { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) file(home, path.join(where, name), text);
};
const sources = (home: PristineHome, copy: Record<string, string>, source: Record<string, string>) => {
  tree(home, "copy", copy);
  tree(home, "source", source);
  home.settings({ audit: { sources: [{ path: below(home, "copy"), source: below(home, "source") }] } });
};
const backups = (home: PristineHome) => {
  rmSync(below(home, "backups"), { recursive: true, force: true });
  home.settings({ audit: { backups: [{ path: below(home, "backups"), maxAgeSeconds: 86_400 }] } });
};
const repository = (home: PristineHome, secretFile?: string) =>
  home.settings({ audit: { repositories: [{ name: "ada/engine", ...(secretFile === undefined ? {} : { secretFile }) }] } });

const UNKNOWN = "local/qwen9-nope";
const _modelProblems = ["model-unknown"];

/** At least three for each check that can be damaged without a service manager; those of services are in test/lab/audit.lab.test.ts. */
export const DAMAGES: readonly Damage[] = [
  {
    check: "gateway-exposed",
    how: "bound to the LAN",
    make: gateway((g) => {
      g["bind"] = "lan";
    }),
  },
  {
    check: "gateway-exposed",
    how: "bound to an address of its own",
    make: gateway((g) => {
      g["bind"] = "custom";
      g["customBindHost"] = "192.0.2.7";
    }),
  },
  {
    check: "gateway-exposed",
    how: "opened by a Tailscale funnel",
    make: gateway((g) => {
      g["tailscale"] = { mode: "funnel" };
    }),
    subject: () => "tailscale",
  },

  {
    check: "gateway-token",
    how: "a short token",
    make: gateway((g) => {
      g["auth"] = { mode: "token", token: "abc123" };
    }),
  },
  {
    check: "gateway-token",
    how: "a placeholder",
    make: gateway((g) => {
      g["auth"] = { mode: "token", token: "changeme" };
    }),
  },
  {
    check: "gateway-token",
    how: "one character many times",
    make: gateway((g) => {
      g["auth"] = { mode: "token", token: "a".repeat(40) };
    }),
  },
  {
    check: "gateway-token",
    how: "the token of another profile",
    make: (home) => {
      mkdirSync(path.join(home.home, ".openclaw-other"), { recursive: true });
      const config = JSON.parse(readFileSync(home.configPath, "utf8"));
      config.gateway.port += 200;
      writeFileSync(path.join(home.home, ".openclaw-other", "openclaw.json"), JSON.stringify(config));
    },
    subject: () => "other",
  },

  {
    check: "gateway-auth",
    how: "no auth",
    make: gateway((g) => {
      g["auth"] = { mode: "none" };
    }),
  },
  {
    check: "gateway-auth",
    how: "a dangerous flag",
    make: gateway((g) => {
      g["controlUi"] = { dangerouslyAllowHostHeaderOriginFallback: true };
    }),
  },
  {
    check: "gateway-auth",
    how: "any origin",
    make: gateway((g) => {
      g["controlUi"] = { allowedOrigins: ["*"] };
    }),
  },
  {
    check: "gateway-auth",
    how: "X-Real-IP is believed",
    make: gateway((g) => {
      g["allowRealIpFallback"] = true;
    }),
  },

  {
    check: "config-valid",
    how: "a key that the host does not know",
    make: (home) =>
      home.config((config) => {
        config["bogusKey"] = 1;
      }, false),
  },
  {
    check: "config-valid",
    how: "a wrong type",
    make: (home) =>
      home.config((config) => {
        (config as Config)["gateway"]["port"] = "18789";
      }, false),
    blind: ["gateway-exposed", "plugins-allowlist", "plugins-unknown", "plugins-writable", "data-databases"],
  },
  {
    check: "config-valid",
    how: "cut in half",
    make: (home) => truncateSync(home.configPath, 300),
    blind: [
      "gateway-exposed",
      "gateway-auth",
      "gateway-token",
      "config-permissions",
      "plugins-allowlist",
      "plugins-unknown",
      "plugins-writable",
      "model-unknown",
      "model-credentials",
      "model-fallbacks",
      "server-model",
      "server-reachable",
      "server-unit",
      "webhook-secret",
      "data-databases",
    ],
  },

  { check: "config-last-good", how: "the host's copy is gone", make: (home) => rmSync(`${home.configPath}.last-good`) },
  {
    check: "config-last-good",
    how: "the host's copy is gone, and ours was damaged",
    make: (home) => {
      rmSync(`${home.configPath}.last-good`);
      mkdirSync(path.join(home.dir, "copies", "00000001-deadbeef"), { recursive: true });
    },
  },
  {
    check: "config-last-good",
    how: "the host's copy was moved away",
    make: (home) => {
      cpSync(`${home.configPath}.last-good`, below(home, "moved.json"), { recursive: true });
      rmSync(`${home.configPath}.last-good`);
    },
  },

  {
    check: "config-permissions",
    how: "everybody may read it",
    make: (home) => chmodSync(home.configPath, 0o644),
    subject: (home) => home.configPath,
  },
  {
    check: "config-permissions",
    how: "the group may write it",
    make: (home) => chmodSync(home.configPath, 0o660),
    subject: (home) => home.configPath,
  },
  {
    check: "config-permissions",
    how: "everybody may write it",
    make: (home) => chmodSync(home.configPath, 0o666),
    subject: (home) => home.configPath,
  },

  {
    check: "host-version",
    how: "a newer host wrote the configuration",
    make: inConfig((config) => {
      config["meta"]["lastTouchedVersion"] = "2027.1.0";
    }),
    subject: () => "config",
  },
  {
    check: "host-version",
    how: "a Node that it does not run with",
    make: () => undefined,
    env: host(({ manifest }) => {
      manifest["engines"] = { node: ">=99.0.0" };
    }),
    subject: () => "node",
  },
  {
    check: "host-version",
    how: "an old host",
    make: inConfig((config) => {
      config["meta"]["lastTouchedVersion"] = "2026.1.2";
    }),
    env: host(({ manifest, build }) => {
      manifest["version"] = build["version"] = "2026.1.2";
    }),
    subject: () => "host",
  },

  {
    check: "host-update",
    how: "package and build of two versions",
    make: () => undefined,
    env: host(({ build }) => {
      build["version"] = "2026.8.1";
    }),
  },
  {
    check: "host-update",
    how: "npm's directory from before",
    make: () => undefined,
    env: host(({ root }) => void mkdirSync(path.join(path.dirname(root), ".openclaw-Ab3dEf9h"))),
  },
  {
    check: "host-update",
    how: "the entry is missing",
    make: () => undefined,
    env: host(({ manifest }) => {
      manifest["bin"] = { openclaw: "openclaw.mjs", "openclaw-node": "gone.mjs" };
    }),
  },

  { check: "pairing-pending", how: "a device asks", make: request("req-1"), subject: () => "device:req-1" },
  {
    check: "pairing-pending",
    how: "a device asks again, for more",
    make: request("req-2", { repair: true, scopes: ["operator.admin"] }),
    subject: () => "repair:req-2",
  },
  {
    check: "pairing-pending",
    how: "a sender in a channel asks",
    make: (home) =>
      home.sql(
        `INSERT INTO channel_pairing_requests VALUES ('telegram', 'default', 'r1', '${CANARIES.code}', '${new Date().toISOString()}', '${new Date().toISOString()}', NULL)`,
      ),
    subject: () => "channel:telegram",
  },
  { check: "pairing-pending", how: "two at once", make: all(request("req-3"), request("req-4")), subject: () => "device:req-" },

  { check: "plugins-allowlist", how: "a configured plugin from outside, and no list", make: withPlugin((config) => enabled(config)) },
  { check: "plugins-allowlist", how: "one that only lies there", make: withPlugin(() => undefined) },
  {
    check: "plugins-allowlist",
    how: "an empty list",
    make: withPlugin((config) => {
      enabled(config);
      allowed(config);
    }),
  },

  {
    check: "plugins-unknown",
    how: "an entry without a plugin",
    make: inConfig((config) => enabled(config, "ghost")),
    subject: () => "ghost",
  },
  {
    check: "plugins-unknown",
    how: "a list with a name that nobody has",
    make: inConfig((config) => allowed(config, "anthropic", "openai", "phantom")),
    subject: () => "phantom",
  },
  {
    check: "plugins-unknown",
    how: "a plugin that is denied and gone",
    make: inConfig((config) => {
      config["plugins"]["deny"] = ["spectre"];
    }),
    subject: () => "spectre",
  },

  {
    check: "plugins-writable",
    how: "everybody may write the directory",
    make: withPlugin((config, directory) => {
      enabled(config);
      allowed(config, "audit-plugin");
      chmodSync(directory, 0o777);
    }),
  },
  {
    check: "plugins-writable",
    how: "everybody may write its code",
    make: withPlugin((config, directory) => {
      enabled(config);
      allowed(config, "audit-plugin");
      chmodSync(path.join(directory, "index.js"), 0o666);
    }),
  },
  {
    check: "plugins-writable",
    how: "everybody may write a part of it",
    make: withPlugin((config, directory) => {
      enabled(config);
      allowed(config, "audit-plugin");
      mkdirSync(path.join(directory, "lib"));
      chmodSync(path.join(directory, "lib"), 0o777);
    }),
  },

  {
    check: "model-unknown",
    how: "a primary model that its provider does not have",
    make: defaults((d) => {
      d["model"] = { primary: UNKNOWN };
    }),
    subject: () => UNKNOWN,
  },
  {
    check: "model-unknown",
    how: "a provider that nobody has",
    make: defaults((d) => {
      d["model"] = { primary: "local/qwen3-coder", fallbacks: ["nowhere/model-1"] };
    }),
    subject: () => "nowhere/model-1",
  },
  { check: "model-unknown", how: "a job with an unknown model", make: job("report", "$.payload.model", UNKNOWN), subject: () => UNKNOWN },
  {
    check: "model-unknown",
    how: "a job whose alias is gone",
    make: defaults((d) => {
      delete d["models"];
    }),
    subject: () => "coder",
  },

  {
    check: "model-fallbacks",
    how: "a fallback at the same provider",
    make: inConfig((config) => {
      const [model] = config["models"]["providers"]["local"]["models"];
      config["models"]["providers"]["local"]["models"].push({ ...model, id: "qwen3-mini" });
      config["agents"]["defaults"]["model"] = { primary: "local/qwen3-coder", fallbacks: ["local/qwen3-mini"] };
    }),
    also: ["server-model"],
  },
  {
    check: "model-fallbacks",
    how: "itself as its fallback",
    make: defaults((d) => {
      d["model"] = { primary: "local/qwen3-coder", fallbacks: ["local/qwen3-coder"] };
    }),
  },
  {
    check: "model-fallbacks",
    how: "its alias as its fallback",
    make: defaults((d) => {
      d["model"] = { primary: "local/qwen3-coder", fallbacks: ["coder"] };
    }),
  },

  {
    check: "cron-kind",
    how: "an agent's turn for the main session",
    make: job("report", "$.sessionTarget", "main"),
    subject: ofJob("report"),
  },
  {
    check: "cron-kind",
    how: "a system event for a session of its own",
    make: job("wake", "$.sessionTarget", "isolated"),
    subject: ofJob("wake"),
  },
  { check: "cron-kind", how: "a command for the main session", make: job("tidy", "$.sessionTarget", "main"), subject: ofJob("tidy") },

  {
    check: "cron-failing",
    how: "four times in a row",
    make: state("report", () => ({
      consecutiveErrors: 4,
      lastError: "connect ECONNREFUSED",
      lastRunStatus: "error",
      lastRunAtMs: NOW() - HOUR_MS,
    })),
  },
  {
    check: "cron-failing",
    how: "two jobs for one reason",
    make: all(
      ...(["report", "tidy"] as const).map((name) =>
        state(name, () => ({ consecutiveErrors: 5, lastError: "rate limit", lastErrorReason: "rate_limit", lastRunAtMs: NOW() - HOUR_MS })),
      ),
    ),
  },
  {
    check: "cron-failing",
    how: "an unknown model, by the host's words",
    make: state("report", () => ({
      consecutiveErrors: 9,
      lastError: "Unknown model: openai/gpt-9",
      lastErrorReason: "model_not_found",
      lastRunAtMs: NOW() - HOUR_MS,
    })),
  },

  {
    check: "cron-never-ran",
    how: "two weeks old, without a next run",
    make: all(job("report", "$.createdAtMs", NOW() - 14 * DAY_MS), (home) =>
      home.sql(`UPDATE cron_jobs SET state_json = json_remove(state_json, '$.nextRunAtMs') WHERE job_id = '${home.jobs.report}'`),
    ),
    subject: ofJob("report"),
  },
  {
    check: "cron-never-ran",
    how: "a month old, its run long due",
    make: all(
      job("tidy", "$.createdAtMs", NOW() - 30 * DAY_MS),
      state("tidy", () => ({ nextRunAtMs: NOW() - 29 * DAY_MS })),
    ),
    subject: ofJob("tidy"),
  },
  {
    check: "cron-never-ran",
    how: "a daily one, a month old",
    make: all(job("wake", "$.createdAtMs", NOW() - 30 * DAY_MS), (home) =>
      home.sql(`UPDATE cron_jobs SET state_json = json_remove(state_json, '$.nextRunAtMs') WHERE job_id = '${home.jobs.wake}'`),
    ),
    subject: ofJob("wake"),
  },

  {
    check: "cron-next-run",
    how: "next run in the year 2050",
    make: state("report", () => ({ nextRunAtMs: Date.UTC(2050, 0, 1) })),
    subject: ofJob("report"),
  },
  {
    check: "cron-next-run",
    how: "further away than its interval",
    make: state("tidy", () => ({ nextRunAtMs: NOW() + 3 * DAY_MS })),
    subject: ofJob("tidy"),
  },
  {
    check: "cron-next-run",
    how: "the last run in the future",
    make: state("wake", () => ({ lastRunAtMs: NOW() + 2 * DAY_MS })),
    subject: ofJob("wake"),
  },

  {
    check: "cron-disabled",
    how: "after ten failures",
    make: (home) => {
      state("report", () => ({ autoDisabled: { reason: "consecutive-failures", atMs: NOW() - HOUR_MS, consecutiveErrors: 10 } }))(home);
      home.sql(`UPDATE cron_jobs SET enabled = 0 WHERE job_id = '${home.jobs.report}'`);
    },
    subject: ofJob("report"),
  },
  {
    check: "cron-disabled",
    how: "for its schedule",
    make: (home) => {
      state("wake", () => ({ autoDisabled: { reason: "schedule-errors", atMs: NOW() - HOUR_MS, consecutiveErrors: 3 } }))(home);
      home.sql(`UPDATE cron_jobs SET enabled = 0 WHERE job_id = '${home.jobs.wake}'`);
    },
    subject: ofJob("wake"),
  },
  {
    check: "cron-disabled",
    how: "together with why it failed",
    make: (home) => {
      state("tidy", () => ({
        consecutiveErrors: 10,
        lastError: "exit 1",
        autoDisabled: { reason: "consecutive-failures", atMs: NOW() - HOUR_MS, consecutiveErrors: 10 },
      }))(home);
      home.sql(`UPDATE cron_jobs SET enabled = 0 WHERE job_id = '${home.jobs.tidy}'`);
    },
    subject: ofJob("tidy"),
    also: ["cron-failing"],
  },

  {
    check: "cron-timeout",
    how: "shorter than its median run",
    make: all(
      job("report", "$.payload.timeoutSeconds", 60),
      runs(
        "report",
        Array.from({ length: 6 }, () => ({ status: "ok", tookMs: 58_000 })),
      ),
    ),
    subject: ofJob("report"),
  },
  {
    check: "cron-timeout",
    how: "ended by it three times",
    make: all(
      job("report", "$.payload.timeoutSeconds", 60),
      runs(
        "report",
        Array.from({ length: 4 }, () => ({ status: "error", tookMs: 60_500 })),
      ),
    ),
    subject: ofJob("report"),
  },
  {
    check: "cron-timeout",
    how: "a command that is slower than its limit",
    make: all(
      job("tidy", "$.payload.timeoutSeconds", 10),
      runs(
        "tidy",
        Array.from({ length: 7 }, () => ({ status: "ok", tookMs: 9_900 })),
      ),
    ),
    subject: ofJob("tidy"),
  },

  {
    check: "data-databases",
    how: "garbage instead of a header",
    make: (home) => {
      withoutLog(home);
      overwrite(home.databasePath, 0, Buffer.alloc(100, 0x41));
    },
    blind: [
      "pairing-pending",
      "plugins-allowlist",
      "plugins-unknown",
      "plugins-writable",
      "model-unknown",
      "model-credentials",
      "model-fallbacks",
      "cron-disabled",
      "cron-failing",
      "cron-kind",
      "cron-never-ran",
      "cron-next-run",
      "cron-overdue",
      "cron-timeout",
    ],
  },
  {
    check: "data-databases",
    how: "cut in half",
    make: (home) => {
      withoutLog(home);
      truncateSync(home.databasePath, 400_000);
    },
    blind: [
      "pairing-pending",
      "plugins-allowlist",
      "plugins-unknown",
      "plugins-writable",
      "model-unknown",
      "model-credentials",
      "model-fallbacks",
      "cron-disabled",
      "cron-failing",
      "cron-kind",
      "cron-never-ran",
      "cron-next-run",
      "cron-overdue",
      "cron-timeout",
    ],
    also: ["*"],
  },
  {
    check: "data-databases",
    how: "no bytes",
    make: (home) => {
      withoutLog(home);
      truncateSync(home.databasePath, 0);
    },
    blind: [
      "pairing-pending",
      "plugins-allowlist",
      "plugins-unknown",
      "plugins-writable",
      "model-unknown",
      "model-credentials",
      "model-fallbacks",
      "cron-disabled",
      "cron-failing",
      "cron-kind",
      "cron-never-ran",
      "cron-next-run",
      "cron-overdue",
      "cron-timeout",
    ],
  },

  {
    check: "data-fresh",
    how: "older than it may be",
    make: (home) => fresh(home, JSON.stringify({ meta: { updatedAt: new Date(NOW() - 2 * HOUR_MS).toISOString() } })),
  },
  {
    check: "data-fresh",
    how: "written again with the old content",
    make: (home) => fresh(home, JSON.stringify({ meta: { updatedAt: Math.round((NOW() - 9 * DAY_MS) / 1000) } })),
  },
  { check: "data-fresh", how: "without its field", make: (home) => fresh(home, "{}") },
  {
    check: "data-fresh",
    how: "an old row in a database",
    make: (home) => home.settings({ audit: { fresh: [{ path: home.databasePath, field: "schema_meta.created_at", maxAgeSeconds: 1 }] } }),
  },

  { check: "data-drift", how: "another content", make: (home) => sources(home, { "a.md": "old" }, { "a.md": "new" }) },
  { check: "data-drift", how: "a file is missing", make: (home) => sources(home, { "a.md": "1" }, { "a.md": "1", "deep/b.md": "2" }) },
  {
    check: "data-drift",
    how: "the source is gone",
    make: (home) => {
      sources(home, { "a.md": "1" }, { "a.md": "1" });
      rmSync(below(home, "source"), { recursive: true });
    },
  },

  {
    check: "data-backups",
    how: "none",
    make: (home) => {
      backups(home);
      mkdirSync(below(home, "backups"), { recursive: true });
    },
  },
  {
    check: "data-backups",
    how: "the newest is a week old",
    make: (home) => {
      backups(home);
      file(home, "backups/b.tar.gz", "x", 7 * DAY_MS);
    },
  },
  { check: "data-backups", how: "no such directory", make: backups },

  {
    check: "log-growth",
    how: "a log in the state directory that nobody rotates",
    make: (home) => logFile(path.join(home.stateDir, "logs", "gateway.log"), 300e6),
  },
  {
    check: "log-growth",
    how: "two such",
    make: (home) => {
      logFile(path.join(home.stateDir, "logs", "a.log"), 200e6);
      logFile(path.join(home.stateDir, "debug.log"), 900e6);
    },
  },
  {
    check: "log-growth",
    how: "very many",
    make: (home) => {
      for (let at = 0; at < 12; at++) logFile(path.join(home.stateDir, "logs", `part-${at}.log`), 100e6);
    },
  },

  { check: "data-disk", how: "full in five days", make: fillsUp(5), subject: () => "growth" },
  { check: "data-disk", how: "full in a day", make: fillsUp(1), subject: () => "growth" },
  { check: "data-disk", how: "full in an hour", make: fillsUp(1 / 24), subject: () => "growth" },

  { check: "network-interfaces", how: "refused by the kernel", make: refusesInterfaces("ERR_SYSTEM_ERROR") },
  { check: "network-interfaces", how: "forbidden", make: refusesInterfaces("EPERM") },
  { check: "network-interfaces", how: "none", make: () => showInterfaces(() => ({})) },

  {
    check: "webhook-secret",
    how: "a short token",
    make: inConfig((config) => {
      config["hooks"]["token"] = "short";
    }),
  },
  {
    check: "webhook-secret",
    how: "the gateway's own token",
    make: inConfig((config) => {
      config["hooks"]["token"] = config["gateway"]["auth"]["token"];
    }),
  },
  {
    check: "webhook-secret",
    how: "a channel's webhook without a secret",
    make: inConfig((config) => {
      config["channels"]["telegram"] = { ...config["channels"]["telegram"], enabled: true, webhookUrl: "https://example.org/tg" };
    }),
  },
  {
    check: "webhook-secret",
    how: "hooks without a token",
    make: inConfig((config) => {
      delete config["hooks"]["token"];
    }),
  },

  { check: "webhook-repositories", how: "no secret declared", make: (home) => repository(home) },
  { check: "webhook-repositories", how: "its file is not there", make: (home) => repository(home, below(home, "gone.secret")) },
  {
    check: "webhook-repositories",
    how: "others may read it",
    make: (home) => {
      chmodSync(file(home, "hook.secret", "0123456789abcdef"), 0o644);
      repository(home, below(home, "hook.secret"));
    },
  },

  {
    check: "server-reachable",
    how: "it answers with an error",
    make: (home) => {
      home.server.answer = "500";
    },
  },
  {
    check: "server-reachable",
    how: "it does not answer",
    make: (home) => {
      home.server.answer = "silent";
    },
  },
  {
    check: "server-reachable",
    how: "nobody listens",
    make: inConfig((config) => {
      config["models"]["providers"]["local"]["baseUrl"] = "http://127.0.0.1:1/v1";
    }),
  },

  {
    check: "server-model",
    how: "another model is loaded",
    make: (home) => {
      home.server.models = ["llama-4"];
    },
  },
  {
    check: "server-model",
    how: "no model is loaded",
    make: (home) => {
      home.server.models = [];
    },
  },
  {
    check: "server-model",
    how: "one of two",
    make: inConfig((config) => {
      const models = config["models"]["providers"]["local"]["models"];
      models.push({ ...models[0], id: "qwen3-mini" });
    }),
  },
];

/** Not damaged, each in its way. */
export const HEALTHY: readonly Pick<Damage, "how" | "make">[] = [
  { how: "as the host made it", make: () => undefined },
  {
    how: "a plugin from outside, configured and on the list",
    make: withPlugin((config) => {
      enabled(config);
      allowed(config, "audit-plugin", "anthropic", "openai");
    }),
  },
  {
    how: "a request that has run out",
    make: (home) => {
      request("req-9")(home);
      home.sql(`UPDATE device_pairing_pending SET ts = ${NOW() - HOUR_MS}`);
    },
  },
  {
    how: "two failures in a row, and runs within their time",
    make: all(
      state("report", () => ({ consecutiveErrors: 2, lastError: "timeout", lastRunAtMs: NOW() - HOUR_MS })),
      runs(
        "report",
        Array.from({ length: 8 }, () => ({ status: "ok", tookMs: 30_000 })),
      ),
    ),
  },
  {
    how: "everything declared, and as it should be",
    make: (home) => {
      const cache = file(home, "cache.json", JSON.stringify({ at: new Date().toISOString() }));
      tree(home, "copy", { "a.md": "1", "own.md": "2" });
      tree(home, "source", { "a.md": "1" });
      file(home, "backups/b.tar.gz", "x", HOUR_MS);
      chmodSync(file(home, "hook.secret", "0123456789abcdef"), 0o600);
      home.settings({
        audit: {
          fresh: [{ path: cache, field: "at", maxAgeSeconds: 3_600 }],
          sources: [{ path: below(home, "copy"), source: below(home, "source") }],
          backups: [{ path: below(home, "backups"), maxAgeSeconds: 86_400 }],
          repositories: [{ name: "ada/engine", secretFile: below(home, "hook.secret") }],
        },
      });
    },
  },
  {
    how: "a job of the future, and one that is switched off",
    make: all(
      state("wake", () => ({ nextRunAtMs: NOW() + 20 * HOUR_MS })),
      (home) => home.sql(`UPDATE cron_jobs SET enabled = 0 WHERE job_id = '${home.jobs.tidy}'`),
    ),
  },
  {
    how: "a second profile with a token of its own",
    make: (home) => {
      const other = path.join(home.home, ".openclaw-second");
      mkdirSync(other, { recursive: true });
      writeFileSync(
        path.join(other, "openclaw.json"),
        JSON.stringify({ gateway: { auth: { mode: "token", token: `${"f".repeat(8)}0123456789abcdefghijklmnop` } } }),
      );
    },
  },
  { how: "a large log that is still within bounds", make: (home) => logFile(path.join(home.stateDir, "logs", "gateway.log"), 90e6) },
];

/** What a damage leaves outside of what `restore` puts back. */
export function cleanUp(home: PristineHome): void {
  showInterfaces(shown);
  rmSync(path.join(home.dir, MEMORY_FILE), { force: true });
  for (const name of [".openclaw-other", ".openclaw-second", "declared", "node_modules"]) {
    const left = path.join(home.home, name);
    if (existsSync(left)) rmSync(left, { recursive: true });
  }
  rmSync(path.join(home.stateDir, "debug.log"), { force: true });
}
