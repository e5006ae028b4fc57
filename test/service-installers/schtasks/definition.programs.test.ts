import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { schtasksControl } from "../../../src/service-installers/schtasks/control.ts";
import { fakeWindows } from "./fake-windows.ts";
import { hostTaskXml } from "./host-task.ts";

// Unproven here: everything that Windows itself does, see control.test.ts; and that Windows still runs what lies in the Startup folder.

const NAME = "OpenClaw Gateway";
const NONE = () => undefined;
let windows: ReturnType<typeof fakeWindows>;
const control = (mainPid: () => number | undefined = NONE, profile = "default") =>
  schtasksControl({ profile, env: windows.env, home: windows.home, mainPid, patienceMs: 300 });
const startup = (profile = "") =>
  windows.file(`AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/${NAME}${profile}.cmd`, "@echo off\r\n");

beforeEach(() => {
  windows = fakeWindows();
});
afterEach(() => windows.remove());

describe("a gateway that only has an entry in the Startup folder", () => {
  it("is recognised, alive or not", async () => {
    startup();
    expect(await control().status()).toEqual({ manager: "startup-folder", state: "stopped" });
    expect(await control(() => 4711).status()).toEqual({ manager: "startup-folder", state: "running", mainPid: 4711 });
  });

  it("is another profile's when it has another profile's name", async () => {
    startup(" (rescue)");
    expect(await control().status()).toEqual({ manager: "schtasks", state: "not-installed" });
    expect(await control(NONE, "rescue").status()).toEqual({ manager: "startup-folder", state: "stopped" });
  });

  it("is not started from here: a person is told how", async () => {
    const path = startup();
    for (const verb of ["start", "restart"] as const) {
      await expect(control()[verb]()).rejects.toMatchObject({
        code: "service-control",
        message: `the gateway of profile default has no scheduled task, only ${path}, which runs at login`,
        fix: "openclaw gateway start; for a task: openclaw gateway install in an elevated terminal",
      });
    }
    const gateway = await windows.gateway();
    await expect(control(gateway.mainPid).restart()).rejects.toMatchObject({ code: "service-control" });
    expect(gateway.alive()).toBe(true);
    expect(windows.orders()).toEqual([]);
  });

  it("counts as started when it runs, and can be stopped", async () => {
    startup();
    const gateway = await windows.gateway();
    await control(gateway.mainPid).start();
    await control(gateway.mainPid).stop();
    expect(gateway.alive()).toBe(false);
    expect(windows.orders()).toEqual([`taskkill|/F|/PID|${gateway.pid}`]);
  });

  it("is not looked for beside a task", async () => {
    startup();
    windows.hasTask(NAME, { lastResult: 0x41303 });
    expect(await control().status()).toEqual({ manager: "schtasks", state: "stopped" });
  });
});

describe("the definition and the logs", () => {
  const SCRIPT =
    '@echo off\r\nrem OpenClaw Gateway (v2026.9.6)\r\nset "OPENCLAW_GATEWAY_PORT=18789"\r\n"C:\\Program Files\\nodejs\\node.exe" gateway --task-supervisor < NUL\r\n';
  const RUNS = { argv: ["C:\\Program Files\\nodejs\\node.exe", "gateway"], environment: { OPENCLAW_GATEWAY_PORT: "18789" } };

  it("are those of the script that the task runs", async () => {
    const path = windows.file(".openclaw/gateway.cmd", SCRIPT);
    windows.hasTask(NAME);
    expect(await control().readDefinition()).toEqual({ path, ...RUNS, enabled: true });
    windows.hasTask(NAME, { xml: hostTaskXml(path.replace(".cmd", ".vbs")), enabled: false, state: 1 });
    expect(await control().readDefinition()).toEqual({ path, ...RUNS, enabled: false });
  });

  it("are those of the profile's script when only the Startup folder has it; whether Windows runs that is not known", async () => {
    startup(" (rescue)");
    const path = windows.file(".openclaw-rescue/gateway.cmd", SCRIPT);
    expect(await control(NONE, "rescue").readDefinition()).toEqual({ path, ...RUNS, enabled: null });
  });

  it("are a person's own program and arguments, when a person made the task", async () => {
    const xml = hostTaskXml("C:\\node.exe").replace("</Command>", "</Command><Arguments>&quot;C:\\a b\\\\&quot; gateway</Arguments>");
    windows.hasTask(NAME, { xml });
    expect(await control().readDefinition()).toEqual({
      path: null,
      argv: ["C:\\node.exe", "C:\\a b\\", "gateway"],
      environment: {},
      enabled: true,
    });
  });

  it("do not exist without a task, and say so when the script is gone", async () => {
    expect(await control().readDefinition()).toBeNull();
    expect(await control().logs(5)).toEqual([]);
    windows.hasTask(NAME);
    await expect(control().readDefinition()).rejects.toMatchObject({
      code: "service-control",
      message: expect.stringContaining("gateway.cmd is missing, so OpenClaw Gateway cannot start"),
      fix: "openclaw gateway install --force",
    });
    expect(await control().logs(5)).toEqual([]);
  });

  it("have the newest lines last", async () => {
    windows.hasTask(NAME);
    windows.file(".openclaw/logs/gateway-restart.log", "one\r\ntwo\r\nthree\r\n");
    expect(await control().logs(2)).toEqual(["two", "three"]);
  });
});
