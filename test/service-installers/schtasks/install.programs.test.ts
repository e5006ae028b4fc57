import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServiceSpec } from "../../../src/service-installers/installer.ts";
import { schtasksInstaller, watchdogTaskName } from "../../../src/service-installers/schtasks/install.ts";
import { parseTask } from "../../../src/service-installers/schtasks/task-xml.ts";
import { fakeWindows } from "./fake-windows.ts";

// Unproven here: that a real Task Scheduler takes the task from an account without administrator's rights, starts it at logon, and gives
// the definition back so that a second install sees no difference. The fake adds and drops what Windows is known to add and drop.

const NAME = "OpenClaw Rescue Watchdog (default)";
const SPEC: ServiceSpec = {
  profile: "default",
  description: "Watches the OpenClaw gateway of profile default",
  argv: ["C:\\Program Files\\nodejs\\node.exe", "C:\\Users\\Jürgen\\watch.mjs", "watch", "a\\b\\ c\\"],
  environment: {},
  workingDirectory: "C:\\Users\\Jürgen",
  logDirectory: "C:\\Users\\Jürgen\\logs",
};
const CREATE = expect.stringMatching(/^schtasks\|\/Create\|\/TN\|OpenClaw Rescue Watchdog \(default\)\|\/F\|\/XML\|.*task\.xml$/);
const RUN = `schtasks|/Run|/TN|${NAME}`;
const END = `schtasks|/End|/TN|${NAME}`;

let windows: ReturnType<typeof fakeWindows>;
const installer = (env: Record<string, string> = {}) => schtasksInstaller({ env: { ...windows.env, ...env }, patienceMs: 300 });
beforeEach(() => {
  windows = fakeWindows();
});
afterEach(() => windows.remove());

describe("installing the watchdog's task", () => {
  it.each(["en", "de", "ja"] as const)("registers it and starts it, on a Windows in %s", async (locale) => {
    windows.machine({ locale });
    expect(await installer().install(SPEC)).toEqual({ path: `\\${NAME}`, changed: true });
    expect(windows.orders()).toEqual([CREATE, RUN]);
    expect(windows.task(NAME)).toMatchObject({ state: 4 });
    expect(parseTask(windows.task(NAME)?.xml ?? "")).toMatchObject({
      command: "C:\\Program Files\\nodejs\\node.exe",
      arguments: 'C:\\Users\\Jürgen\\watch.mjs watch "a\\b\\ c\\\\"',
      workingDirectory: "C:\\Users\\Jürgen",
    });
    expect(windows.task(NAME)?.xml).toContain("<UserId>WERKSTATT\\Jürgen</UserId>");
  });

  it("leaves no file behind, also when it is refused", async () => {
    await installer().install(SPEC);
    windows.machine({ denied: ["/Create"] });
    await expect(installer().install({ ...SPEC, profile: "other" })).rejects.toMatchObject({ code: "service-control" });
    expect(readdirSync(windows.home).filter((entry) => entry.startsWith("rescue-watchdog-task-"))).toEqual([]);
  });

  it("changes nothing the second time, though Windows writes the task down in its own way", async () => {
    await installer().install(SPEC);
    expect(await installer().install(SPEC)).toEqual({ path: `\\${NAME}`, changed: false });
    expect(windows.orders()).toEqual([CREATE, RUN]);
  });

  it("starts it the second time when it does not run", async () => {
    windows.machine({ run: { endsWith: 1 } });
    await installer().install(SPEC);
    expect(await installer().install(SPEC)).toMatchObject({ changed: false });
    expect(windows.orders()).toEqual([CREATE, RUN, RUN]);
  });

  it("ends the old one before it registers another", async () => {
    await installer().install(SPEC);
    expect(await installer().install({ ...SPEC, argv: [...SPEC.argv, "--more"] })).toMatchObject({ changed: true });
    expect(windows.orders()).toEqual([CREATE, RUN, END, CREATE, RUN]);
  });

  it.each([
    ["limits its time", /PT0S/, "PT72H"],
    ["minds the battery", /<StopIfGoingOnBatteries>false/, "<StopIfGoingOnBatteries>true"],
    ["lost its trigger", /<LogonTrigger>[\s\S]*<\/LogonTrigger>/, ""],
  ])("puts right a task that %s", async (_, from, to) => {
    await installer().install(SPEC);
    const task = windows.task(NAME);
    if (task === undefined) throw new Error("it was installed");
    windows.hasTask(NAME, { ...task, xml: task.xml.replace(from, to) });
    expect(await installer().install(SPEC)).toMatchObject({ changed: true });
  });

  it("does not enable what somebody disabled", async () => {
    await installer().install(SPEC);
    windows.hasTask(NAME, { ...windows.task(NAME), state: 1, enabled: false });
    for (const spec of [SPEC, { ...SPEC, argv: [...SPEC.argv, "--more"] }]) {
      await expect(installer().install(spec)).rejects.toMatchObject({
        code: "service-control",
        fix: `schtasks /Change /TN "${NAME}" /ENABLE, if it may run again`,
      });
    }
    expect(windows.orders()).toEqual([CREATE, RUN]);
    expect(windows.task(NAME)).toMatchObject({ enabled: false });
  });

  it("says that access was denied, and makes no other arrangement", async () => {
    windows.machine({ denied: ["/Create"], locale: "de" });
    await expect(installer().install(SPEC)).rejects.toMatchObject({
      code: "service-control",
      message: `schtasks /Create "${NAME}" ended with 1: FEHLER: Zugriff verweigert`,
      fix: expect.stringContaining("elevated terminal"),
    });
    expect(readdirSync(windows.home)).not.toContain("AppData");
  });

  it("does not believe that a task exists because schtasks said so", async () => {
    windows.file("bin/schtasks", "#!/bin/sh\nexit 0\n");
    await expect(installer().install(SPEC)).rejects.toThrow("keeps something else under that name");
  });

  it("refuses what a task cannot carry, before anything is touched", async () => {
    await expect(installer().install({ ...SPEC, environment: { TOKEN: "x" } })).rejects.toMatchObject({
      code: "refused",
      message: "a scheduled task carries no environment: TOKEN",
    });
    await expect(installer().install({ ...SPEC, argv: ["C:\\node.exe", "%TEMP%"] })).rejects.toMatchObject({ code: "refused" });
    expect(() => watchdogTaskName("..\\other")).toThrow(expect.objectContaining({ code: "refused" }));
    expect(windows.asked()).toEqual([]);
  });

  it("knows the account as the host does, and refuses the system's", async () => {
    await installer({ USERDOMAIN: "WORKGROUP" }).install(SPEC);
    expect(windows.task(NAME)?.xml).toContain("<UserId>Jürgen</UserId>");
    for (const USERNAME of ["", "MACHINE$"]) {
      await expect(installer({ USERNAME }).install(SPEC)).rejects.toThrow("no user to make a task for");
    }
  });
});

describe("uninstalling it", () => {
  it("ends it, deletes it, and says whether there was one", async () => {
    await installer().install(SPEC);
    expect(await installer().uninstall("default")).toBe(true);
    expect(windows.orders().slice(2)).toEqual([END, `schtasks|/Delete|/TN|${NAME}|/F`]);
    expect(windows.task(NAME)).toBeUndefined();
    expect(await installer().uninstall("default")).toBe(false);
  });

  it("touches no other profile's, and not the gateway's own", async () => {
    windows.hasTask("OpenClaw Gateway");
    await installer().install({ ...SPEC, profile: "work" });
    expect(await installer().uninstall("default")).toBe(false);
    expect(windows.task("OpenClaw Rescue Watchdog (work)")).toBeDefined();
    expect(windows.task("OpenClaw Gateway")).toBeDefined();
  });

  it("says that it was denied", async () => {
    await installer().install(SPEC);
    windows.machine({ denied: ["/Delete"], locale: "ja" });
    await expect(installer().uninstall("default")).rejects.toMatchObject({ code: "service-control" });
  });
});
