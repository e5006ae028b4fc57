import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serviceNames } from "../../../src/service-installers/names.ts";
import { systemdControl } from "../../../src/service-installers/systemd/control.ts";
import { managerEnv, NoUserManager } from "../../../src/service-installers/systemd/systemctl.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { fakeSystemctl } from "./fake-systemctl.ts";
import { RECORDED, showOutput } from "./recorded.ts";

const UNIT = "openclaw-gateway.service";
let fake: ReturnType<typeof fakeSystemctl>;
const control = (profile = "default") => systemdControl({ profile, env: fake.env });

beforeEach(() => {
  fake = fakeSystemctl();
});
afterEach(() => fake.remove());

describe("the systemd control", () => {
  it("reads the unit that the host installs for the profile", async () => {
    fake.says("show", showOutput(RECORDED.running));
    expect(control("work-rescue").name).toBe("openclaw-gateway-work-rescue.service");
    expect(await control().status()).toMatchObject({ manager: "systemd", state: "running", mainPid: 911 });
  });

  it("never touches a unit that runs or is starting when it is asked to start it", async () => {
    fake.says("show", showOutput(RECORDED.running));
    await control().start();
    fake.says("show", showOutput(RECORDED.stopped, { Job: "12" }));
    await control().start();
    expect(fake.orders()).toEqual([]);
  });

  it("clears the latch before a start", async () => {
    fake.says("show", showOutput(RECORDED.latched));
    await control().start();
    expect(fake.orders()).toEqual([`reset-failed ${UNIT}`, `start ${UNIT}`]);
  });

  it("restarts a unit that is backing off, since a start would only wait for the pause to end", async () => {
    fake.says("show", showOutput(RECORDED.backingOff, { StateChangeTimestampMonotonic: monotonicUs() }));
    await control().start();
    expect(fake.orders()).toEqual([`reset-failed ${UNIT}`, `restart ${UNIT}`]);
  });

  it("leaves the last second of a pause to the manager, so as not to restart the process that it starts", async () => {
    fake.says("show", showOutput(RECORDED.backingOff, { StateChangeTimestampMonotonic: monotonicUs(-4_500) }));
    await control().start();
    expect(fake.orders()).toEqual([`reset-failed ${UNIT}`, `start ${UNIT}`]);
  });

  it("starts a unit that is just being stopped", async () => {
    fake.says("show", showOutput(RECORDED.deactivating));
    await control().start();
    expect(fake.orders()).toContain(`start ${UNIT}`);
  });

  it("starts a unit that the manager has forgotten", async () => {
    fake.says("show", showOutput(RECORDED.disabled));
    fake.fails("reset-failed", `Failed to reset failed state of unit ${UNIT}: Unit ${UNIT} not loaded.\n`);
    await control().start();
    expect(fake.orders()).toContain(`start ${UNIT}`);
  });

  it("stops and restarts through the manager", async () => {
    fake.says("show", showOutput(RECORDED.running));
    await control().stop();
    await control().restart();
    expect(fake.orders()).toEqual([`stop ${UNIT}`, `reset-failed ${UNIT}`, `restart ${UNIT}`]);
  });
});

describe("what the systemd control refuses", () => {
  it("names the command that installs a unit that is missing", async () => {
    fake.says("show", showOutput(RECORDED.notFound));
    for (const verb of ["start", "stop", "restart"] as const) {
      await expect(control("work")[verb]()).rejects.toMatchObject({
        code: "service-control",
        message: "openclaw-gateway-work.service is not installed",
        fix: "openclaw --profile work gateway install",
      });
    }
    expect(fake.orders()).toEqual([]);
  });

  it("passes on systemd's own complaint in one line, without its hints", async () => {
    fake.says("show", showOutput(RECORDED.parked));
    fake.fails("start", `Job for ${UNIT} failed.\nSee "systemctl --user status ${UNIT}" for details.\n`);
    await expect(control().start()).rejects.toMatchObject({
      code: "service-control",
      message: `systemctl --user start ${UNIT}: Job for ${UNIT} failed.`,
      fix: expect.stringContaining("journalctl --user"),
    });
  });

  it("tells that there is no manager from a manager that may not be asked", async () => {
    fake.fails("show", "Failed to connect to bus: No medium found\n");
    await expect(control().status()).rejects.toBeInstanceOf(NoUserManager);
    fake.fails(
      "show",
      "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
    );
    await expect(control().status()).rejects.toBeInstanceOf(NoUserManager);
    fake.fails("show", "Failed to connect to bus: Permission denied\n");
    const refused = await control()
      .status()
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RescueError);
    expect(refused).not.toBeInstanceOf(NoUserManager);
  });

  it("counts a missing systemctl as no manager", async () => {
    const nowhere = systemdControl({ profile: "default", env: { PATH: fake.home, HOME: fake.home } });
    await expect(nowhere.status()).rejects.toBeInstanceOf(NoUserManager);
  });
});

describe("the environment of systemctl", () => {
  it("keeps the runtime directory it has and passes on nothing of the gateway's", () => {
    const env = managerEnv({ PATH: "/bin", XDG_RUNTIME_DIR: "/run/user/7", OPENCLAW_SYSTEMD_UNIT: "other", TOKEN: "secret" });
    expect(env).toEqual({ PATH: "/bin", LC_ALL: "C", SYSTEMD_COLORS: "0", XDG_RUNTIME_DIR: "/run/user/7" });
  });

  it("finds the account's runtime directory where cron and su do not set it, if there is one", () => {
    const directory = `/run/user/${process.getuid?.()}`;
    expect(managerEnv({ XDG_RUNTIME_DIR: " " })["XDG_RUNTIME_DIR"]).toBe(existsSync(directory) ? directory : undefined);
  });
});

describe("the names of a profile's service", () => {
  it("are the host's", () => {
    expect(serviceNames("default")).toEqual({
      systemdUnit: "openclaw-gateway.service",
      launchdLabel: "ai.openclaw.gateway",
      taskName: "OpenClaw Gateway",
    });
    expect(serviceNames("rescue")).toEqual({
      systemdUnit: "openclaw-gateway-rescue.service",
      launchdLabel: "ai.openclaw.rescue",
      taskName: "OpenClaw Gateway (rescue)",
    });
  });
});

function monotonicUs(offsetMs = 0): string {
  return String(process.hrtime.bigint() / 1_000n + BigInt(offsetMs) * 1_000n);
}
