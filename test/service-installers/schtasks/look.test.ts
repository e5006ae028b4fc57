import { chmodSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lookAtTask, lookScript, parseLook } from "../../../src/service-installers/schtasks/look.ts";
import { programPath, variable } from "../../../src/service-installers/schtasks/programs.ts";
import { readingOf } from "../../../src/service-installers/schtasks/state.ts";
import { fakeWindows } from "./fake-windows.ts";
import { hostTaskXml } from "./host-task.ts";

// Unproven here: that PowerShell runs the script as meant, and that COM answers with these numbers. No Windows and no PowerShell has run it;
// the numbers are those of taskschd.h, winerror.h and ntstatus.h, and of users' reports.

const NAME = "OpenClaw Gateway";
const XML = hostTaskXml("C:\\Users\\Jürgen\\.openclaw\\gateway.cmd");
/** Signed, as COM has it. */
const look = (state: number, lastResult: number, xml = XML, enabled = state !== 1) => {
  const answer = {
    state,
    enabled,
    lastResult: lastResult | 0,
    lastRun: "2026-11-21T08:00:00.0000000",
    xml: Buffer.from(xml).toString("base64"),
  };
  const seen = parseLook(NAME, JSON.stringify(answer));
  if (seen === null) throw new Error("a task was given");
  return seen;
};
const [DISABLED, QUEUED, READY, RUNNING] = [1, 2, 3, 4];

describe("what a task's state means", () => {
  it.each([
    ["running, and the gateway holds its lock", RUNNING, 0x41301, 4711, { state: "running", mainPid: 4711 }],
    ["running, and no gateway holds the lock yet", RUNNING, 0x41301, undefined, { state: "starting" }],
    ["queued", QUEUED, 0, undefined, { state: "starting" }],
    ["ready, and the gateway runs on: its launcher has returned", READY, 0, 4711, { state: "running", mainPid: 4711 }],
    ["ended by /End, and the gateway runs on", READY, 0x41306, 4711, { state: "running", mainPid: 4711 }],
    ["disabled by a person", DISABLED, 0, undefined, { state: "stopped", stoppedOnPurpose: true }],
    ["disabled, and the gateway runs on", DISABLED, 0, 4711, { state: "running", mainPid: 4711 }],
    ["never run", READY, 0x41303, undefined, { state: "stopped" }],
    ["ended with 0", READY, 0, undefined, { state: "stopped", lastExit: { code: 0 } }],
    ["ended by a person", READY, 0x41306, undefined, { state: "stopped", stoppedOnPurpose: true }],
    ["ended with 78", READY, 78, undefined, { state: "parked", lastExit: { code: 78 } }],
    ["ended with 1", READY, 1, undefined, { state: "failed", lastExit: { code: 1 } }],
    ["ended with 0xFFFFFFFF", READY, 0xffffffff, undefined, { state: "failed", lastExit: { code: 0xffffffff } }],
    [
      "its window closed, Ctrl+C or logoff",
      READY,
      0xc000013a,
      undefined,
      { state: "failed", lastExit: { signal: "STATUS_CONTROL_C_EXIT" } },
    ],
    ["ended with the session", READY, 0x40010004, undefined, { state: "failed", lastExit: { signal: "DBG_TERMINATE_PROCESS" } }],
    ["crashed", READY, 0xc0000005, undefined, { state: "failed", lastExit: { signal: "0xC0000005" } }],
    ["the start was refused", READY, 0x800710e0, undefined, { state: "failed" }],
    ["its program is missing", READY, 0x80070002, undefined, { state: "failed" }],
    ["no end was ever recorded", READY, 0x41301, undefined, { state: "failed" }],
  ])("%s", (_, state, result, mainPid, reading) => {
    expect(readingOf(look(state, result), mainPid)).toEqual({ manager: "schtasks", ...reading });
  });

  it("calls no end a person's wish that the Task Scheduler may have made by itself", () => {
    for (const changed of [{ ExecutionTimeLimit: "PT72H" }, { StopIfGoingOnBatteries: "true" }]) {
      expect(readingOf(look(READY, 0x41306, hostTaskXml("C:\\gateway.cmd", changed)), undefined)).toEqual({
        manager: "schtasks",
        state: "failed",
      });
    }
  });

  it("guesses nothing from a definition that it cannot read, and needs none otherwise", () => {
    expect(() => readingOf(look(READY, 0x41306, "<Task>"), undefined)).toThrow(expect.objectContaining({ code: "service-control" }));
    expect(readingOf(look(READY, 78, "<Task>"), undefined)).toMatchObject({ state: "parked" });
  });
});

describe("the Task Scheduler's answer", () => {
  const failed = (at: string, hresult: number) => parseLook(NAME, JSON.stringify({ failedAt: at, hresult: hresult | 0 }));

  it("tells a task that is missing from one that may not be seen", () => {
    expect(failed("task", 0x80070002)).toBeNull();
    expect(failed("task", 0x80070003)).toBeNull();
    expect(() => failed("task", 0x80070005)).toThrow(
      expect.objectContaining({ code: "service-control", message: expect.stringContaining("access denied") }),
    );
  });

  it("takes a Task Scheduler that does not answer for no answer", () => {
    expect(() => failed("service", 0x80070002)).toThrow("0x80070002");
    expect(() => failed("properties", 0x80041321)).toThrow("0x80041321");
    expect(() => look(0, 0)).toThrow("which says nothing");
    expect(() => look(5, 0)).toThrow("which says nothing");
  });

  it.each([
    ["nothing", ""],
    ["a list", "[]"],
    ["an error in words", "Zugriff verweigert"],
    ["a state in words, as some PowerShells give it", '{"state":"Ready","enabled":true,"lastResult":0,"lastRun":"","xml":""}'],
    ["half an answer", '{"state":3,"enabled":true}'],
  ])("is not made of %s", (_, text) => {
    expect(() => parseLook(NAME, text)).toThrow(expect.objectContaining({ code: "service-control" }));
  });

  it("carries names and paths of any language", () => {
    const xml = hostTaskXml("C:\\ユーザー\\Jürgen & Söhne\\gateway.cmd");
    expect(look(READY, 0, xml).xml).toBe(xml);
  });
});

describe("the question", () => {
  it("is asked of the scripting interface, for numbers, and never of schtasks /Query", () => {
    const script = lookScript("OpenClaw Gateway (it's ‘quoted’)");
    expect(script).toContain("Schedule.Service");
    expect(script).toContain("[int]$task.State");
    expect(script).toContain("[int]$task.LastTaskResult");
    expect(script).not.toMatch(/schtasks|Get-ScheduledTask|quoted/);
    expect(/FromBase64String\('([A-Za-z0-9+/=]+)'\)/.exec(script)?.[1]).toBe(
      Buffer.from("OpenClaw Gateway (it's ‘quoted’)").toString("base64"),
    );
    // What is not ASCII in a script depends on the console.
    expect(script).toMatch(/^[\x20-\x7e\n]+$/);
  });

  it("stays within what Windows takes as a command line, with the longest profile's name", () => {
    const script = lookScript(`OpenClaw Rescue Watchdog (${"x".repeat(64)})`);
    expect(Buffer.from(script, "utf16le").toString("base64").length).toBeLessThan(8_000);
  });

  it("is balanced: every brace, bracket and quote that opens closes", () => {
    const script = lookScript(NAME).replaceAll(/'[^']*'/g, "''");
    for (const [open, close] of ["{}", "()", "[]"].map((pair) => [...pair])) {
      expect(script.split(open ?? "").length, `${open}${close}`).toBe(script.split(close ?? "").length);
    }
    expect(lookScript(NAME).split("'").length % 2).toBe(1);
  });
});

describe("asking", () => {
  let windows: ReturnType<typeof fakeWindows>;
  beforeEach(() => {
    windows = fakeWindows();
  });
  afterEach(() => windows.remove());
  const ask = () => lookAtTask({ name: NAME, env: windows.env });

  it("goes through a real process, and minds no progress on stderr", async () => {
    expect(await ask()).toBeNull();
    windows.hasTask(NAME, { lastResult: 0xc000013a | 0 });
    expect(await ask()).toMatchObject({ state: "ready", enabled: true, lastResult: 0xc000013a });
    expect(windows.asked()).toEqual([`look|${NAME}`, `look|${NAME}`]);
  });

  it("says that it could not look when PowerShell fails, in a language that cannot be read too", async () => {
    windows.machine({ powershell: { stdout: "", stderr: "", exitCode: 0 } });
    await expect(ask()).rejects.toMatchObject({ code: "service-control", message: expect.stringContaining("PowerShell ended with 0") });
    windows.machine({ powershell: { stdout: "", stderr: "is disabled by policy", exitCode: 1 } });
    await expect(ask()).rejects.toThrow("PowerShell ended with 1: is disabled by policy");
  });

  it("says that there is no PowerShell", async () => {
    await expect(lookAtTask({ name: NAME, env: { PATH: windows.home } })).rejects.toMatchObject({
      code: "service-control",
      message: "powershell could not be run: ENOENT",
    });
  });
});

describe("Windows' programs", () => {
  it("are run from Windows' own directory, whatever the case of the variable", () => {
    expect(programPath("schtasks", { SYSTEMROOT: "C:\\Windows" })).toBe("C:\\Windows\\System32\\schtasks.exe");
    expect(programPath("powershell", { windir: "D:\\WINNT" })).toBe("D:\\WINNT\\System32\\WindowsPowerShell\\v1.0\\powershell.exe");
    expect(programPath("taskkill", {})).toBe("taskkill");
    expect(variable({ Path: "x", PATH: " " }, "PATH")).toBe("x");
  });

  it("get nothing of the gateway's environment", async () => {
    const windows = fakeWindows();
    windows.file("bin/powershell", '#!/bin/sh\nenv | cut -d= -f1 | sort | tr "\\n" " " >&2\nexit 1\n');
    chmodSync(`${windows.home}/bin/powershell`, 0o755);
    const env = { ...windows.env, OPENCLAW_WINDOWS_TASK_NAME: "other", TOKEN: "secret", PSModulePath: "C:\\pwsh" };
    const failure = await lookAtTask({ name: NAME, env }).catch((error: unknown) => String(error));
    expect(failure).toMatch(/ended with 1:.* PATH .*TEMP USERDOMAIN USERNAME/);
    expect(failure).not.toMatch(/OPENCLAW|TOKEN|PSModulePath/);
    await windows.remove();
  });
});
