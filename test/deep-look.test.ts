import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { keepCopy } from "../rescue-profile/copies/ring.ts";
import { classify } from "../rescue-profile/core/classify.ts";
import type { Observation } from "../rescue-profile/core/model.ts";
import { initialState, type WatchState } from "../rescue-profile/core/state.ts";
import { deepLook } from "../rescue-profile/deep-look.ts";
import { openJournal } from "../rescue-profile/journal/open.ts";
import { readConfig } from "../rescue-profile/observe/config-finding.ts";
import { readDatabases } from "../rescue-profile/observe/database-finding.ts";
import { maskSecrets } from "../rescue-profile/observe/mask.ts";
import { suspectPlugins } from "../rescue-profile/observe/plugin-findings.ts";
import { externalPlugins } from "../rescue-profile/observe/plugins.ts";
import { takeServed } from "../rescue-profile/observe/served.ts";
import type { Target } from "../rescue-profile/observe/target.ts";
import { otherSide } from "../rescue-profile/yielding.ts";
import { findings } from "./core/finds.ts";
import { absent, alive, look, service } from "./core/looks.ts";
import { always, START_MS, world } from "./world.ts";

const GOOD = '{ gateway: { mode: "local", port: 18789 } }\n';

function place() {
  const home = mkdtempSync(join(tmpdir(), "deep-look-"));
  const stateDir = join(home, ".openclaw");
  const dir = join(home, "watchdog");
  const lockDir = join(stateDir, "tmp");
  for (const each of [stateDir, dir, lockDir, join(stateDir, "state")]) mkdirSync(each, { recursive: true, mode: 0o700 });
  const configPath = join(stateDir, "openclaw.json");
  writeFileSync(configPath, GOOD, { mode: 0o600 });
  const databasePath = join(stateDir, "state", "openclaw.sqlite");
  const database = new DatabaseSync(databasePath);
  database.exec("CREATE TABLE schema_meta (meta_key TEXT, created_at INTEGER); INSERT INTO schema_meta VALUES ('primary', 123)");
  database.close();
  const target: Target = {
    profile: "default",
    stateDir,
    configPath,
    port: 18789,
    portFrom: "config",
    host: "127.0.0.1",
    tls: false,
    lockDir,
    lockPath: join(lockDir, "gateway.state.lock"),
    databasePath,
  };
  const logged: unknown[] = [];
  const dog = {
    dir,
    log: (entry: object) => void logged.push(entry),
    options: { profile: "default", home, env: { PATH: "" }, what: "test" },
  };
  return {
    home,
    stateDir,
    dir,
    configPath,
    databasePath,
    target,
    dog,
    logged,
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
}
const age = (ageMs: number): Observation => look({ process: alive({ ageMs }) });

describe("the deep look", () => {
  it("a lost database is not forgotten in the very look in which it is told", async () => {
    using at = place();
    const served = takeServed(at.target, at.home);
    rmSync(at.databasePath);
    const about = { served, living: true, agents: ["main"], log: [] };
    const first = readDatabases(at.target, about);
    expect(first).toMatchObject({ ok: true, value: [{ state: "missing" }] });
    // What the loop does with it.
    const remembered: boolean[] = [];
    const w = world(always(look({})), {
      look: async () => ({ ...look({}), atMs: w.clock.nowMs, findings: findings({ databases: first }) }),
      remember: (_findings, acceptLoss) => void remembered.push(acceptLoss),
    });
    await w.forMs(90_000);
    const told = w.commits.flatMap(({ actions }) => actions.filter(({ kind }) => kind === "tell"));
    expect(told.length).toBe(1);
    expect(remembered).not.toContain(true);
  });

  it("a configuration put there while it runs, with an old time, is not taken for the one that it booted with", async () => {
    using at = place();
    const deep = deepLook(at.dog as never);
    const bad = "{ gateway: { port: 18789 } }\n";
    keepCopy(at.dir, at.configPath, "booted", 1);
    // mv openclaw.json.bak openclaw.json, cp -p, tar x, rsync -t, git checkout by a tool that sets times
    writeFileSync(at.configPath, bad, { mode: 0o600 });
    utimesSync(at.configPath, 1_700_000_000, 1_700_000_000);
    const seen = age(3_600_000);
    const found = await deep.findings(at.target, seen);
    deep.remember(found, false);
    const again = await deep.findings(at.target, seen);
    expect(again.config).toMatchObject({ ok: true, value: { sinceServed: "changed" } });
  });

  it("a configuration that was edited at run time and served for weeks is what it served with", async () => {
    using at = place();
    const deep = deepLook(at.dog as never);
    keepCopy(at.dir, at.configPath, "booted", 1);
    writeFileSync(at.configPath, GOOD.replace("18789", "18790"), { mode: 0o600 });
    keepCopy(at.dir, at.configPath, "validated", 2);
    const found = await deep.findings(at.target, age(30 * 86_400_000));
    // The gateway has taken it over at run time (the host's hot reload) and served with it since.
    expect(found.config).toMatchObject({ ok: true, value: { sinceServed: "same" } });
  });

  it("a person who corrects the configuration while it is down keeps the correction, though the log still has the old complaint", async () => {
    using at = place();
    keepCopy(at.dir, at.configPath, "booted", 1);
    const log = join(at.home, "gateway.log");
    const mended = `{ gateway: { mode: "local", port: 18790 }, logging: { file: ${JSON.stringify(log)} } }\n`;
    const complaint = {
      0: "Gateway start blocked: existing config is missing gateway.mode.",
      time: new Date(Date.now() - 600_000).toISOString(),
    };
    writeFileSync(log, `${JSON.stringify(complaint)}\n`);
    writeFileSync(at.configPath, mended, { mode: 0o600 });
    const deep = deepLook(at.dog as never);
    const found = await deep.findings(at.target, absent({ service: service("parked", { lastExit: { code: 78 } }) }));
    const cause = classify(found, {
      cause: "start-refused",
      evidence: [],
      lastExit: { code: 78 },
      databaseLocked: false,
      lossTold: false,
      earlier: 0,
    });
    expect(cause.cause).toBe("process-gone");
  });

  it("a damaged journal of the rescue does not keep the primary from watching it", () => {
    using at = place();
    const env = { RESCUE_WATCHDOG_STATE_DIR: join(at.home, "journals") };
    mkdirSync(join(at.home, "journals", "default"), { recursive: true });
    writeFileSync(join(at.home, "journals", "default", "journal.sqlite"), "x".repeat(8192));
    expect(() => otherSide("default", at.home, env)).not.toThrow();
  });

  it("a locked journal of the rescue does not stop the primary's event loop for seconds at each look", () => {
    using at = place();
    const dir = join(at.home, "journals", "default");
    const env = { RESCUE_WATCHDOG_STATE_DIR: join(at.home, "journals") };
    mkdirSync(dir, { recursive: true });
    const { db } = openJournal(dir, { isAlive: () => true, wallMs: 1 });
    db.close();
    const other = new DatabaseSync(join(dir, "journal.sqlite"));
    other.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
    const began = performance.now();
    let thrown: unknown;
    try {
      otherSide("default", at.home, env);
    } catch (error) {
      thrown = error;
    }
    other.close();
    expect([thrown, performance.now() - began < 1_000]).toEqual([undefined, true]);
  });

  it("masks what looks like a secret", () => {
    for (const line of [
      "Authorization: Basic YW5hOnMzY3IzdDEy",
      "connect redis://:s3cretpassw0rd@10.0.0.3:6379 failed",
      "request failed: https://api.example.com/v1?key=abcdEFGH12345678",
      "Cookie: sid=abcdEFGH12345678",
      "connect postgres://ana:p@ss@word@db/x",
    ]) {
      expect.soft(maskSecrets(line), line).toContain("***");
      expect.soft(maskSecrets(line), line).not.toMatch(/YW5hOnMzY3IzdDEy|s3cretpassw0rd|abcdEFGH12345678|ss@word/);
    }
  });

  it("a plugin that writes a cache into its own directory is not taken for a changed one", () => {
    using at = place();
    const rootDir = join(at.stateDir, "extensions", "weather");
    mkdirSync(rootDir, { recursive: true });
    writeFileSync(join(rootDir, "openclaw.plugin.json"), '{ "id": "weather" }');
    writeFileSync(join(rootDir, "index.js"), "");
    const other = join(at.stateDir, "extensions", "other");
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, "openclaw.plugin.json"), '{ "id": "other" }');
    const config = readConfig(at.configPath);
    const served = takeServed(at.target, at.home);
    writeFileSync(join(rootDir, "cache.json"), "{}");
    utimesSync(join(rootDir, "cache.json"), Date.now() / 1000 + 30, Date.now() / 1000 + 30);
    const suspects = suspectPlugins(externalPlugins(at.target, config, at.home), [], served);
    expect(suspects.map(({ id, suspicion }) => [id, suspicion])).toContainEqual(["weather", "none"]);
  });

  it("a plugin whose handled error was logged long before the end is not named as what ended it", () => {
    const weather = { id: "weather", rootDir: "/h/.openclaw/extensions/weather", newestMs: 1 };
    const log = [
      { atMs: 1, text: "WARN weather: fetch failed, trying again\n    at poll (/h/.openclaw/extensions/weather/index.js:8:41)" },
      { atMs: 86_400_000, text: "Gateway failed to start: something else altogether" },
    ];
    expect(suspectPlugins([weather], log, { databases: [], plugins: [{ id: "weather", newestMs: 1 }] })[0]?.suspicion).not.toBe("named");
  });

  it("a request that was withdrawn during a long deep look is not honoured afterwards", async () => {
    const w = world(always(absent({})), {
      look: async (depth) => {
        if (depth !== "deep") return { ...absent({}), atMs: w.clock.nowMs };
        const seen = { ...absent({}), atMs: w.clock.nowMs, findings: findings() };
        w.clock.nowMs += 65_000;
        withdrawn = true;
        return seen;
      },
      requests: () => (withdrawn ? [] : [{ id: 1, kind: "repair", payload: {}, by: "ana" }]),
    });
    let withdrawn = false;
    const state: WatchState = {
      ...initialState(START_MS),
      phase: { name: "cooling", untilMs: START_MS + 1_800_000, cause: "process-gone" },
      incident: { id: 1, cause: "process-gone", openedMs: START_MS, attempts: 2, mends: [], told: ["process-gone"] },
      lastIncident: 1,
    };
    await w.forMs(120_000, state);
    expect(w.did.filter((each) => each.includes("start-repair"))).toEqual([]);
  });
});
