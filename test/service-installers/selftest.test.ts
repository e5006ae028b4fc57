import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Call } from "../../plugin/cli/command.ts";
import { forAPerson, renderReport, selftestCommand } from "../../plugin/cli/commands/selftest.ts";
import { renderAgent } from "../../src/service-installers/launchd/agent.ts";
import { readJobFile } from "../../src/service-installers/launchd/definition.ts";
import { splitCommandLine } from "../../src/service-installers/schtasks/argv.ts";
import { parseTask, renderTask } from "../../src/service-installers/schtasks/task-xml.ts";
import { footprint } from "../../src/service-installers/selftest/footprint.ts";
import { layOut, starts } from "../../src/service-installers/selftest/program.ts";
import { overall, type SelftestReport, withoutEnvironment, withoutHome } from "../../src/service-installers/selftest/report.ts";
import { renderSentinel } from "../../src/service-installers/systemd/units.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "selftest-unit-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const check = { id: "starts", proves: "the manager starts it", expected: "a living process within 30 s", ms: 41 };
const REPORT: SelftestReport = {
  format: 1,
  selftest: "service",
  version: "0.1.0",
  machine: { platform: "linux", release: "6.12.1", arch: "x64", node: "v24.21.0" },
  verdict: "failed",
  manager: "systemd",
  profile: "default",
  throwaway: "rescue-watchdog-selftest-abc123.service",
  startedAt: "2026-11-21T14:00:00.000Z",
  tookMs: 5_120,
  interrupted: true,
  checks: [
    { ...check, found: "pid 12, alive", verdict: "proved" },
    {
      ...check,
      id: "argv",
      proves: "arguments arrive",
      expected: '["a b"]',
      found: '["a","b"]',
      verdict: "failed",
      raw: "● a unit\n\n  Active: active\n",
    },
    {
      ...check,
      id: "comes-back",
      proves: "it comes back",
      expected: "another process",
      found: "interrupted",
      verdict: "could not look",
      ms: 0,
    },
  ],
  leftBehind: [{ what: "pid 12 is alive", command: "ps -o pid,lstart,args -p 12" }],
  forAPerson: [{ what: "Look at it.", commands: ["look", "look again"] }],
};

describe("the report", () => {
  it("reads so", () => {
    expect(renderReport(REPORT)).toBe(`rescue-watchdog 0.1.0, selftest service: failed (interrupted)
1 proved, 1 failed, 1 could not be looked at

machine    linux 6.12.1, x64, node v24.21.0
manager    systemd, profile default, throwaway service rescue-watchdog-selftest-abc123.service
when       2026-11-21T14:00:00.000Z, 5120 ms

[proved] starts (41 ms): the manager starts it
    expected  a living process within 30 s
    found     pid 12, alive
[failed] argv (41 ms): arguments arrive
    expected  ["a b"]
    found     ["a","b"]
    | ● a unit
    |   Active: active
[could not look] comes-back (0 ms): it comes back
    expected  another process
    found     interrupted

LEFT BEHIND, to be removed by hand:
  pid 12 is alive
    ps -o pid,lstart,args -p 12

For a person; this program did none of it. Who has a watcher of his own: \`service uninstall\` below takes it away, install it again.
  1. Look at it.
       look
       look again
`);
  });

  it("is proved by nothing less than everything, and failed by what was left behind", () => {
    const [proved, failed, unseen] = REPORT.checks;
    const of = (checks: readonly (typeof proved)[]) => overall({ checks: checks.filter((each) => each !== undefined), leftBehind: [] });
    expect(of([proved])).toBe("proved");
    expect(of([proved, unseen])).toBe("could not look");
    expect(of([proved, unseen, failed])).toBe("failed");
    expect(of([])).toBe("could not look");
    expect(overall({ checks: [], leftBehind: REPORT.leftBehind })).toBe("failed");
  });

  it("names no home directory, on Unix or Windows, and leaves a longer namesake alone", () => {
    const [first] = REPORT.checks;
    const found = (text: string, home: string) =>
      first &&
      withoutHome({ ...REPORT, checks: [{ ...first, found: text, raw: text }], leftBehind: [{ what: text, command: text }] }, home);
    expect(found("/home/al/x '/home/al' /home/alice/y", "/home/al")).toMatchObject({
      checks: [{ found: "~/x '~' /home/alice/y", raw: "~/x '~' /home/alice/y" }],
      leftBehind: [{ what: "~/x '~' /home/alice/y", command: "~/x '~' /home/alice/y" }],
    });
    expect(found(String.raw`c:\users\AL\x`, String.raw`C:\Users\al`)).toMatchObject({ checks: [{ found: String.raw`~\x` }] });
    // argv is written as JSON, where a backslash is two.
    expect(found(JSON.stringify([String.raw`C:\Users\al\x`]), String.raw`C:\Users\al`)).toMatchObject({
      checks: [{ found: '["~\\\\x"]' }],
    });
    expect(found("/home/a.l/x /home/abl/x", "/home/a.l")).toMatchObject({ checks: [{ found: "~/x /home/abl/x" }] });
    expect(found("/root/x", "/")).toMatchObject({ checks: [{ found: "/root/x" }] });
  });

  it("has no environment from what launchctl prints", () => {
    const printed =
      "\tinherited environment = {\n\t\tSSH_AUTH_SOCK => /tmp/secret\n\t}\n\n\tpid = 12\n\tenvironment = {\n\t\tTOKEN => secret\n\t}\n";
    expect(withoutEnvironment(printed)).toBe("\tinherited environment = { … }\n\n\tpid = 12\n\tenvironment = { … }\n");
  });
});

describe("the throwaway service", () => {
  it("has arguments and paths that each manager's file can carry, and that come back out of it", () => {
    const spec = layOut(dir, "selftest-abc123");
    expect(readJobFile(renderAgent(spec)).argv).toEqual(spec.argv);
    const onWindows = { description: spec.description, user: "PC\\me", workingDirectory: String.raw`C:\Users\ü & co\it's` };
    const task = parseTask(renderTask({ ...onWindows, argv: [String.raw`C:\node.exe`, ...spec.argv.slice(1)] }));
    expect(splitCommandLine(task.arguments)).toEqual(spec.argv.slice(1));
    expect(renderSentinel(spec)).toContain(`WorkingDirectory=${realpathSync(dir)}/it's ü & 日本\n`);
    expect(spec.environment).toEqual({});
  });

  it("does not count a start that is being written", () => {
    const spec = layOut(dir, "selftest-abc123");
    const line = JSON.stringify({ pid: 5, cwd: "/", argv: [] });
    writeFileSync(join(spec.workingDirectory, "starts.jsonl"), `${line}\n${line.slice(0, 9)}`);
    expect(starts(spec)).toEqual([{ pid: 5, cwd: "/", argv: [] }]);
  });

  it("is looked for where each platform's installer puts it", () => {
    const at = { home: "/home/me", uid: 501 };
    expect(footprint("linux", "selftest-a", at).definition).toBe("/home/me/.config/systemd/user/rescue-watchdog-selftest-a.service");
    expect(footprint("darwin", "selftest-a", at).definition).toBe(
      "/home/me/Library/LaunchAgents/ai.openclaw.rescue-watchdog.selftest-a.plist",
    );
    expect(footprint("win32", "selftest-a", at)).toMatchObject({ title: "OpenClaw Rescue Watchdog (selftest-a)", definition: null });
    expect(() => footprint("freebsd", "selftest-a", at)).toThrow("services of freebsd are not supported");
  });

  it("is neither there nor away when the manager's answer says neither", () => {
    const has = (platform: NodeJS.Platform, exitCode: number | null, stdout = "") =>
      footprint(platform, "selftest-a", { home: "/home/me", uid: 501 }).has({ exitCode, stdout });
    expect([has("linux", 0, "LoadState=loaded\n"), has("linux", 0, "LoadState=not-found\n")]).toEqual([true, false]);
    expect([has("linux", 1), has("linux", 0, ""), has("darwin", 5), has("win32", null)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([has("darwin", 0), has("darwin", 113), has("darwin", 112), has("win32", 0), has("win32", 1)]).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });
});

describe("what is left to a person", () => {
  it.each(["linux", "darwin", "win32"] as const)("comes with commands that name the profile's own services (%s)", (platform) => {
    const list = forAPerson(platform, "work", { watcher: "WATCHER", gateway: "GATEWAY" });
    expect(list.every(({ commands }) => commands.length > 0)).toBe(true);
    const all = list.flatMap(({ commands }) => commands).join("\n");
    expect(all).toContain("rescue-watchdog service install --profile work");
    expect(all).toContain("WATCHER");
    expect(all).not.toMatch(/undefined|\$\{/);
  });

  it("warns before everything that touches the gateway", () => {
    for (const { what, commands } of forAPerson("win32", "work", { watcher: "WATCHER", gateway: "GATEWAY" })) {
      if (/\/End \/TN "GATEWAY"|taskkill/.test(commands.join("\n"))) expect(what).toMatch(/^(?:ENDS|STOPS) YOUR GATEWAY/);
    }
  });
});

describe("the command", () => {
  let said: string;
  const run = (words: readonly string[], values: Call["values"] = {}, json = false) => {
    said = "";
    const plain = (_: unknown, text: string) => text;
    const hear = (text: string): void => {
      said += text;
    };
    return selftestCommand.run({
      ...{ profile: "default", json, values, positionals: words, rest: [], home: join(dir, "home"), packageRoot: undefined },
      ...{ env: { PATH: join(dir, "bin"), HOME: join(dir, "home") }, style: plain, signal: new AbortController().signal },
      out: hear,
      err: hear,
    });
  };
  const managerThat = (script: string) => writeFileSync(join(dir, "bin", "systemctl"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  beforeEach(() => {
    for (const name of ["bin", "home"]) mkdirSync(join(dir, name));
  });

  it("takes only service, and without a terminal wants --yes, before it looks at anything", async () => {
    await expect(run([])).rejects.toMatchObject({ code: "usage", message: 'selftest takes service, not ""' });
    await expect(run(["gateway"], { yes: true })).rejects.toMatchObject({ code: "usage" });
    await expect(run(["service"])).rejects.toMatchObject({ code: "usage", fix: "rescue-watchdog selftest service --yes" });
  });

  it.runIf(process.platform === "linux")("says so where there is no service manager, and writes nothing", async () => {
    const report = join(dir, "report.json");
    for (const [values, json] of [
      [{ yes: true, report }, false],
      [{ report }, true],
    ] as const) {
      await expect(run(["service"], values, json)).rejects.toMatchObject({
        code: "service-control",
        message: expect.stringMatching(/no service manager/),
      });
    }
    expect(readdirSync(dir).sort()).toEqual(["bin", "home"]);
  });

  it.runIf(process.platform === "linux")("replaces no file, and installs nothing when the report cannot be written", async () => {
    managerThat(`echo "$*" >> ${join(dir, "asked")}`);
    const report = join(dir, "report.json");
    writeFileSync(report, "mine");
    await expect(run(["service"], { yes: true, report })).rejects.toMatchObject({ code: "usage", fix: "--report FILE, a new one" });
    await expect(run(["service"], { yes: true, report: join(dir, "none", "report.json") })).rejects.toMatchObject({ code: "usage" });
    expect(readdirSync(join(dir, "home"))).toEqual([]);
    expect(said).toContain("if this is killed meanwhile: systemctl --user disable --now rescue-watchdog-selftest-");
  });
});
