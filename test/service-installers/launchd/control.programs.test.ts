import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { launchdControl } from "../../../src/service-installers/launchd/control.ts";
import { failure, fakeLaunchctl, golden } from "./fake-launchctl.ts";

// Unproven without a Mac: that launchd behaves as this launchctl does, which was written after what users have posted; above all that
// `kickstart -k` is an orderly end (sources differ between SIGTERM and SIGKILL), and the times.

const LABEL = "ai.openclaw.gateway";
const RUNNING = golden("running-15.txt");
const BACKING_OFF = golden("backing-off-15.txt");
const PARKED = golden("parked-15.txt");
const NEXT = RUNNING.replace("63810", "70001").replace("runs = 4", "runs = 5");
const DISABLED = golden("disabled-15.txt");
let fake: ReturnType<typeof fakeLaunchctl>;
let plist: string;

const control = (profile = "default") => launchdControl({ profile, env: fake.env, uid: 501, home: fake.home, patienceMs: 600 });

beforeEach(() => {
  fake = fakeLaunchctl();
  plist = join(fake.agents, `${LABEL}.plist`);
  writeFileSync(plist, golden("host-inline.plist"));
});
afterEach(() => fake.remove());

describe("the status of the gateway's agent", () => {
  it("is what launchd prints of the label that the host gives the profile", async () => {
    fake.loaded(RUNNING);
    expect(control("work-rescue").name).toBe("ai.openclaw.work-rescue");
    expect(await control().status()).toMatchObject({ manager: "launchd", state: "running", mainPid: 63810 });
    expect(fake.asked()).toEqual([`print gui/501/${LABEL}`]);
    expect(fake.environment()).toContain(`HOME=${fake.home}`);
    expect(fake.environment()).not.toContain("OPENCLAW_GATEWAY_TOKEN");
  });

  it("is stopped for a job that is not loaded while its file is there, and says nothing of a purpose", async () => {
    expect(await control().status()).toEqual({ manager: "launchd", state: "stopped" });
  });

  it("is stopped on purpose when it is disabled as well", async () => {
    fake.disabled(DISABLED);
    expect(await control().status()).toEqual({ manager: "launchd", state: "stopped", stoppedOnPurpose: true });
    fake.loaded(RUNNING);
    expect(await control().status()).not.toHaveProperty("stoppedOnPurpose");
  });

  it("is not installed without a job and a file, and running without a file while the job lives on", async () => {
    rmSync(plist);
    expect(await control().status()).toEqual({ manager: "launchd", state: "not-installed" });
    fake.loaded(RUNNING);
    expect(await control().status()).toMatchObject({ state: "running" });
  });

  it("is found in the domain without a screen, and where both have the job, in the one where it runs", async () => {
    fake.loaded(RUNNING, "user");
    expect(await control().status()).toMatchObject({ mainPid: 63810 });
    fake.loaded(BACKING_OFF, "gui");
    expect(await control().status()).toMatchObject({ mainPid: 63810 });
    fake.without("gui");
    expect(await control().status()).toMatchObject({ mainPid: 63810 });
  });

  it("cannot be known when launchd does not answer for this account, or in words that are not known", async () => {
    fake.refuses("print", 1, "Not privileged to get domain info.");
    expect(await failure(control().status())).toMatchObject({
      code: "service-control",
      message: expect.stringContaining("Not privileged"),
    });
    fake.without("gui");
    fake.without("user");
    expect((await failure(control().status())).message).toContain("neither gui/501 nor user/501");
    const nowhere = launchdControl({ profile: "default", env: { PATH: fake.home }, uid: 501, home: fake.home });
    expect((await failure(nowhere.status())).message).toContain("ENOENT");
  });
});

describe("a stop", () => {
  it("takes the job out of launchd and returns when its process is gone", async () => {
    fake.loaded(RUNNING);
    await control().stop();
    expect(fake.orders()).toEqual([`bootout gui/501/${LABEL}`]);
    expect(fake.isLoaded()).toBe(false);
    expect(fake.asked().filter((line) => line.startsWith("print gui")).length).toBeGreaterThan(2);
  });

  it("has nothing to do when the job is not loaded", async () => {
    await control().stop();
    expect(fake.orders()).toEqual([]);
  });

  it("takes it out of both domains", async () => {
    fake.loaded(RUNNING, "user");
    fake.loaded(BACKING_OFF, "gui");
    await control().stop();
    expect(fake.orders()).toEqual([`bootout user/501/${LABEL}`, `bootout gui/501/${LABEL}`]);
  });

  it("takes launchd's 'in progress' for what it is, and its refusal for a failure", async () => {
    fake.loaded(RUNNING);
    fake.refuses("bootout", 36, "Boot-out failed: 36: Operation now in progress");
    fake.after("refused.bootout", golden("dying-14.txt"));
    fake.dying(2);
    await control().stop();
    expect(fake.isLoaded()).toBe(false);
    fake.loaded(RUNNING);
    fake.refuses("bootout", 1, "Boot-out failed: 1: Operation not permitted");
    expect((await failure(control().stop())).message).toBe(
      `launchctl bootout gui/501/${LABEL}: Boot-out failed: 1: Operation not permitted`,
    );
  });

  it("says so when the process does not end", async () => {
    fake.loaded(RUNNING.replace("exit timeout = 20", "exit timeout = 0"));
    fake.refuses("bootout", 36, "Boot-out failed: 36: Operation now in progress");
    expect((await failure(control().stop())).message).toContain("was not unloaded within 1 s: launchd says running");
  });
});

describe("a restart", () => {
  it("is launchd's own, and is done when another process runs", async () => {
    fake.loaded(RUNNING);
    fake.after("kickstart", NEXT);
    await control().restart();
    expect(fake.orders()).toEqual([`kickstart -k gui/501/${LABEL}`]);
    expect(await control().status()).toMatchObject({ mainPid: 70001 });
  });

  it("is a failure when the same process goes on", async () => {
    fake.loaded(RUNNING.replace("exit timeout = 20", "exit timeout = 0"));
    expect((await failure(control().restart())).message).toContain("was not restarted within 1 s");
  });

  it("loads the job when it is not loaded", async () => {
    await control().restart();
    expect(fake.orders()[0]).toMatch(/^bootstrap gui\/501/);
  });
});

describe("a kill", () => {
  it("reaches the process that the caller has fenced", async () => {
    fake.loaded(RUNNING);
    fake.after("kill", BACKING_OFF);
    await control().kill(63810);
    expect(fake.orders()).toEqual([`kill SIGKILL gui/501/${LABEL}`]);
  });

  it("is refused for another process than launchd's, and when there is none", async () => {
    fake.loaded(RUNNING);
    expect(await failure(control().kill(1))).toMatchObject({
      code: "refused",
      message: expect.stringContaining("runs pid 63810 by now, not 1"),
    });
    fake.loaded(BACKING_OFF);
    expect(await failure(control().kill(63810))).toMatchObject({ code: "refused" });
    expect(fake.orders()).toEqual([]);
  });

  it("is refused when the process ended in that moment, and fails when launchd refuses", async () => {
    fake.loaded(RUNNING);
    fake.refuses("kill", 3, "No process to signal.");
    expect(await failure(control().kill(63810))).toMatchObject({ code: "refused" });
    fake.refuses("kill", 150, "150: Operation not permitted while System Integrity Protection is engaged");
    expect(await failure(control().kill(63810))).toMatchObject({ code: "service-control" });
  });
});

describe("what needs an agent that is installed", () => {
  it("names the command that installs it", async () => {
    const { start, stop, restart, clearLatch } = control("none");
    for (const call of [start, stop, restart, clearLatch]) {
      expect(await failure(call())).toMatchObject({
        code: "service-control",
        message: "ai.openclaw.none is not installed",
        fix: "openclaw --profile none gateway install",
      });
    }
    expect(fake.orders()).toEqual([]);
  });

  it("clears no latch, for launchd has none, and enables nothing", async () => {
    fake.disabled(DISABLED);
    fake.loaded(PARKED);
    await control().clearLatch();
    expect(fake.orders()).toEqual([]);
  });
});
