import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseLauncher, readLauncher, scriptOf, startupEntry } from "../../../src/service-installers/schtasks/launcher.ts";
import { launcherText } from "../../../src/service-installers/schtasks/launcher-text.ts";
import { fakeWindows } from "./fake-windows.ts";
import { hostCall } from "./host-module.ts";

// Unproven here: that cmd.exe runs these scripts as they are read. They are the host's own, made by its code in these tests.

const script = (...lines: string[]) => `${["@echo off", ...lines].join("\r\n")}\r\n`;

describe("the host's gateway.cmd", () => {
  it("is read back as what this host's own code made it of", () => {
    const programArguments = [
      "C:\\Program Files\\nodejs\\node.exe",
      "--max-old-space-size=8192",
      "C:\\R&D (x)\\index.js",
      "gateway",
      "100%",
      "hey!",
      'a"b',
      "^x",
    ];
    const environment = {
      HOME: "C:\\Users\\Jürgen",
      OPENCLAW_SERVICE_KIND: "gateway",
      OPENCLAW_GATEWAY_PORT: "18789",
      NODE_OPTIONS: "",
      ODD: 'a=b "c" 50% ^ ! & | x',
    };
    const description = "OpenClaw Gateway (v2026.9.6)";
    const made = { description, programArguments, workingDirectory: "C:\\Users\\Jürgen", environment };
    const text = hostCall("schtasks-layout", "buildTaskScript", made).toString();
    expect(text).toContain("--task-supervisor");
    expect(parseLauncher(text)).toEqual({ argv: programArguments, environment });
  });

  it("is read as this host encodes it: ASCII plainly, the hidden launcher in UTF-16", () => {
    const text = script('set "HOME=C:\\home"', "C:\\node.exe gateway < NUL");
    for (const [format, content] of [
      ["cmd", text],
      ["vbs", "Jürgen"],
    ]) {
      expect(launcherText(hostCall("schtasks-layout", "encodeWindowsLauncherScript", { format, content }))).toBe(content);
    }
  });

  it.each([
    ["cp850", 850, "J\x81rgen", "Jürgen"],
    ["cp852", 852, "Ludv\xa1k\x9f", "Ludvíkč"],
    ["cp437", 437, "Ren\x82", "René"],
    ["windows-1258", 1258, "\xe9", "é"],
  ])("is read in code page %s", (encoding, page, bytes, text) => {
    const body = script(`C:\\${bytes}\\node.exe gateway < NUL`);
    const marked = `@chcp ${page} >nul\r\n@rem openclaw-launcher-encoding=${encoding}\r\n${body}`;
    expect(parseLauncher(launcherText(Buffer.from(marked, "latin1"))).argv).toEqual([`C:\\${text}\\node.exe`, "gateway"]);
  });

  it("is read in Japan's code page", () => {
    // C:\データ\node.exe, in code page 932; the second byte of a letter may be a backslash.
    const marked = Buffer.concat([
      Buffer.from("@chcp 932 >nul\r\n@rem openclaw-launcher-encoding=shift_jis\r\n@echo off\r\nC:\\"),
      Buffer.from("8366815b835e", "hex"),
      Buffer.from("\\node.exe gateway < NUL\r\n"),
    ]);
    expect(parseLauncher(launcherText(marked)).argv).toEqual(["C:\\データ\\node.exe", "gateway"]);
  });

  it("is not guessed at in a code page that is not known, or not its own", () => {
    expect(() => launcherText(Buffer.from("@rem openclaw-launcher-encoding=cp864\r\nx"))).toThrow("not readable as cp864");
    expect(() => launcherText(Buffer.from([0x40, 0xff, 0x81]))).toThrow("not readable as utf-8");
  });

  it.each([
    ["two commands", ["node a", "node b"]],
    ["a pipe", ["node a | node b"]],
    ["two commands in a line", ["node a & node b"]],
    ["a computed value", ["set /a X=1", "node a"]],
    ["a value without quotes", ["set X=1", "node a"]],
    ["quotes that do not close", ['node "a']],
    ["no command", ['set "X=1"']],
  ])("is not guessed at when a person put into it %s", (_, lines) => {
    expect(() => parseLauncher(script(...lines))).toThrow(expect.objectContaining({ code: "service-control" }));
  });

  it("may send its output anywhere", () => {
    expect(parseLauncher(script('node.exe "a b" > "C:\\x y.log" 2>&1 < NUL')).argv).toEqual(["node.exe", "a b"]);
  });
});

describe("finding the launcher", () => {
  let windows: ReturnType<typeof fakeWindows>;
  beforeEach(() => {
    windows = fakeWindows();
  });
  afterEach(() => windows.remove());

  it("looks behind the script that hides the window", () => {
    expect(scriptOf("C:\\x\\gateway.vbs")).toBe("C:\\x\\gateway.cmd");
    expect(scriptOf("C:\\x\\Gateway.CMD")).toBe("C:\\x\\Gateway.CMD");
    expect(scriptOf("C:\\node.exe")).toBeNull();
  });

  it("tells a script that is missing from one that cannot be read", () => {
    expect(readLauncher(`${windows.home}/gateway.cmd`)).toBeUndefined();
    expect(() => readLauncher(windows.home)).toThrow(expect.objectContaining({ code: "service-control" }));
  });

  it("finds the entries in the Startup folder that this host makes", () => {
    for (const [profile, task] of [
      ["", "OpenClaw Gateway"],
      ["rescue", "OpenClaw Gateway (rescue)"],
    ]) {
      for (const extension of ["cmd", "vbs"]) {
        const env = { APPDATA: `${windows.home}/Roaming`, OPENCLAW_PROFILE: profile };
        const host = hostCall("schtasks-layout", "resolveStartupEntryPath", env, extension).toString();
        expect(startupEntry(task ?? "", { AppData: `${windows.home}/Roaming` }, windows.home)).toBeNull();
        const path = windows.file(host.slice(windows.home.length + 1), "");
        expect(startupEntry(task ?? "", { AppData: `${windows.home}/Roaming` }, windows.home)).toBe(path);
        rmSync(path);
      }
    }
  });

  it("finds the Startup folder without APPDATA as this host does", () => {
    const host = hostCall("schtasks-layout", "resolveStartupEntryPath", { USERPROFILE: windows.home }, "cmd").toString();
    const path = windows.file(host.slice(windows.home.length + 1), "");
    expect(startupEntry("OpenClaw Gateway", {}, windows.home)).toBe(path);
  });
});
