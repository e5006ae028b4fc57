// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../../rescue-profile/copies/fingerprint.ts";
import { classify } from "../../rescue-profile/core/classify.ts";
import { type FindingsContext, readFindings } from "../../rescue-profile/observe/findings.ts";
import { takeServed } from "../../rescue-profile/observe/served.ts";
import { footprint, runSql, servedHome } from "./findings-support.ts";
import { tempDir, writeLock } from "./support.ts";

async function deepLook(config: object = {}, more: Partial<FindingsContext> = {}) {
  const log = path.join(tempDir(), "gateway.log");
  const { home, target } = await servedHome({ logging: { file: log }, ...config });
  const context: FindingsContext = {
    home,
    fingerprintOf,
    copies: () => ({ sinceServed: "unknown", booted: false, copies: 0 }),
    serving: false,
    definition: { path: null, argv: [process.execPath, "gateway"], environment: {}, enabled: true },
    serviceLines: async () => [],
    served: takeServed(target, home),
    wallMs: Date.now,
    timeoutMs: 5000,
    ...more,
  };
  return { home, target, log, context, look: () => readFindings(target, context) };
}

describe("a deep look", () => {
  it("finds nothing where nothing is wrong, and leaves no trace", async () => {
    const { target, look } = await deepLook();
    const before = footprint(target.stateDir);
    expect(await look()).toEqual({
      stateDir: { ok: true, value: true },
      config: { ok: true, value: expect.objectContaining({ state: "there", missingVariables: [] }) },
      databases: { ok: true, value: [] },
      lockedOut: { ok: true, value: [] },
      deadLock: { ok: true, value: null },
      signs: { ok: true, value: [] },
      plugins: { ok: true, value: [] },
      missingPrograms: { ok: true, value: [] },
      diskFreeRatio: { ok: true, value: expect.any(Number) },
    });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it("sees every fault by itself, whatever else is broken", async () => {
    const { target, look, context, log } = await deepLook();
    writeFileSync(log, JSON.stringify({ "0": "Error: Cannot find module '/oc/openclaw.mjs'" }));
    rmSync(target.databasePath);
    writeFileSync(target.configPath, '{"gateway": {"mode"');
    const lockPath = writeLock(target.stateDir, "");
    const findings = await look();
    expect(findings).toMatchObject({
      config: { ok: true, value: { state: "unparsable" } },
      databases: { ok: true, value: [{ path: target.databasePath, state: "missing" }] },
      deadLock: { ok: true, value: lockPath },
      signs: { ok: true, value: [{ name: "module-missing" }] },
    });
    const about = { cause: "process-gone", evidence: [], databaseLocked: false, lossTold: false, earlier: 0 } as const;
    expect(classify(findings, about).cause).toBe("config-broken");
    rmSync(target.stateDir, { recursive: true });
    expect(classify(await readFindings(target, context), about).cause).toBe("state-missing");
  });

  it("asks for variables in the environment of the living process, and in none that it does not know", async () => {
    const config = { a: "${PATH}${RESCUE_NOT_SET}" };
    const { target, context } = await deepLook(config);
    const missing = async (more: Partial<FindingsContext>) => {
      const { config } = await readFindings(target, { ...context, ...more });
      return config.ok ? config.value.missingVariables : config.why;
    };
    expect(await missing({})).toEqual(["PATH", "RESCUE_NOT_SET"]);
    expect(await missing({ definition: null })).toEqual([]);
    if (process.platform === "linux") expect(await missing({ definition: null, pid: process.pid })).toEqual(["RESCUE_NOT_SET"]);
  });

  it("looks at scheduled jobs only while the gateway serves", async () => {
    const { target, context, look } = await deepLook();
    runSql(target.databasePath, "CREATE TABLE cron_jobs (name TEXT, enabled INTEGER, state_json TEXT)");
    runSql(target.databasePath, `INSERT INTO cron_jobs VALUES ('nightly', 1, '{"consecutiveErrors":5}')`);
    expect((await look()).failingJobs).toBeUndefined();
    const serving = await readFindings(target, { ...context, serving: true, pid: process.pid });
    expect(serving.failingJobs).toEqual({ ok: true, value: [{ name: "nightly", failures: 5 }] });
  });

  it("does not say that the log is clean when a part of it could not be read", async () => {
    const { look } = await deepLook({}, { serviceLines: async () => Promise.reject(new Error("no journal")) });
    expect((await look()).signs).toEqual({ ok: false, why: "the service manager's lines: no journal" });
  });

  it("waits for nobody longer than it was told", async () => {
    const { context, target } = await deepLook({}, { timeoutMs: 30, serviceLines: async () => new Promise(() => undefined) });
    const findings = await readFindings(target, context);
    expect(findings.signs).toEqual({ ok: false, why: "the gateway's log did not answer within 30 ms" });
    expect(findings.stateDir).toEqual({ ok: true, value: true });
  });
});
