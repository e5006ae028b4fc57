import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { controlSocketPath } from "../../../src/service-installers/external/control-path.ts";
import { selectControl } from "../../../src/service-installers/select.ts";
import { superviseHere } from "../external/harness.ts";
import { fakeSystemctl } from "./fake-systemctl.ts";
import { RECORDED, showOutput } from "./recorded.ts";

const NO_BUS = "Failed to connect to bus: No medium found\n";
let fake: ReturnType<typeof fakeSystemctl>;
let stateDir: string;
const select = (profile = "default") => selectControl({ profile, stateDir, env: fake.env, platform: "linux" });

beforeEach(() => {
  fake = fakeSystemctl();
  stateDir = mkdtempSync(join(tmpdir(), "select-test-"));
});
afterEach(() => {
  fake.remove();
  rmSync(stateDir, { recursive: true, force: true });
});

describe("the choice of a service manager", () => {
  it("is systemd when the unit is installed and no supervisor runs", async () => {
    fake.says("show", showOutput(RECORDED.stopped));
    const control = select();
    expect(await control.status()).toMatchObject({ manager: "systemd", state: "stopped" });
    expect([control.manager, control.name]).toEqual(["systemd", "openclaw-gateway.service"]);
    await control.start();
    expect(fake.orders()).toContain("start openclaw-gateway.service");
  });

  it("is the supervisor whose socket answers, also where a unit is installed, and systemd again once it has ended", async () => {
    fake.says("show", showOutput(RECORDED.stopped));
    const supervisor = superviseHere(["stay"]);
    try {
      await supervisor.happened("control-listening");
      const control = selectControl({ profile: "default", stateDir: supervisor.stateDir, env: fake.env, platform: "linux" });
      expect(await control.status()).toMatchObject({ manager: "external" });
      expect(control.manager).toBe("external");
      supervisor.signal("SIGTERM");
      await supervisor.done;
      expect(await control.status()).toMatchObject({ manager: "systemd" });
    } finally {
      await supervisor.end();
    }
  });

  it("is nobody where neither is, and says how to get one", async () => {
    fake.fails("show", NO_BUS);
    const control = select("work");
    expect(await control.status()).toEqual({ manager: "none", state: "not-installed" });
    for (const verb of ["start", "stop", "restart"] as const) {
      await expect(control[verb]()).rejects.toMatchObject({
        code: "service-control",
        message: expect.stringContaining("nothing keeps the gateway of profile work alive"),
        fix: expect.stringMatching(
          /rescue-watchdog supervise -- openclaw --profile work gateway run.*openclaw --profile work gateway install/,
        ),
      });
    }
  });

  it("is made anew when a unit is installed later", async () => {
    fake.says("show", showOutput(RECORDED.notFound));
    const control = select();
    expect(await control.status()).toMatchObject({ manager: "none", state: "not-installed" });
    fake.says("show", showOutput(RECORDED.running));
    expect(await control.status()).toMatchObject({ manager: "systemd", state: "running" });
  });

  it("does not take a manager that is down for a unit that is missing", async () => {
    fake.fails("show", NO_BUS);
    const units = join(fake.home, ".config/systemd/user");
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, "openclaw-gateway.service"), "[Service]\n");
    await expect(select().status()).rejects.toMatchObject({ code: "service-control", fix: expect.any(String) });
    expect(fake.orders()).toEqual([]);
  });

  it("does not go to systemd behind the back of a supervisor that gives no answer", async () => {
    fake.says("show", showOutput(RECORDED.stopped));
    mkdirSync(join(stateDir, "tmp"), { mode: 0o700 });
    const mute = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => mute.listen(controlSocketPath(stateDir), resolve));
    try {
      await expect(select().start()).rejects.toMatchObject({ code: "service-control" });
      expect(fake.orders()).toEqual([]);
    } finally {
      mute.close();
    }
  });

  it("is nobody on a platform without support", async () => {
    const control = selectControl({ profile: "default", stateDir, env: fake.env, platform: "freebsd" });
    expect(await control.status()).toEqual({ manager: "none", state: "not-installed" });
    expect(fake.orders()).toEqual([]);
  });
});
