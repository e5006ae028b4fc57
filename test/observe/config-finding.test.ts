// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../../rescue-profile/copies/fingerprint.ts";
import { type ConfigContext, readConfigFinding } from "../../rescue-profile/observe/config-finding.ts";
import { parseValidation } from "../../rescue-profile/observe/config-validation.ts";
import { missingVariables } from "../../rescue-profile/observe/env-references.ts";
import { RescueError } from "../../src/shared/errors.ts";
import type { CommandResult } from "../../src/shared/run-command.ts";
import { configuredHome, footprint } from "./findings-support.ts";

function about(home: string, more: Partial<ConfigContext> = {}): ConfigContext {
  return { home, fingerprintOf, copies: () => ({ sinceServed: "unknown", booted: false, copies: 0 }), environment: {}, ...more };
}

function answered(stdout: string, more: Partial<CommandResult> = {}): CommandResult {
  return { exitCode: 1, signal: null, stdout, stderr: "", timedOut: false, tookMs: 1, truncated: false, ...more };
}

function turnIntoDirectory(file: string): void {
  rmSync(file);
  mkdirSync(file);
}

const invalid = (...issues: readonly object[]) =>
  answered(JSON.stringify({ ok: false, error: { type: "cli_error" }, valid: false, path: "/h/openclaw.json", issues }, null, 2));

describe("the configuration's file", () => {
  it("is there, with its fingerprint and what is kept of it, and looking leaves no trace", async () => {
    const { home, target } = await configuredHome();
    const before = footprint(target.stateDir);
    const copies = (fingerprint: string | null) =>
      ({ sinceServed: fingerprint === null ? "unknown" : "changed", booted: false, copies: 2 }) as const;
    expect(await readConfigFinding(target, about(home, { copies }))).toEqual({
      path: target.configPath,
      state: "there",
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      sinceServed: "changed",
      booted: false,
      copies: 2,
      changedWallMs: expect.any(Number),
      missingVariables: [],
    });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it.each([
    ["missing", (file: string) => rmSync(file)],
    ["empty", (file: string) => writeFileSync(file, " \n")],
    ["unparsable", (file: string) => writeFileSync(file, '{"gateway": {"auth": {"token": "hunter2')],
    ["unparsable", (file: string) => writeFileSync(file, "[1]")],
    ["unreadable", turnIntoDirectory],
  ])("is %s, with a reason that repeats nothing of it, and nobody is asked to validate it", async (state, breakIt) => {
    const { home, target } = await configuredHome();
    breakIt(target.configPath);
    const validate = async () => Promise.reject(new Error("asked"));
    const finding = await readConfigFinding(target, about(home, { validate }));
    expect(finding).toMatchObject({ state, fingerprint: null, why: expect.stringContaining(target.configPath), missingVariables: [] });
    expect(finding.why).not.toContain("hunter2");
  });

  it.runIf(process.getuid?.() !== 0)("is unreadable with mode 0", async () => {
    const { home, target } = await configuredHome();
    chmodSync(target.configPath, 0);
    expect(await readConfigFinding(target, about(home))).toMatchObject({ state: "unreadable" });
  });

  it.each([
    ["2026.9.6", "2026.9.6", false],
    ["2026.10.1", "2026.9.6", true],
    ["2027.1.1", "2026.12.30", true],
    ["2026.9.6-beta.2", "2026.9.6", false],
    ["2026.9.5", "2026.9.6", false],
    ["yesterday", "2026.9.6", false],
  ])("written by %s is newer than host %s: %s", async (writtenBy, host, newer) => {
    const { home, target } = await configuredHome({ meta: { lastTouchedVersion: writtenBy } });
    const finding = await readConfigFinding(target, about(home, { hostVersion: host }));
    expect(finding.newer).toEqual(newer ? { writtenBy, host } : undefined);
    expect((await readConfigFinding(target, about(home))).newer).toBeUndefined();
  });

  it("has the host's judgement when the host can be asked, and none when it cannot", async () => {
    const { home, target } = await configuredHome();
    const asked = async (validate: ConfigContext["validate"]) =>
      (await readConfigFinding(target, about(home, validate === undefined ? {} : { validate }))).validation;
    expect(await asked(async () => answered('{"valid":true,"path":"/h","warnings":[]}', { exitCode: 0 }))).toEqual({
      valid: true,
      problems: [],
    });
    expect(await asked(undefined)).toBeUndefined();
    const noCli = async () => Promise.reject(new RescueError("not-running", "the openclaw command is not on PATH"));
    expect(await asked(noCli)).toBeUndefined();
  });
});

describe("the host's validation", () => {
  it("names the full paths of unknown keys when that is all that is wrong", () => {
    const bogus = { path: "gateway", message: 'Unrecognized key: "bogusKey"' };
    expect(parseValidation(invalid(bogus, { path: "<root>", message: 'Unrecognized keys: "bogusTop", "a.b"' }))).toEqual({
      valid: false,
      problems: [bogus, { path: "", message: 'Unrecognized keys: "bogusTop", "a.b"' }],
      onlyUnknownKeys: ["gateway.bogusKey", "bogusTop", "a.b"],
    });
    const port = { path: "gateway.port", message: "Invalid input: expected number, received string" };
    expect(parseValidation(invalid(bogus, port))).toEqual({ valid: false, problems: [bogus, port] });
  });

  it("of a plugin's own settings is not about keys that the host does not know", () => {
    const nope = { path: "plugins.entries.x.config", message: 'invalid config: must not have additional properties: "nope"' };
    expect(parseValidation(invalid(nope))).toEqual({ valid: false, problems: [nope] });
  });

  it("is nothing when the command did not start, took too long or said something else", () => {
    expect(parseValidation(answered("", { exitCode: null, notStarted: "ENOENT" }))).toBeUndefined();
    expect(parseValidation(answered('{"valid":true}', { exitCode: null, timedOut: true }))).toBeUndefined();
    expect(parseValidation(answered("Killed"))).toBeUndefined();
    expect(parseValidation(answered('{"ok":false}'))).toBeUndefined();
  });

  it("is shown without secrets", () => {
    const leak = { path: "gateway.auth", message: "Invalid token: hunter2hunter2" };
    expect(JSON.stringify(parseValidation(invalid(leak)))).not.toContain("hunter2");
  });
});

describe("variables that the configuration asks for", () => {
  const missing = (config: object, environment: Record<string, string> | null = {}, dotEnv: readonly string[] = []) =>
    missingVariables({ ...config }, { environment, dotEnv });

  it("are found in every string, by the host's rules", () => {
    expect(
      missing({ a: ["${ONE}/v1", { b: "x${TWO}y${ONE}" }], c: "$THREE", d: "${four}", e: "$${FIVE}", f: "$$${SIX}", g: "${SE VEN}" }),
    ).toEqual(["ONE", "TWO"]);
  });

  it("are there when the environment, a .env file or the configuration's own block sets them, and not when they are empty", () => {
    const config = { a: "${ONE}${TWO}${THREE}${FOUR}${FIVE}", env: { THREE: "3", vars: { FOUR: "4" } } };
    expect(missing(config, { ONE: "1", FIVE: "" }, ["# x\nTWO='2'\n"])).toEqual(["FIVE"]);
  });

  it("are not guessed when the environment is not known or a login shell adds to it", () => {
    expect(missing({ a: "${ONE}" }, null)).toEqual([]);
    expect(missing({ a: "${ONE}", env: { shellEnv: { enabled: true } } })).toEqual([]);
    expect(missing({ a: "${ONE}" }, { OPENCLAW_LOAD_SHELL_ENV: "1" })).toEqual([]);
  });

  it("are looked for in the .env of the state directory and of the home", async () => {
    const { home, target } = await configuredHome({ a: "${ONE}", b: "${TWO}", c: "${THREE}" });
    writeFileSync(path.join(target.stateDir, ".env"), "ONE=1\n");
    writeFileSync(path.join(home, ".env"), "TWO=2\n");
    expect((await readConfigFinding(target, about(home))).missingVariables).toEqual(["THREE"]);
    expect((await readConfigFinding(target, about(home, { environment: null }))).missingVariables).toEqual([]);
  });
});
