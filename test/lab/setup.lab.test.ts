import { randomInt } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageCopy } from "../support/package.ts";
import { type Box, PROJECT_IN_BOX, requireLab, startBox } from "./box.ts";

/**
 * The whole of `rescue setup` where a service manager is: the real host, both gateways as real user units. Only in test:full: onboarding.lab.test.ts
 * goes through the same provisioning.
 */
const PACKAGE = "/opt/rescue-package";
const PORT = randomInt(40_000, 59_000);
const ONBOARD = `openclaw onboard --non-interactive --accept-risk --auth-choice skip --mode local --gateway-bind loopback
  --gateway-auth token --gateway-port ${PORT} --skip-daemon --skip-channels --skip-skills --skip-search --skip-hooks --skip-ui
  --skip-health --skip-bootstrap --json`.split(/\s+/);

const whyNot = requireLab();

describe.runIf(whyNot === undefined && process.env["RESCUE_FULL"] === "1")("rescue setup under a real systemd", () => {
  let box: Box;
  let dir: string;
  const rescue = async (...args: string[]) => {
    const result = await box.run(["node", `${PACKAGE}/dist/plugin/cli/bin.js`, ...args, "--json"], 240_000);
    return { code: result.exitCode, json: JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "{}"), stderr: result.stderr };
  };
  const show = async (unit: string, property: string) =>
    (await box.output(["systemctl", "--user", "show", unit, "-p", property, "--value"])).trim();

  beforeAll(async () => {
    dir = packageCopy();
    chmodSync(dir, 0o755);
    box = await startBox({ [dir]: PACKAGE, [join(import.meta.dirname, "../fixtures")]: `${PROJECT_IN_BOX}/test/fixtures` });
    await box.output(ONBOARD, 90_000);
    await box.output(["openclaw", "gateway", "install", "--json"], 90_000);
  });
  afterAll(async () => {
    await box?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  let cronJob = "";

  it("makes the rescue, proves its listener, and declares the backstop", { timeout: 300_000 }, async () => {
    const { code, json, stderr } = await rescue("setup");
    expect(json, stderr).toMatchObject({ ok: true, proof: { bootId: expect.any(String), cronJob: expect.any(String) } });
    expect(code).toBe(0);
    cronJob = json.proof.cronJob;
    expect(await show("openclaw-gateway-rescue.service", "ActiveState")).toBe("active");
    const token = JSON.parse(readFileSync(join(box.home, ".openclaw-rescue/openclaw.json"), "utf8")).gateway.auth.token;
    expect(JSON.stringify(json) + stderr).not.toContain(token);
    console.log(`setup took ${JSON.stringify(json.tookMs)} ms`);
  });

  it("run again, changes nothing and declares no second job", { timeout: 300_000 }, async () => {
    const { json, stderr } = await rescue("setup");
    expect(json, stderr).toMatchObject({ ok: true, proof: { cronJob } });
  });

  it("is completed after a SIGKILL at any step", { timeout: 900_000 }, async () => {
    await rescue("uninstall");
    const kills: readonly [step: string, state: string, afterMs: number][] = [
      ["claim-profile", "done", 0],
      ["write-config", "done", 0],
      ["primary-plugin", "begun", 2_000],
      ["primary-plugin", "done", 0],
      ["install-service", "begun", 1_500],
      ["install-service", "begun", 4_000],
      ["install-service", "done", 0],
      ["start-and-prove", "begun", 0],
      ["start-and-prove", "begun", 50],
    ];
    const fixture = `${PROJECT_IN_BOX}/test/fixtures/setup-killed.ts`;
    for (const kill of kills) {
      const result = await box.run(["node", fixture, "/home/svc", PACKAGE, "managed", ...kill.map(String)], 240_000);
      // A process that is gone before the moment of the kill has completed the set-up, which only the last may.
      expect([kill, result.stdout.includes("complete")], result.stderr).toEqual([kill, false]);
    }
    const { json, stderr } = await rescue("setup");
    expect(json, stderr).toMatchObject({ ok: true, proof: { cronJob: expect.any(String) } });
    expect(await show("openclaw-gateway-rescue.service", "ActiveState")).toBe("active");
  });

  it("is taken away again and leaves no unit", { timeout: 300_000 }, async () => {
    const { json, stderr } = await rescue("uninstall");
    expect(json, stderr).toMatchObject({ ok: true, movedTo: expect.any(String) });
    expect(await show("openclaw-gateway-rescue.service", "LoadState")).toBe("not-found");
    expect(readdirSync(box.home).filter((name) => name === ".openclaw-rescue")).toEqual([]);
    expect((await rescue("uninstall")).json).toMatchObject({ ok: true, did: [] });
    expect(await show("openclaw-gateway.service", "ActiveState")).toBe("active");
  });
});
