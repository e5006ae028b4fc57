import { randomInt } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesWith, onboardWords } from "../support/onboarding.ts";
import { packageCopy } from "../support/package.ts";
import { type Box, HOME_IN_BOX, requireLab, startBox } from "./box.ts";
import { until } from "./until.ts";

/** The sentence that the project is named after, with a service manager: `openclaw onboard --install-daemon --rescue-watchdog`. */
const PACKAGE = "/opt/rescue-package";
const PORT = randomInt(40_000, 59_000);
const UNIT = "openclaw-gateway-rescue.service";
const KEEPS_TOKENS = /^\.openclaw(-rescue)?\/(openclaw\.json(\.bak(\.\d+)?|\.last-good)?|rescue-watchdog\/copies\/[^/]+\/[^/]+)$/;
const FULL = process.env["RESCUE_FULL"] === "1";
const whyNot = requireLab();

describe.skipIf(whyNot !== undefined)("openclaw onboard --install-daemon --rescue-watchdog under a real systemd", () => {
  let box: Box;
  let dir: string;
  const watchdog = async (...args: string[]) => {
    const result = await box.run(["node", `${PACKAGE}/dist/plugin/cli/bin.js`, ...args, "--json"], 240_000);
    return { code: result.exitCode, json: JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "{}"), stderr: result.stderr };
  };
  const show = async (unit: string, property: string) =>
    (await box.output(["systemctl", "--user", "show", unit, "-p", property, "--value"])).trim();
  const rescueDir = () => join(box.home, ".openclaw-rescue");
  const rescueLog = () => join(rescueDir(), "rescue-watchdog/logs/watchdog.jsonl");
  const job = (): { nextRunAtMs: number; id: string } | undefined => {
    const db = new DatabaseSync(join(rescueDir(), "state/openclaw.sqlite"), { readOnly: true });
    const row = db.prepare("SELECT job_id, state_json FROM cron_jobs WHERE declaration_key = 'rescue-watchdog:tick'").get();
    db.close();
    return row === undefined ? undefined : { id: String(row["job_id"]), ...JSON.parse(String(row["state_json"])) };
  };

  beforeAll(async () => {
    dir = packageCopy();
    chmodSync(dir, 0o755);
    box = await startBox({ [dir]: PACKAGE });
    await box.output(["openclaw", "plugins", "install", "--link", "--force", "--accept-capabilities", PACKAGE], 90_000);
  });
  afterAll(async () => {
    await box?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  it("installs both gateways, each proved to serve, in one command", { timeout: 400_000 }, async () => {
    // Without --skip-health: the host would deadlock with itself here, so the step takes its place.
    const words = onboardWords(PORT).filter((word) => word !== "--skip-health");
    const result = await box.run(["openclaw", ...words, "--install-daemon", "--rescue-watchdog"], 300_000);
    expect(result.exitCode, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout.slice(result.stdout.search(/^\{/m)))).toMatchObject({ ok: true, authChoice: "rescue-watchdog" });
    expect(result.stderr).toMatch(/rescue gateway: profile rescue, port 19789, proved, cron job/);
    console.log(`onboarding took ${Math.round(result.tookMs)} ms: ${result.stderr.match(/rescue: .*/g)?.join(", ")}`);
    for (const unit of ["openclaw-gateway.service", UNIT]) expect(await show(unit, "ActiveState")).toBe("active");
    const token = JSON.parse(readFileSync(join(rescueDir(), "openclaw.json"), "utf8")).gateway.auth.token;
    const primaryToken = JSON.parse(readFileSync(join(box.home, ".openclaw/openclaw.json"), "utf8")).gateway.auth.token;
    for (const secret of [token, primaryToken]) expect(result.stdout + result.stderr).not.toContain(secret);
    await until(() => existsSync(rescueLog()) && readFileSync(rescueLog(), "utf8").includes('"condition":"serving"'));
    // Logs, journals, units, whatever lies there: a token is in the configuration that it belongs to, in the copies of that which the host and
    // the watchdog keep, and nowhere else.
    const found = filesWith(box.home, [token, primaryToken]);
    expect(found.filter((file) => !KEEPS_TOKENS.test(file))).toEqual([]);
    expect(found).toContain(".openclaw-rescue/openclaw.json");
  });

  // In npm test plugin.host.test.ts has the same without a service manager.
  it.runIf(FULL)("brings a killed primary back from the rescue gateway", { timeout: 300_000 }, async () => {
    const lines = () =>
      readFileSync(rescueLog(), "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    const killed = await show("openclaw-gateway.service", "MainPID");
    await box.output(["kill", "-KILL", killed]);
    await until(() => lines().some(({ event }) => event === "incident-closed"), 200_000);
    expect(lines().find(({ event }) => event === "repair-started")).toMatchObject({ cause: "process-gone", tier: 1 });
    expect(lines().find(({ event }) => event === "repair-ended")).toMatchObject({ success: true });
    expect(await show("openclaw-gateway.service", "MainPID")).not.toBe(killed);
  });

  it.runIf(FULL)("moves the backstop back when a clock that ran ahead has left it in the far future", { timeout: 200_000 }, async () => {
    const before = job();
    await box.output(["systemctl", "--user", "stop", UNIT], 60_000);
    const db = new DatabaseSync(join(rescueDir(), "state/openclaw.sqlite"));
    const far = Date.now() + 10 * 365 * 86_400_000;
    db.prepare("UPDATE cron_jobs SET state_json = json_set(state_json, '$.nextRunAtMs', ?) WHERE job_id = ?").run(far, before?.id ?? "");
    db.close();
    await box.output(["systemctl", "--user", "start", UNIT], 60_000);
    await until(() => (job()?.nextRunAtMs ?? far) < Date.now() + 200_000);
    expect(job()?.id).toBe(before?.id);
  });

  it("is noticed when the plugin is uninstalled in the primary: the rescue stops and says so", { timeout: 200_000 }, async () => {
    await box.output(["openclaw", "plugins", "uninstall", "rescue-watchdog", "--force"], 90_000);
    await until(() => readFileSync(rescueLog(), "utf8").includes('"event":"watch-withdrawn"'));
    expect((await watchdog("status")).json).toMatchObject({ withdrawn: true, watcher: null });
  });

  it.runIf(!FULL)("is taken away again and leaves no unit", { timeout: 300_000 }, async () => {
    const { json, stderr } = await watchdog("uninstall");
    expect(json, stderr).toMatchObject({ ok: true, movedTo: expect.any(String) });
    expect(await show(UNIT, "LoadState")).toBe("not-found");
    expect(readdirSync(box.home).filter((name) => name === ".openclaw-rescue")).toEqual([]);
    expect(await show("openclaw-gateway.service", "ActiveState")).toBe("active");
  });

  it.runIf(FULL)("leaves no unit when the person had removed the rescue's directory by hand", { timeout: 300_000 }, async () => {
    await box.output(["openclaw", "plugins", "install", "--link", "--force", "--accept-capabilities", PACKAGE], 90_000);
    expect((await watchdog("setup")).json).toMatchObject({ ok: true });
    await box.output(["rm", "-rf", `${HOME_IN_BOX}/.openclaw-rescue`]);
    const { json, stderr } = await watchdog("uninstall");
    expect(json, JSON.stringify(json) + stderr).toMatchObject({ ok: true });
    expect(await show(UNIT, "LoadState")).toBe("not-found");
    expect(readdirSync(box.home).filter((name) => name === ".openclaw-rescue")).toEqual([]);
    expect((await watchdog("uninstall")).json).toMatchObject({ ok: true, did: [] });
  });
});
