import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";
import { openclaw } from "../support/home.ts";
import type { Config, FaultyGateway } from "./faulty.ts";

/**
 * Faults of shared/docs/FAILURES.md ("Reproduced on the real gateway") as data: what is done to a real gateway that serves, and what has to come
 * of it. `cause`: the last cause that a repair or a person was given. Times and the rest are judged by the one test that runs them all.
 */
export interface Fault {
  readonly name: string;
  readonly inject: (gateway: FaultyGateway) => Promise<void>;
  /** `recovered`: it serves again by our doing. `told`: a person gets the word, and nothing was repaired in vain. `warned`: told while it serves. `left`: nothing at all. */
  readonly ends: "recovered" | "told" | "warned" | "left";
  readonly cause?: string;
  readonly tier?: 1 | 2;
  /** Settings that shorten what would take minutes. */
  readonly set?: readonly string[];
  /** What must be so afterwards; the configuration's bytes are compared unless it says `config`. */
  readonly after?: (gateway: FaultyGateway) => Promise<void> | void;
  readonly config?: "restored" | "changed" | "untouched";
  /** Takes more than a minute, or is like another one: only in test:full. */
  readonly full?: boolean;
  /** Variables that leaked into the watchdog's environment. */
  readonly leaked?: Readonly<Record<string, string>>;
}

/** Changes the configuration while the gateway is stopped, so that it boots with the change. */
const boot = (change: (config: Config) => void) => (gateway: FaultyGateway) => gateway.restart(() => gateway.edit(change));

const bytes =
  (write: (path: string, text: string) => void) =>
  ({ configPath, restart }: FaultyGateway) =>
    restart(() => write(configPath, readFileSync(configPath, "utf8")));

export const FAULTS: readonly Fault[] = [
  {
    name: "the configuration is cut off",
    inject: bytes((path, text) => writeFileSync(path, text.slice(0, text.length / 2))),
    ends: "recovered",
    cause: "config-broken",
    tier: 2,
    config: "restored",
    after: ({ brokenCopies }) => expect(brokenCopies()).toHaveLength(1),
    full: true,
  },
  {
    name: "the configuration is empty",
    inject: bytes((path) => writeFileSync(path, "")),
    ends: "recovered",
    cause: "config-broken",
    tier: 2,
    config: "restored",
    full: true,
  },
  {
    name: "the configuration is deleted",
    inject: bytes((path) => rmSync(path)),
    ends: "recovered",
    cause: "config-broken",
    tier: 2,
    config: "restored",
    full: true,
  },
  {
    name: "the configuration has unknown keys, and the watchdog's environment points to another gateway",
    inject: boot((config) => {
      config["bogusTop"] = { a: 1 };
      config["gateway"] = { ...config["gateway"], bogusKey: true };
      config["logging"] = { ...config["logging"], level: "warn" };
    }),
    ends: "recovered",
    cause: "config-unknown-keys",
    tier: 2,
    config: "changed",
    leaked: {
      OPENCLAW_STATE_DIR: "/nonexistent/other",
      OPENCLAW_CONFIG_PATH: "/nonexistent/other.json",
      OPENCLAW_GATEWAY_PORT: "1",
      OPENCLAW_PROFILE: "other",
    },
    after: ({ config, pristine }) => {
      const now = config();
      expect(now).not.toHaveProperty("bogusTop");
      expect(now["gateway"]).toEqual(pristine["gateway"]);
      // A person's own change stays, and nothing that doctor wanted besides.
      expect(now["logging"]).toEqual({ ...pristine["logging"], level: "warn" });
      const others = (each: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(each).filter(([key]) => !["logging", "meta", "wizard"].includes(key)));
      expect(others(now)).toEqual(others(pristine));
    },
    // In npm test diagnosis.host.test.ts has the guarded doctor, and test/lab a configuration that is put back.
    full: true,
  },
  {
    name: "the configuration has a wrong type",
    inject: boot((config) => {
      config["gateway"] = { ...config["gateway"], port: "abc" };
    }),
    ends: "recovered",
    cause: "config-invalid",
    tier: 2,
    config: "restored",
    full: true,
  },
  {
    name: "gateway.mode is lost, which the host's validation lets pass",
    inject: boot((config) => {
      config["gateway"] = { ...config["gateway"], mode: undefined };
    }),
    ends: "recovered",
    cause: "config-suspect",
    tier: 2,
    config: "restored",
    full: true,
  },
  {
    name: "the gateway is bound to the network without auth",
    inject: boot((config) => {
      config["gateway"] = { ...config["gateway"], bind: "lan", auth: { mode: "none" } };
    }),
    ends: "recovered",
    cause: "config-suspect",
    tier: 2,
    config: "restored",
    full: true,
  },
  {
    name: "the TLS files are missing",
    inject: boot((config) => {
      const tls = { enabled: true, autoGenerate: false, certPath: "/nonexistent/cert.pem", keyPath: "/nonexistent/key.pem" };
      config["gateway"] = { ...config["gateway"], tls };
    }),
    ends: "recovered",
    cause: "config-suspect",
    tier: 2,
    config: "restored",
    full: true,
  },
  {
    name: "the configuration breaks while the gateway runs",
    inject: async ({ configPath }) => writeFileSync(configPath, readFileSync(configPath, "utf8").slice(0, 200)),
    ends: "warned",
    cause: "config-bad-on-disk",
    config: "untouched",
    full: true,
  },
  {
    name: "the token names a variable that is missing",
    inject: boot((config) => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the host's own syntax
      config["gateway"] = { ...config["gateway"], auth: { mode: "token", token: "${RESCUE_MISSING_VARIABLE}" } };
    }),
    ends: "warned",
    cause: "secret-missing",
    config: "untouched",
    full: true,
  },
  {
    name: "the configuration was written by a newer host",
    inject: boot((config) => {
      config["meta"] = { ...config["meta"], lastTouchedVersion: "2099.1.1" };
    }),
    ends: "told",
    cause: "config-newer",
    config: "untouched",
    full: true,
  },
  {
    name: "the model is unknown",
    inject: async ({ configPath, edit, env }) => {
      edit((config) => {
        const agents = config["agents"] ?? {};
        const defaults = agents["defaults"];
        config["agents"] = {
          ...agents,
          defaults: { ...(typeof defaults === "object" ? defaults : {}), model: { primary: "openai/no-such-model" } },
        };
      });
      expect(existsSync(configPath)).toBe(true);
      await openclaw(["agent", "--agent", "main", "--message", "hello"], env).catch(() => undefined);
    },
    ends: "warned",
    cause: "model-unknown",
    config: "untouched",
    full: true,
  },
  {
    name: "a foreign HTTP server holds the port",
    inject: async (gateway) =>
      occupy(
        gateway,
        createHttpServer((_request, response) => response.end("hello")),
      ),
    ends: "told",
    cause: "port-foreign",
    after: ({ holder }) => expect(holder?.listening).toBe(true),
    full: true,
  },
  {
    name: "a silent program holds the port",
    // It reads, so that it hears when a connection ends, and can be closed.
    inject: async (gateway) =>
      occupy(
        gateway,
        createServer((socket) => socket.resume()),
      ),
    ends: "told",
    cause: "port-foreign",
    after: ({ holder }) => expect(holder?.listening).toBe(true),
    full: true,
  },
  {
    name: "a second gateway is started on the same state",
    inject: async ({ env }) => {
      await expect(openclaw(["gateway", "run"], env)).rejects.toMatchObject({ code: 78 });
    },
    ends: "left",
    full: true,
  },
  {
    name: "the lock is garbage",
    inject: async (gateway) => {
      await gateway.restart(() => writeFileSync(gateway.lockPath, "no lock at all"));
    },
    ends: "recovered",
    cause: "lock-dead",
    tier: 2,
    after: ({ kept }) => expect(kept("gateway.state.lock")).not.toEqual([]),
    full: true,
  },
  {
    name: "the state database is damaged",
    inject: async (gateway) => {
      const file = join(gateway.stateDir, "state", "openclaw.sqlite");
      await gateway.restart(() => damage(file));
    },
    ends: "told",
    cause: "database-corrupt",
    after: ({ stateDir }) =>
      expect(
        readFileSync(join(stateDir, "state", "openclaw.sqlite"))
          .subarray(8_192, 8_200)
          .toString("latin1"),
      ).toBe("damaged!"),
    full: true,
  },
  {
    name: "the state database is deleted: the gateway serves with its state lost",
    inject: async (gateway) => {
      const file = join(gateway.stateDir, "state", "openclaw.sqlite");
      await gateway.restart(() => {
        for (const side of ["", "-wal", "-shm"]) rmSync(file + side, { force: true });
      });
    },
    ends: "warned",
    cause: "database-lost",
    full: true,
  },
  {
    name: "the state directory is renamed while the gateway runs",
    inject: async ({ stateDir }) => renameSync(stateDir, `${stateDir}.away`),
    ends: "told",
    cause: "state-missing",
    config: "changed",
    after: ({ stateDir }) => renameSync(`${stateDir}.away`, stateDir),
    full: true,
  },
  {
    name: "a plugin ends the gateway after each start",
    inject: async (gateway) => {
      await gateway.restart(() => gateway.plugin("exit"));
    },
    ends: "recovered",
    cause: "plugin-crash",
    tier: 2,
    config: "changed",
    after: disabled,
    full: true,
  },
  {
    name: "a plugin blocks the event loop for ever",
    inject: async (gateway) => {
      await gateway.restart(() => gateway.plugin("block"));
    },
    ends: "recovered",
    cause: "plugin-stall",
    tier: 2,
    config: "changed",
    set: ["act.silentBusySeconds=12"],
    after: disabled,
    full: true,
  },
  {
    name: "the heap is exhausted once",
    inject: async (gateway) => {
      await gateway.restart(() => gateway.plugin("heap"));
    },
    ends: "recovered",
    tier: 1,
    full: true,
  },
  {
    name: "the gateway is killed three times in five minutes: channels are suppressed",
    inject: async (gateway) => {
      gateway.edit((config) => {
        config["channels"] = {
          telegram: {
            enabled: true,
            botToken: `1:${randomBytes(16).toString("hex")}`,
            apiRoot: "http://127.0.0.1:9",
            dmPolicy: "allowlist",
            allowFrom: ["1"],
          },
        };
      });
      for (let kill = 0; kill < 4; kill++) await gateway.killed();
    },
    ends: "warned",
    cause: "channels-suppressed",
    set: ["limits.repairsPerHour=10", "verify.readinessSeconds=20"],
    config: "changed",
    full: true,
  },
  {
    name: "a scheduled job fails again and again",
    inject: async ({ env }) => {
      const argv = JSON.stringify([process.execPath, "-e", "process.exit(3)"]);
      const words = [
        "cron",
        "add",
        "--every",
        "1s",
        "--name",
        "failing",
        "--declaration-key",
        "failing",
        "--command-argv",
        argv,
        "--no-deliver",
        "--json",
      ];
      await openclaw(words, env);
    },
    ends: "warned",
    cause: "jobs-failing",
    full: true,
  },
];

async function occupy(gateway: FaultyGateway, server: Server): Promise<void> {
  await gateway.restart(() => new Promise<void>((resolve) => server.listen(gateway.port, "127.0.0.1", resolve)));
  gateway.hold(server);
}

function damage(file: string): void {
  const content = readFileSync(file);
  for (let at = 8_192; at < Math.min(content.length, 262_144); at += 512) content.write("damaged!", at, "latin1");
  writeFileSync(file, content, { mode: statSync(file).mode });
  for (const side of ["-wal", "-shm"]) rmSync(file + side, { force: true });
}

function disabled({ config }: FaultyGateway): void {
  expect(config()["plugins"]).toMatchObject({ entries: { "rescue-fault-fixture": { enabled: false } } });
}
