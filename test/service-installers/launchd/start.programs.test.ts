import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { launchdControl } from "../../../src/service-installers/launchd/control.ts";
import { failure, fakeLaunchctl, golden } from "./fake-launchctl.ts";

// Unproven without a Mac: that launchd behaves as this launchctl does, which was written after what users have posted; above all that
// user/UID takes the host's agent, and that a kickstart does not wait out ThrottleInterval.

const LABEL = "ai.openclaw.gateway";
const RUNNING = golden("running-15.txt");
const BACKING_OFF = golden("backing-off-15.txt");
const PARKED = golden("parked-15.txt");
const NEXT = RUNNING.replace("63810", "70001").replace("runs = 4", "runs = 5");
const DISABLED = golden("disabled-15.txt");
let fake: ReturnType<typeof fakeLaunchctl>;
let plist: string;

const control = (profile = "default", patienceMs = 600) =>
  launchdControl({ profile, env: fake.env, uid: 501, home: fake.home, patienceMs });

beforeEach(() => {
  fake = fakeLaunchctl();
  plist = join(fake.agents, `${LABEL}.plist`);
  writeFileSync(plist, golden("host-inline.plist"));
});
afterEach(() => fake.remove());

describe("a start", () => {
  it("never touches a job that runs", async () => {
    fake.loaded(RUNNING);
    await control().start();
    expect(fake.orders()).toEqual([]);
  });

  it("loads a job that is not loaded, and kickstarts it because launchd may hold its first start back", async () => {
    await control().start();
    expect(fake.orders()).toEqual([`bootstrap gui/501 ~/Library/LaunchAgents/${LABEL}.plist`, `kickstart gui/501/${LABEL}`]);
    expect(fake.isLoaded()).toBe(true);
  });

  it.each([
    ["waits for its next try", BACKING_OFF],
    ["ended with 78", PARKED],
    ["is held back", golden("held-back-14.txt")],
  ])("kickstarts a loaded job that %s, and never with -k", async (_, text) => {
    fake.loaded(text);
    fake.after("kickstart", NEXT.replace("runs = 5", "runs = 9963"));
    await control().start();
    expect(fake.orders()).toEqual([`kickstart gui/501/${LABEL}`]);
  });

  it("counts a process that is gone again as started, when launchd counted it", async () => {
    fake.loaded(PARKED);
    fake.after("kickstart", PARKED.replace("runs = 9962", "runs = 9963"));
    await control().start();
  });

  it("says what launchd says when nothing starts", async () => {
    fake.loaded(golden("spawn-failed-15.txt"));
    expect(await failure(control().start())).toMatchObject({
      code: "service-control",
      message: `${LABEL} was not started within 1 s: launchd says parked, last exit 78, the program could not be executed`,
      fix: `launchctl print gui/501/${LABEL}`,
    });
  });

  it("respects that somebody disabled the job, and names the command", async () => {
    for (const text of [DISABLED, golden("disabled-12.txt")]) {
      fake.disabled(text);
      expect((await failure(control().start())).fix).toBe(`launchctl enable gui/501/${LABEL}, if it may run again`);
      fake.loaded(BACKING_OFF);
      expect((await failure(control().restart())).message).toContain("is disabled in launchd");
    }
    expect(fake.orders()).toEqual([]);
  });

  it("waits out the end of the last process before it loads the job again", async () => {
    fake.loaded(golden("dying-14.txt"));
    fake.dying(2);
    await control().start();
    expect(fake.orders()).toEqual([`bootstrap gui/501 ~/Library/LaunchAgents/${LABEL}.plist`, `kickstart gui/501/${LABEL}`]);
  });

  it("leaves it at that when the end was a restart of somebody else's", async () => {
    fake.loaded(golden("dying-14.txt"));
    fake.after("died", NEXT);
    fake.dying(1);
    await control().start();
    expect(fake.orders()).toEqual([]);
  });

  it("tries again when launchd gives its error 5 for a moment, and says so when it goes on", async () => {
    fake.refuses("bootstrap", 5, "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.", 2);
    // Each order is a process: three of them may take longer than a short patience on a busy machine.
    await control("default", 20_000).start();
    expect(fake.orders().filter((order) => order.startsWith("bootstrap"))).toHaveLength(3);
    fake.unloaded();
    fake.refuses("bootstrap", 5, "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.", 50);
    expect((await failure(control().start())).message).toMatch(
      /^launchctl bootstrap gui\/501 .*: Bootstrap failed: 5: Input\/output error$/,
    );
  });

  it("takes it well when somebody else loads the job at the same moment", async () => {
    fake.refuses("bootstrap", 37, "Bootstrap failed: 37: Operation already in progress");
    fake.after("refused.bootstrap", RUNNING);
    await control().start();
    expect(fake.orders()).toEqual([`bootstrap gui/501 ~/Library/LaunchAgents/${LABEL}.plist`, `kickstart gui/501/${LABEL}`]);
  });

  it("loads it into the domain without a screen when nobody is logged in there", async () => {
    fake.without("gui");
    await control().start();
    expect(fake.orders()).toEqual([`bootstrap user/501 ~/Library/LaunchAgents/${LABEL}.plist`, `kickstart user/501/${LABEL}`]);
  });

  it("falls back to it also when only the bootstrap tells that the screen's domain is of no use", async () => {
    fake.refuses("bootstrap", 125, "Bootstrap failed: 125: Domain does not support specified action");
    await control().start();
    expect(fake.orders().slice(1)).toEqual([`bootstrap user/501 ~/Library/LaunchAgents/${LABEL}.plist`, `kickstart user/501/${LABEL}`]);
  });

  it("does not retry what launchd refuses for good", async () => {
    fake.refuses("bootstrap", 119, "Bootstrap failed: 119: Service is disabled");
    expect((await failure(control().start())).message).toContain("119: Service is disabled");
    expect(fake.orders()).toHaveLength(1);
  });

  it("loads no agent beside a daemon of the same label", async () => {
    fake.loaded(RUNNING, "system");
    expect(await failure(control().start())).toMatchObject({
      message: expect.stringContaining("daemon"),
      fix: `launchctl print system/${LABEL}`,
    });
    expect(fake.orders()).toEqual([]);
  });

  it("loads a job that launchd dropped between the look and the kickstart", async () => {
    fake.loaded(BACKING_OFF);
    fake.refuses("kickstart", 113, `Could not find service "${LABEL}" in domain for user gui: 501`);
    await control().start();
    expect(fake.orders().map((order) => order.split(" ")[0])).toEqual(["kickstart", "bootstrap", "kickstart"]);
  });
});
