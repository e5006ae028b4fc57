import { randomInt } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Box, HOME_IN_BOX, requireLab } from "./box.ts";
import { boxWithGateway, type PackageBox } from "./installed.ts";
import { until } from "./until.ts";

/** Our own units beside the host's: the sentinel, the wake-up and the drop-in, under a real systemd with the real host. */
const PACKAGE = "/opt/rescue-package";
const PORT = randomInt(40_000, 59_000);
const GATEWAY = "openclaw-gateway.service";
const SENTINEL = "rescue-watchdog-default.service";
const WAKE = "rescue-watchdog-wake-default.service";
const FULL = process.env["RESCUE_FULL"] === "1";
const whyNot = requireLab();

describe.skipIf(whyNot !== undefined)("services of our own under a real systemd", () => {
  let box: Box;
  let installed: PackageBox | undefined;
  const units = (...parts: string[]) => join(box.home, ".config/systemd/user", ...parts);
  const watchdog = async (...args: string[]) => {
    const result = await box.run(["node", `${PACKAGE}/dist/plugin/cli/bin.js`, ...args, "--json"], 120_000);
    return { code: result.exitCode, json: JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "{}"), stderr: result.stderr };
  };
  const systemctl = (...args: string[]) => box.output(["systemctl", "--user", ...args], 90_000);
  const show = async (unit: string, property: string) => (await systemctl("show", unit, "-p", property, "--value")).trim();
  const log = () =>
    readFileSync(join(box.home, ".local/state/rescue-watchdog/default/logs/watchdog.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  /** As the account itself: the host refuses to touch a unit with a drop-in of somebody else's. */
  const dropIn = async (unit: string, text: string) => {
    const script = 'mkdir -p "$1" && printf %s "$2" > "$1/99-test.conf" && systemctl --user daemon-reload';
    await box.output(["sh", "-c", script, "sh", `${HOME_IN_BOX}/.config/systemd/user/${unit}.d`, text]);
  };

  beforeAll(async () => {
    installed = await boxWithGateway(PORT);
    ({ box } = installed);
    await until(async () => (await box.run(["curl", "-sf", `http://127.0.0.1:${PORT}/readyz`])).exitCode === 0);
  });
  afterAll(async () => {
    await installed?.dispose();
  });

  it("are laid down beside the host's, and run", async () => {
    const { code, json, stderr } = await watchdog("service", "install", "--harden");
    expect(json, stderr).toMatchObject({ ok: true, changed: true });
    expect(code).toBe(0);
    expect(await show(SENTINEL, "ActiveState")).toBe("active");
    expect(await show(SENTINEL, "UnitFileState")).toBe("enabled");
    expect(await show(GATEWAY, "OnFailure")).toBe(WAKE);
    expect(await show(GATEWAY, "StartLimitBurst")).toBe("3");
    expect(await show(GATEWAY, "Restart")).toBe("on-failure");
    await until(
      () =>
        existsSync(join(box.home, ".local/state/rescue-watchdog/default/logs/watchdog.jsonl")) &&
        log().some(({ details }) => details?.condition === "serving"),
    );
  });

  it("installed again, are left as they are and go on running", async () => {
    const pid = await show(SENTINEL, "MainPID");
    expect((await watchdog("service", "install", "--harden")).json).toMatchObject({ ok: true, changed: false });
    expect(await show(SENTINEL, "MainPID")).toBe(pid);
  });

  it("are restarted by systemd when their loop stops", async () => {
    await dropIn(SENTINEL, "[Service]\nWatchdogSec=4\n");
    await systemctl("restart", SENTINEL);
    const pid = await show(SENTINEL, "MainPID");
    // Longer than the time that is given: while the loop moves, nothing happens.
    await sleep(9_000);
    expect(await show(SENTINEL, "MainPID")).toBe(pid);
    const stoppedMs = Date.now();
    await box.output(["kill", "-STOP", pid]);
    await until(async () => !["0", pid].includes(await show(SENTINEL, "MainPID")));
    expect(await show(SENTINEL, "NRestarts")).toBe("1");
    console.log(`sentinel: SIGSTOP → a new process after ${Date.now() - stoppedMs} ms (WatchdogSec=4, RestartSec=5)`);
    rmSync(units(`${SENTINEL}.d`), { recursive: true });
    await systemctl("daemon-reload");
    await systemctl("restart", SENTINEL);
    await until(() => log().some(({ event }) => event === "watch-started"));
  });

  it("wake the watcher at once when systemd gives the gateway up, and it is back when the cause is gone", async () => {
    await until(async () => (await watchdog("status")).json.watcher !== null);
    await dropIn(GATEWAY, "[Service]\nExecStartPre=/bin/false\nRestartSec=100ms\n");
    await box.run(["systemctl", "--user", "restart", GATEWAY]);
    await until(async () => (await show(GATEWAY, "ActiveState")) === "failed");
    const failedAt = await box.output(["date", "+%s%3N"]);
    await until(async () => (await show(WAKE, "Result")) === "success" && (await show(WAKE, "ActiveState")) === "inactive");
    const rang = readFileSync(join(box.home, ".local/state/rescue-watchdog/default/wake"), "utf8").trim();
    console.log(`wake-up: the bell rang ${Date.parse(rang) - Number(failedAt)} ms after the unit was seen to have failed`);
    rmSync(units(`${GATEWAY}.d`, "99-test.conf"));
    await systemctl("daemon-reload");
    await until(async () => (await show(GATEWAY, "ActiveState")) === "active", 200_000);
    const { json } = await watchdog("incident", "1", "--service-log");
    expect(json.serviceLog).toEqual(expect.arrayContaining([expect.stringMatching(/^20.*openclaw-gateway.service: /)]));
    await until(async () => (await box.run(["curl", "-sf", `http://127.0.0.1:${PORT}/readyz`])).exitCode === 0);
  }, 400_000);

  it.runIf(FULL)("survive the host's own rewrite of its unit, and a user's stop is respected with them", async () => {
    await box.output(["openclaw", "gateway", "install", "--force", "--json"], 120_000);
    expect(await show(GATEWAY, "OnFailure")).toBe(WAKE);
    await until(async () => (await box.run(["curl", "-sf", `http://127.0.0.1:${PORT}/readyz`])).exitCode === 0);
    await systemctl("stop", GATEWAY);
    await until(() => log().some(({ details }) => details?.condition === "stopped-cleanly"));
    await sleep(5_000);
    expect(await show(GATEWAY, "ActiveState")).toBe("inactive");
    await systemctl("start", GATEWAY);
  });

  it("are proved by the self-test that a user runs, on a throwaway service that is gone afterwards", async () => {
    const { code, json, stderr } = await watchdog("selftest", "service", "--yes", "--report", `${HOME_IN_BOX}/selftest.json`);
    expect(
      { checks: json.checks?.filter(({ verdict }: { verdict: string }) => verdict !== "proved"), left: json.leftBehind },
      stderr,
    ).toEqual({ checks: [], left: [] });
    expect(code).toBe(0);
    expect((await systemctl("list-units", "--all", "--plain", "--no-legend", "*selftest*")).trim()).toBe("");
    expect(statSync(join(box.home, "selftest.json")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(box.home, "selftest.txt"), "utf8")).not.toContain(HOME_IN_BOX);
    console.log(`selftest: ${json.checks.map(({ id, ms }: { id: string; ms: number }) => `${id} ${ms} ms`).join(", ")}`);
  });

  it("are taken away without a trace", async () => {
    expect((await watchdog("service", "uninstall")).json).toMatchObject({ ok: true, removed: true });
    for (const unit of [SENTINEL, WAKE]) expect(await show(unit, "LoadState")).toBe("not-found");
    expect(existsSync(units(`${GATEWAY}.d`))).toBe(false);
    expect(existsSync(units("default.target.wants", SENTINEL))).toBe(false);
    expect(await show(GATEWAY, "OnFailure")).toBe("");
    expect((await watchdog("service", "uninstall")).json).toMatchObject({ ok: true, removed: false });
  });
});
