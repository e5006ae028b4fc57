import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentLabel, renderAgent } from "../../../src/service-installers/launchd/agent.ts";
import { launchdInstaller } from "../../../src/service-installers/launchd/install.ts";
import { fakeLaunchctl, golden } from "./fake-launchctl.ts";

// Unproven without a Mac: that launchd loads a 0600 file that was renamed into place, that the login-items notice of macOS 13 and later
// does no harm, and that the agent is there after the next login.

const LABEL = agentLabel("work");
let fake: ReturnType<typeof fakeLaunchctl>;
let plist: string;
let logs: string;

const installer = () => launchdInstaller({ env: fake.env, uid: 501, home: fake.home, patienceMs: 600 });
const spec = () => ({
  profile: "work",
  description: "Watches the gateway of profile work",
  argv: ["/bin/sh", "-c", "exit 0 # <&>"],
  environment: { A: '"b"' },
  workingDirectory: fake.home,
  logDirectory: logs,
});
const LOAD = [`bootstrap gui/501 ~/Library/LaunchAgents/${LABEL}.plist`, `kickstart gui/501/${LABEL}`];

beforeEach(() => {
  fake = fakeLaunchctl();
  plist = join(fake.agents, `${LABEL}.plist`);
  logs = join(fake.home, "logs");
});
afterEach(() => fake.remove());

describe("installing our agent", () => {
  it("writes it for this account alone, loads what it wrote, and starts it", async () => {
    expect(await installer().install(spec())).toEqual({ path: plist, changed: true });
    expect(readFileSync(plist, "utf8")).toBe(renderAgent(spec()));
    expect(fake.bootstrapped()).toBe(renderAgent(spec()));
    expect(statSync(plist).mode & 0o777).toBe(0o600);
    expect(statSync(logs).mode & 0o777).toBe(0o700);
    expect(fake.orders()).toEqual(LOAD);
  });

  it("leaves the directory as it was, and nothing else in it", async () => {
    chmodSync(fake.agents, 0o755);
    mkdirSync(join(fake.agents, `.${LABEL}.plist.new`), { mode: 0o700 });
    writeFileSync(join(fake.agents, `.${LABEL}.plist.new`, "left-by-a-crash"), "");
    await installer().install(spec());
    expect(readdirSync(fake.agents)).toEqual([`${LABEL}.plist`]);
    expect(statSync(fake.agents).mode & 0o777).toBe(0o755);
  });

  it("makes the directory on an account that never had an agent", async () => {
    rmSync(fake.agents, { recursive: true });
    await installer().install(spec());
    expect(existsSync(plist)).toBe(true);
  });

  it("does nothing when the same agent runs", async () => {
    await installer().install(spec());
    expect(await installer().install(spec())).toEqual({ path: plist, changed: false });
    expect(fake.orders()).toEqual(LOAD);
  });

  it("loads the same agent when it is not loaded", async () => {
    await installer().install(spec());
    fake.unloaded();
    expect(await installer().install(spec())).toEqual({ path: plist, changed: true });
    expect(fake.orders()).toEqual([...LOAD, ...LOAD]);
  });

  it("takes the old one out of launchd before it loads a changed one", async () => {
    await installer().install(spec());
    const changed = { ...spec(), argv: ["/bin/sh", "-c", "exit 1"] };
    await installer().install(changed);
    expect(fake.orders()).toEqual([...LOAD, `bootout gui/501/${LABEL}`, ...LOAD]);
    expect(fake.bootstrapped()).toBe(renderAgent(changed));
  });
});

describe("what our installer refuses", () => {
  const refused = (message: string) => expect.objectContaining({ code: "refused", message: expect.stringContaining(message) });

  it("does not load a file that somebody changed after it was written", async () => {
    fake.tampers(plist, "<plist/>");
    await expect(installer().install(spec())).rejects.toThrow(refused("it is not what was written"));
    // A file that launchd would take is not better, when it is another one.
    const theirs = renderAgent({ ...spec(), argv: ["/tmp/evil"] });
    fake.tampers(plist, theirs);
    await expect(installer().install(spec())).rejects.toThrow(refused("it is not what was written"));
    expect(fake.orders()).toEqual([]);
    expect(fake.isLoaded()).toBe(false);
  });

  it("does not write through a link, nor into a directory that others can write to", async () => {
    const target = join(fake.home, "target");
    writeFileSync(target, "theirs");
    symlinkSync(target, plist);
    await expect(installer().install(spec())).rejects.toThrow(refused("is no plain file"));
    expect(readFileSync(target, "utf8")).toBe("theirs");
    rmSync(plist);
    chmodSync(fake.agents, 0o775);
    await expect(installer().install(spec())).rejects.toThrow(refused("can be written by others"));
    rmSync(fake.agents, { recursive: true });
    mkdirSync(join(fake.home, "elsewhere"));
    symlinkSync(join(fake.home, "elsewhere"), fake.agents);
    await expect(installer().install(spec())).rejects.toThrow(refused("is a symbolic link"));
    expect(readdirSync(join(fake.home, "elsewhere"))).toEqual([]);
  });

  it("does not let launchd write its logs where others can", async () => {
    symlinkSync("/tmp", logs);
    await expect(installer().install(spec())).rejects.toThrow(refused(`${logs} is a symbolic link`));
    await expect(installer().install({ ...spec(), logDirectory: join(fake.home, "a", "b") })).rejects.toThrow(refused("ENOENT"));
    expect(existsSync(plist)).toBe(false);
  });

  it("does not install what somebody has disabled", async () => {
    fake.disabled(golden("disabled-15.txt").replaceAll("ai.openclaw.gateway", LABEL));
    await expect(installer().install(spec())).rejects.toThrow(
      expect.objectContaining({ fix: expect.stringContaining(`launchctl enable gui/501/${LABEL}`) }),
    );
    expect(existsSync(plist)).toBe(false);
    expect(fake.orders()).toEqual([]);
  });

  it("does not write what launchd would not take", async () => {
    await expect(installer().install({ ...spec(), argv: ["/bin/sh", "\u0000"] })).rejects.toThrow(refused("cannot carry"));
    expect(fake.asked()).toEqual([""]);
  });
});

describe("uninstalling our agent", () => {
  it("stops it and removes its file, its logs and what a crash left, and nothing else", async () => {
    await installer().install(spec());
    for (const name of [`${LABEL}.log`, `${LABEL}.err.log`, "other.log"]) writeFileSync(join(logs, name), "x");
    writeFileSync(join(fake.agents, "ai.openclaw.gateway.plist"), "");
    mkdirSync(join(fake.agents, `.${LABEL}.plist.new`));
    expect(await installer().uninstall("work")).toBe(true);
    expect(fake.isLoaded()).toBe(false);
    expect(readdirSync(fake.agents)).toEqual(["ai.openclaw.gateway.plist"]);
    expect(readdirSync(logs)).toEqual(["other.log"]);
    expect(await installer().uninstall("work")).toBe(false);
  });

  it("removes a file that is not understood, without believing it", async () => {
    writeFileSync(join(fake.home, `${LABEL}.log`), "keep");
    const theirs = renderAgent({ ...spec(), logDirectory: fake.home }).replace("Umask", "UserName");
    writeFileSync(plist, theirs);
    expect(await installer().uninstall("work")).toBe(true);
    expect(existsSync(plist)).toBe(false);
    expect(existsSync(join(fake.home, `${LABEL}.log`))).toBe(true);
  });

  it("keeps the file when launchd does not let go of the job", async () => {
    await installer().install(spec());
    fake.refuses("bootout", 1, "Boot-out failed: 1: Operation not permitted");
    await expect(installer().uninstall("work")).rejects.toThrow("Operation not permitted");
    expect(existsSync(plist)).toBe(true);
  });
});
