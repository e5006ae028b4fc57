import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCronJobs } from "../../rescue-profile/audit-facts/cron-jobs.ts";
import { readDeclared } from "../../rescue-profile/audit-facts/declared.ts";
import { describeHostProgram } from "../../rescue-profile/audit-facts/host-program.ts";
import { parseLint } from "../../rescue-profile/audit-facts/lint.ts";
import { addressOf, parseLsofNames } from "../../rescue-profile/audit-facts/listening.ts";
import { readLogs } from "../../rescue-profile/audit-facts/logs.ts";
import { isLoopback } from "../../rescue-profile/audit-facts/loopback.ts";
import { readModelServers } from "../../rescue-profile/audit-facts/model-servers.ts";
import { describeModels } from "../../rescue-profile/audit-facts/models.ts";
import { once } from "../../rescue-profile/audit-facts/once.ts";
import { secretsIn } from "../../rescue-profile/audit-facts/secrets.ts";
import { describeToken } from "../../rescue-profile/audit-facts/token.ts";
import { parsePolicy } from "../../rescue-profile/config.ts";
import { seen } from "../../rescue-profile/observe/reading.ts";
import { parseUnit } from "../../src/service-installers/systemd/unit-limits.ts";
import { RescueError } from "../../src/shared/errors.ts";
import type { CommandResult } from "../../src/shared/run-command.ts";
import { runSql } from "../observe/findings-support.ts";
import { tempDir } from "../observe/support.ts";

const NOW_MS = Date.UTC(2026, 10, 27, 12);
const DAY_MS = 86_400_000;

describe("a fact", () => {
  it("is looked up once, whoever asks, and what the machine refuses is a reason", async () => {
    let looks = 0;
    const fact = once("it", 1_000, () => {
      looks += 1;
      return seen(looks);
    });
    expect(await Promise.all([fact(), fact(), fact()])).toEqual([seen(1), seen(1), seen(1)]);
    const refused = once("it", 1_000, () => {
      throw new RescueError("not-readable", "EACCES reading /x");
    });
    expect(await refused()).toEqual({ ok: false, why: "it: EACCES reading /x" });
  });
});

describe("addresses", () => {
  it.each([
    ["0100007F", "127.0.0.1"],
    ["00000000", "0.0.0.0"],
    ["0A01A8C0", "192.168.1.10"],
    ["00000000000000000000000000000000", "::"],
    ["00000000000000000000000001000000", "::1"],
    ["0000000000000000FFFF00000100007F", "127.0.0.1"],
    ["B80D0120000000000000000001000000", "2001:db8:0:0:0:0:0:1"],
  ])("%s of /proc/net is %s", (hex, address) => {
    expect(addressOf(hex)).toBe(address);
  });

  it("are read from lsof", () => {
    expect(parseLsofNames("p1\nf2\nn127.0.0.1:18789\nn*:18789\nn[::1]:18789\nn127.0.0.1:18789\n")).toEqual(["127.0.0.1", "0.0.0.0", "::1"]);
  });

  it.each([
    ["http://127.0.0.1:8000/v1", true],
    ["http://localhost/v1", true],
    ["http://[::1]:1/", true],
    ["http://127.0.0.1.example.org/", false],
    ["http://localhost.example.org/", false],
    ["http://0.0.0.0:80/", false],
    ["http://192.168.0.1/", false],
    ["ftp://127.0.0.1/", false],
    ["http://user@127.0.0.1:1@example.org/", false],
    ["nonsense", false],
  ])("%s is of this machine: %s", (url, own) => {
    expect(isLoopback(url)).toBe(own);
  });
});

describe("a token", () => {
  const place = (environment: Record<string, string> | null = null) => {
    const home = tempDir();
    return { configPath: path.join(home, ".openclaw", "openclaw.json"), home, environment };
  };
  const about = (gateway: object, more: object = {}) => describeToken({ gateway, ...more }, place());

  it.each([
    [{ auth: { mode: "token", token: "0123456789abcdef0123456789" } }, { mode: "token", length: 26, distinct: 16, placeholder: false }],
    [{ auth: { mode: "token", token: "changeme" } }, { length: 8, placeholder: true }],
    [{ auth: { mode: "token", token: " " } }, { placeholder: true }],
    [{ auth: { mode: "token", token: "$" + "{TOKEN}" } }, { length: null, placeholder: false }],
    [{ auth: { mode: "token", token: { source: "env", id: "X" } } }, { length: null }],
    [{ auth: { password: "correct horse battery staple" } }, { mode: "password", length: 28 }],
    [{ auth: { mode: "none" } }, { mode: "none", length: null }],
    [{}, { mode: "token", length: null }],
  ])("%j is described", (gateway, expected) => {
    expect(about(gateway)).toMatchObject(expected);
  });

  it("of the environment wins over the file, and is never in what is said", () => {
    const described = describeToken(
      { gateway: { auth: { mode: "token", token: "x" } } },
      place({ OPENCLAW_GATEWAY_TOKEN: "canary-0123456789-abcdefgh" }),
    );
    expect(described.length).toBe(26);
    expect(JSON.stringify(described)).not.toContain("canary");
  });

  it("that another profile has, or the hooks, is noticed", () => {
    const { home, configPath } = place();
    const token = "0123456789abcdefghijklmnop";
    for (const [name, own] of [
      [".openclaw-twin", token],
      [".openclaw-else", "else-0123456789"],
      [".openclaw-broken", undefined],
      // A copy that somebody put aside has our port as well.
      [".openclaw-backup-2026-11", token],
    ] as const) {
      mkdirSync(path.join(home, name), { recursive: true });
      writeFileSync(
        path.join(home, name, "openclaw.json"),
        own === undefined ? "{" : JSON.stringify({ gateway: { port: name.length, auth: { token: own } } }),
      );
    }
    const config = { gateway: { port: ".openclaw-backup-2026-11".length, auth: { mode: "token", token } }, hooks: { token } };
    expect(describeToken(config, { home, configPath, environment: null })).toMatchObject({ sharedWith: ["twin"], sharedWithHooks: true });
  });
});

describe("scheduled jobs", () => {
  const database = (rows: string) => {
    const file = path.join(tempDir(), "openclaw.sqlite");
    runSql(
      file,
      `CREATE TABLE cron_jobs (store_key TEXT, job_id TEXT, declaration_key TEXT, name TEXT, enabled INTEGER, payload_kind TEXT, job_json TEXT, state_json TEXT);
       CREATE TABLE cron_run_receipts (job_id TEXT, status TEXT, started_at_ms INTEGER, finished_at_ms INTEGER); ${rows}`,
    );
    return file;
  };
  const insert = (job: object, state: object, declaration = "NULL") =>
    `INSERT INTO cron_jobs VALUES ('s', 'a', ${declaration}, 'report', 1, 'agentTurn', '${JSON.stringify(job)}', '${JSON.stringify(state)}');`;

  it("are read with their state and their newest runs", () => {
    const job = {
      createdAtMs: 1,
      sessionTarget: "isolated",
      schedule: { kind: "every", everyMs: 60_000 },
      payload: { kind: "agentTurn", model: "a/b", fallbacks: ["c/d"], timeoutSeconds: 5 },
    };
    const state = {
      nextRunAtMs: 9,
      lastRunAtMs: 8,
      consecutiveErrors: 4,
      lastError: "token=sk-0123456789abcdefghijkl failed",
      lastErrorReason: "auth",
    };
    const runs = Array.from(
      { length: 60 },
      (_, run) => `INSERT INTO cron_run_receipts VALUES ('a', 'ok', ${run * 10}, ${run * 10 + run});`,
    ).join("");
    const read = readCronJobs(
      database(`${insert(job, state)} ${runs} INSERT INTO cron_run_receipts VALUES ('a', 'running', 999999, NULL);`),
    );
    if (!read.ok) throw new Error(read.why);
    const [found] = read.value;
    expect(found).toMatchObject({
      id: "a",
      hosts: false,
      model: "a/b",
      fallbacks: ["c/d"],
      timeoutMs: 5_000,
      consecutiveErrors: 4,
      errorReason: "auth",
      nextRunMs: 9,
      createdMs: 1,
    });
    expect(found?.runs).toHaveLength(50);
    expect(found?.runs[0]).toEqual({ status: "ok", tookMs: 59 });
    expect(found?.lastError).not.toContain("0123456789");
  });

  it("of the host are known as such, and a job that is no JSON hides none", () => {
    const read = readCronJobs(
      database(`${insert({}, {}, "'heartbeat:main'")} INSERT INTO cron_jobs VALUES ('s', 'b', NULL, 'x', 1, 'agentTurn', '{', '[');`),
    );
    expect(read).toMatchObject({
      ok: true,
      value: [
        { id: "a", hosts: true },
        { id: "b", hosts: false, consecutiveErrors: 0 },
      ],
    });
  });

  it("of another shape of database are not guessed", () => {
    const file = path.join(tempDir(), "openclaw.sqlite");
    runSql(file, "CREATE TABLE cron_jobs (job_id TEXT)");
    expect(readCronJobs(file)).toEqual({ ok: false, why: "the state database has no cron_jobs.name" });
  });
});

describe("what the settings declare", () => {
  const read = (home: string, audit: object) => readDeclared(parsePolicy({ audit }).audit, home, NOW_MS);
  const file = (home: string, name: string, text: string) => {
    mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    writeFileSync(path.join(home, name), text);
  };

  it.each([
    [new Date(NOW_MS - 5_000).toISOString(), 5_000],
    [NOW_MS - 5_000, 5_000],
    [(NOW_MS - 5_000) / 1000, 5_000],
    [(NOW_MS - 5_000) * 1000, 5_000],
    [String((NOW_MS - 5_000) / 1000), 5_000],
  ])("takes %j for a time", async (value, ageMs) => {
    const home = tempDir();
    file(home, "cache.json", JSON.stringify({ a: { b: value } }));
    expect((await read(home, { fresh: [{ path: "~/cache.json", field: "a.b" }] })).fresh).toMatchObject([{ ageMs, why: null }]);
  });

  it.each([
    ["{", "is no JSON"],
    ["{}", "has no a.b"],
    ['{"a":{"b":"soon"}}', "is no time"],
    ['{"a":{"b":true}}', "is no time"],
    ['{"a":{"toString":1}}', "has no a.b"],
  ])("%s is said to be unreadable", async (text, why) => {
    const home = tempDir();
    file(home, "cache.json", text);
    const [fresh] = (await read(home, { fresh: [{ path: "~/cache.json", field: "a.b" }] })).fresh;
    expect(fresh).toMatchObject({ ageMs: null, why: expect.stringContaining(why) });
  });

  it("reads the newest row of a database's column, and takes a table's name for nothing else", async () => {
    const home = tempDir();
    runSql(
      path.join(home, "jobs.sqlite"),
      `CREATE TABLE jobs (at INTEGER); INSERT INTO jobs VALUES (${NOW_MS - 9_000}), (${NOW_MS - 4_000})`,
    );
    const fields = ["jobs.at", "jobs.gone", 'jobs" ; DROP TABLE jobs; --.at', "jobs"];
    const { fresh } = await read(home, { fresh: fields.map((field) => ({ path: "~/jobs.sqlite", field })) });
    expect(fresh.map(({ ageMs }) => ageMs)).toEqual([4_000, null, null, null]);
    expect((await read(home, { fresh: [{ path: "~/jobs.sqlite", field: "jobs.at" }] })).fresh).toMatchObject([{ ageMs: 4_000 }]);
  });

  it("compares a copy with its source by content, file by file", async () => {
    const home = tempDir();
    for (const [name, text] of [
      ["source/a", "1"],
      ["source/deep/b", "22"],
      ["source/c", "3"],
      ["source/.git/x", "y"],
      ["copy/a", "1"],
      ["copy/deep/b", "23"],
      ["copy/own", "4"],
    ] as const)
      file(home, name, text);
    const [found] = (await read(home, { sources: [{ path: "~/copy", source: "~/source" }] })).sources;
    expect(found).toMatchObject({ differs: ["deep/b"], missing: ["c"], count: 2, why: null });
    expect((await read(home, { sources: [{ path: "~/copy", source: "~/gone" }] })).sources).toMatchObject([
      { why: expect.stringContaining("ENOENT") },
    ]);
  });

  it("knows the newest backup, and a secret that others may read", async () => {
    const home = tempDir();
    file(home, "backups/old", "x");
    file(home, "backups/deep/new", "x");
    utimesSync(path.join(home, "backups/old"), 1, 1);
    utimesSync(path.join(home, "backups/deep/new"), NOW_MS / 1000, NOW_MS / 1000);
    file(home, "secret", "s3cret");
    chmodSync(path.join(home, "secret"), 0o640);
    const found = await read(home, {
      backups: [{ path: "~/backups" }, { path: "~/none" }],
      repositories: [{ name: "a/b", secretFile: "~/secret" }, { name: "c/d" }],
    });
    expect(found.backups).toMatchObject([{ newestMs: NOW_MS }, { newestMs: null, why: expect.stringContaining("ENOENT") }]);
    expect(found.repositories).toMatchObject([
      { secret: false, why: expect.stringContaining("others may read") },
      { secret: false, why: null },
    ]);
    chmodSync(path.join(home, "secret"), 0o600);
    expect((await read(home, { repositories: [{ name: "a/b", secretFile: "~/secret" }] })).repositories).toMatchObject([{ secret: true }]);
  });
});

describe("logs", () => {
  it("are the host's own by name and place, and never transcripts", () => {
    const home = tempDir();
    const stateDir = path.join(home, ".openclaw");
    const logs = path.join(home, "log");
    for (const directory of [stateDir, path.join(stateDir, "logs"), logs]) mkdirSync(directory, { recursive: true });
    const make = (file: string, bytes: number, ageMs = 0) => {
      writeFileSync(file, "");
      truncateSync(file, bytes);
      utimesSync(file, (NOW_MS - ageMs) / 1000, (NOW_MS - ageMs) / 1000);
    };
    make(path.join(logs, "openclaw-2026-11-27.log"), 300);
    make(path.join(logs, "openclaw-2026-11-26.log"), 100, DAY_MS);
    make(path.join(logs, "openclaw-work-2026-11-27.1.log"), 50);
    make(path.join(logs, "own.log"), 7);
    make(path.join(stateDir, "session.jsonl"), 1_000);
    make(path.join(stateDir, "logs", "gateway.err"), 9);
    const found = readLogs({
      profile: "default",
      home,
      stateDir,
      file: path.join(logs, "openclaw-YYYY-MM-DD.log"),
      nowMs: NOW_MS,
      rotated: [],
      maxBytes: 1,
    });
    expect(found.files.map(({ path: file, hosts }) => [path.basename(file), hosts]).sort()).toEqual([
      ["gateway.err", false],
      ["openclaw-2026-11-26.log", true],
      ["openclaw-2026-11-27.log", true],
      ["openclaw-work-2026-11-27.1.log", true],
    ]);
    // What lies beside the host's log is somebody else's.
    expect(found.totalBytes).toBe(459);
    expect(found.bytesPerDay).toBe(225);
  });
});

describe("the host's program", () => {
  it("is described with what an update left half done", async () => {
    const root = path.join(tempDir(), "node_modules", "openclaw");
    mkdirSync(path.join(root, "dist"), { recursive: true });
    mkdirSync(path.join(root, "..", ".openclaw-a1B2c3D4"));
    writeFileSync(
      path.join(root, "package.json"),
      JSON.stringify({ name: "openclaw", version: "2026.9.6", bin: { a: "openclaw.mjs", b: "gone.mjs" }, engines: { node: ">=24" } }),
    );
    writeFileSync(path.join(root, "dist", "build-info.json"), JSON.stringify({ version: "2026.9.5" }));
    writeFileSync(path.join(root, "openclaw.mjs"), "");
    const found = await describeHostProgram([process.execPath, path.join(root, "openclaw.mjs")], {
      meta: { lastTouchedVersion: "2026.9.7" },
    });
    expect(found).toMatchObject({
      version: "2026.9.6",
      builtVersion: "2026.9.5",
      wroteConfig: "2026.9.7",
      node: process.versions.node,
      nodeRange: ">=24",
    });
    expect(found.leftovers.map((each) => each.replace(`${path.dirname(root)}/`, ""))).toEqual([
      ".openclaw-a1B2c3D4",
      "openclaw/gone.mjs is missing",
    ]);
    expect(await describeHostProgram(undefined, undefined)).toMatchObject({ root: null, wroteConfig: null });
  });
});

describe("models", () => {
  const plugin = (manifest: object) => {
    const rootDir = tempDir();
    writeFileSync(path.join(rootDir, "openclaw.plugin.json"), JSON.stringify(manifest));
    return rootDir;
  };
  const about = (config: object, more: Partial<Parameters<typeof describeModels>[0]> = {}) =>
    describeModels({ config: { ...config }, index: [], signedIn: new Set(), environment: {}, ...more });

  it("of a plugin are those of its catalogue, open where it discovers more or takes beginnings", () => {
    const rootDir = plugin({
      modelCatalog: {
        providers: { closed: { models: [{ id: "a" }] }, found: { models: [{ id: "b" }] } },
        discovery: { closed: "static", found: "refreshable" },
      },
      setup: { providers: [{ id: "closed", envVars: ["CLOSED_KEY"] }] },
    });
    const index = [{ id: "p", rootDir, origin: "bundled", enabled: true, providers: ["closed", "found"] }];
    expect(about({}, { index }).providers).toMatchObject([
      { id: "closed", models: ["a"], open: false, credentials: "no", envVars: ["CLOSED_KEY"] },
      { id: "found", models: ["b"], open: true },
    ]);
    expect(about({}, { index, environment: { CLOSED_KEY: "x" } }).providers[0]).toMatchObject({ credentials: "yes" });
    expect(about({}, { index, environment: null }).providers[0]).toMatchObject({ credentials: "unknown" });
    expect(about({}, { index, signedIn: new Set(["closed"]) }).providers[0]).toMatchObject({ credentials: "yes" });
    expect(about({}, { index: index.map((each) => ({ ...each, enabled: false })) }).providers).toEqual([]);
  });

  it("of a configured provider are those it lists; one on this machine needs no key", () => {
    const config = {
      models: {
        providers: {
          here: { baseUrl: "http://127.0.0.1:1/v1", models: [{ id: "x" }] },
          there: { baseUrl: "https://x.example", models: [{ id: "y" }] },
          any: {},
        },
      },
    };
    expect(about(config).providers).toMatchObject([
      { id: "here", models: ["x"], open: false, credentials: "unneeded" },
      { id: "there", credentials: "no" },
      { id: "any", open: true },
    ]);
  });

  it("have their aliases in small letters", () => {
    const { aliases } = about({
      agents: {
        defaults: { models: { "a/b": { alias: "Fast" }, "c/d": {} } },
        entries: { main: { models: { "e/f": { alias: "slow" } } } },
      },
    });
    expect([...aliases]).toEqual([
      ["fast", "a/b"],
      ["slow", "e/f"],
    ]);
  });
});

describe("model servers", () => {
  const serve = async (answer: (url: string) => { status: number; body: string } | undefined) => {
    const server = http.createServer((request, response) => {
      const given = answer(request.url ?? "");
      if (given === undefined) return;
      response.statusCode = given.status;
      response.end(given.body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
  };
  const ask = async (url: string, models: readonly string[] = ["m"]) => {
    const config = { models: { providers: { own: { baseUrl: url, models: models.map((id) => ({ id })) } } } };
    return (await readModelServers(config, [], { home: tempDir(), env: {} }))[0];
  };

  it("answer in the way of OpenAI, of Ollama, or as llama.cpp under any name", async () => {
    const server = await serve((url) =>
      url === "/v1/models"
        ? { status: 200, body: JSON.stringify({ data: [{ id: "m" }, { id: 7 }] }) }
        : url === "/api/tags"
          ? { status: 200, body: JSON.stringify({ models: [{ name: "q:7b" }] }) }
          : url === "/llama/models"
            ? { status: 200, body: JSON.stringify({ data: [{ id: "/models/x.gguf", owned_by: "llamacpp" }] }) }
            : url === "/locked/models"
              ? { status: 401, body: "" }
              : { status: 404, body: "" },
    );
    expect(await ask(`${server.base}/v1`)).toMatchObject({ answer: { state: "models", models: ["m"] }, wanted: ["m"] });
    expect(await ask(server.base)).toMatchObject({ answer: { state: "models", models: ["q:7b"] } });
    expect(await ask(`${server.base}/locked/`)).toMatchObject({ url: `${server.base}/locked`, answer: { state: "closed" } });
    expect(await ask(`${server.base}/other`)).toMatchObject({ answer: { state: "closed" } });
    expect(await ask(`${server.base}/llama`)).toMatchObject({ answer: { state: "models" }, wanted: [] });
    server.close();
  });

  it("that are gone, err or send nonsense are told apart, and no secret of an address is kept", async () => {
    const server = await serve((url) => (url.startsWith("/bad") ? { status: 503, body: "" } : { status: 200, body: "nonsense" }));
    expect(await ask(`${server.base}/bad`)).toMatchObject({ answer: { state: "error", status: 503 } });
    expect(await ask(`${server.base}/v1`)).toMatchObject({ answer: { state: "error", status: 200 } });
    const { port } = new URL(server.base);
    expect((await ask(`http://user:canary@127.0.0.1:${port}/v1?key=canary`))?.url).toBe(`http://127.0.0.1:${port}/v1`);
    server.close();
    expect(await ask("http://127.0.0.1:1/v1")).toMatchObject({ answer: { state: "refused" } });
  });

  it("elsewhere are not asked", async () => {
    expect(await ask("http://192.0.2.1:9/v1")).toBeUndefined();
  });
});

describe("a unit's limits", () => {
  it("are read from systemctl show, and a unit that is not there is none", () => {
    const text =
      "LoadState=loaded\nActiveState=active\nNRestarts=2741\nRestart=always\nRestartUSec=100ms\nStartLimitBurst=0\nStartLimitIntervalUSec=10s\n";
    expect(parseUnit(text)).toEqual({
      startLimitBurst: 0,
      startLimitIntervalMs: 10_000,
      restart: "always",
      restartMs: 100,
      restarts: 2741,
      active: "active",
      load: "loaded",
    });
    expect(parseUnit("LoadState=not-found\nActiveState=inactive\n")).toBeUndefined();
  });

  it("never throw for any text", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseUnit(text)));
  });
});

describe("what a machine may have in the way", () => {
  it("is no plain file: said at once, whatever it is", async () => {
    const home = tempDir();
    mkdirSync(path.join(home, "directory.json"));
    execFileSync("mkfifo", [path.join(home, "fifo.json")]);
    const { fresh } = await readDeclared(
      parsePolicy({ audit: { fresh: ["directory", "fifo"].map((name) => ({ path: `~/${name}.json`, field: "a" })) } }).audit,
      home,
      NOW_MS,
    );
    expect(fresh).toMatchObject([
      { ageMs: null, why: expect.stringContaining("no plain file") },
      { ageMs: null, why: expect.stringContaining("no plain file") },
    ]);
  });
});

describe("the secrets of a configuration", () => {
  it("are what stands at their keys, whatever it looks like, and no reference", () => {
    const config = {
      gateway: { auth: { token: "hunter2-local" }, port: 18789 },
      channels: { telegram: { botToken: "short", accounts: { a: { webhookSecret: "plain words here" } } } },
      models: { providers: { x: { apiKey: "$" + "{X_KEY}", headers: { Authorization: "Bearer abcdef" } } } },
      tools: { web: { apiKeys: ["first-key-1", "second-key"] } },
      hooks: { token: { source: "env", provider: "default", id: "HOOKS_TOKEN" } },
    };
    expect(secretsIn(config)).toEqual(["plain words here", "hunter2-local", "Bearer abcdef", "first-key-1", "second-key"]);
  });
});

describe("the host's lint", () => {
  const result = (stdout: string, more: Partial<CommandResult> = {}) =>
    ({ exitCode: 1, signal: null, stdout, stderr: "", timedOut: false, tookMs: 1, truncated: false, ...more }) as CommandResult;

  it("is passed on masked", () => {
    const finding = {
      checkId: "core/x",
      severity: "warning",
      message: "token=0123456789abcdef0123",
      path: "gateway.bind",
      fixHint: "mend it",
    };
    const read = parseLint(result(JSON.stringify({ findings: [finding] })));
    expect(read).toMatchObject({ ok: true, value: [{ checkId: "core/x", path: "gateway.bind", fixHint: "mend it" }] });
    expect(JSON.stringify(read)).not.toContain("0123456789abcdef");
  });

  it("that did not answer is not a clean one", () => {
    expect(parseLint(result("", { exitCode: null, timedOut: true }))).toMatchObject({ ok: false });
    expect(parseLint(result("{}"))).toMatchObject({ ok: false });
  });
});
