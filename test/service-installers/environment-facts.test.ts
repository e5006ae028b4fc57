import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diagnoseManager } from "../../src/service-installers/environment.ts";
import { type ManagerFacts, readManagerFacts } from "../../src/service-installers/environment-facts.ts";

const NOBODY = 65_534;
const UID = process.getuid?.() ?? 0;
const NAME = userInfo().username;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "environment-test-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function place(path: string, text = ""): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}
const read = (env: Readonly<Record<string, string>> = {}, complaint = "") => readManagerFacts(env, complaint, root);

describe("the facts about a machine", () => {
  it("are those of files as systemd, WSL and containers leave them", () => {
    place("proc/1/comm", "systemd\n");
    place("proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n");
    place("etc/wsl.conf", "[network]\r\nsystemd=true\r\n# [boot]\r\n[ Boot ]\r\n  Systemd = True\r\n");
    place(`var/lib/systemd/linger/${NAME}`);
    place("run/.containerenv");
    mkdirSync(join(root, `run/user/${UID}`), { recursive: true });
    expect(read()).toMatchObject({
      uid: UID,
      account: { ok: true, value: NAME },
      init: { ok: true, value: "systemd" },
      kernel: { ok: true, value: "5.15.167.4-microsoft-standard-WSL2" },
      wslSystemd: { ok: true, value: true },
      linger: { ok: true, value: true },
      container: { ok: true, value: true },
      ownRuntimeDir: { path: `/run/user/${UID}`, owner: { ok: true, value: UID } },
    });
  });

  it("are empty where nothing is, which is not the same as that nobody could look", () => {
    expect(read()).toMatchObject({
      init: { ok: false, why: expect.stringContaining("ENOENT") },
      kernel: { ok: false },
      wslSystemd: { ok: true, value: false },
      linger: { ok: true, value: false },
      container: { ok: true, value: false },
      ownRuntimeDir: { owner: { ok: true, value: null } },
    });
  });

  it.each([
    ["[boot]\nsystemd=false\n", false],
    ["[boot]\nsystemd=true\nsystemd=false\n", false],
    ["[boot]\ncommand=service x start\n", false],
    ["systemd=true\n", false],
    ["#[boot]\n#systemd=true\n", false],
    ["[boot]\nsystemd=true # needed\n", true],
  ])("take %j in wsl.conf as systemd=%s", (text, wanted) => {
    place("etc/wsl.conf", text);
    expect(read().wslSystemd).toEqual({ ok: true, value: wanted });
  });

  it("let systemd's mark speak for a pid 1 that is hidden", () => {
    mkdirSync(join(root, "run/systemd/system"), { recursive: true });
    expect(read().init).toEqual({ ok: true, value: "systemd" });
  });

  it.each([{ container: "lxc" }, { KUBERNETES_SERVICE_HOST: "10.0.0.1" }])("know a container by %j", (env) => {
    expect(read(env).container).toEqual({ ok: true, value: true });
  });
});

describe("the facts of an environment", () => {
  it("are who called sudo, over which line, and what systemctl said", () => {
    const env = { SUDO_USER: "alice", SUDO_UID: "1000", SSH_CONNECTION: "10.0.0.2 51000 10.0.0.1 22" };
    expect(read(env, " Failed\n")).toMatchObject({ sudo: { name: "alice", uid: 1000 }, ssh: true, complaint: "Failed" });
    expect(read({ SUDO_USER: "alice", SUDO_UID: "-1" }).sudo).toEqual({ name: "alice", uid: null });
    expect(read({ SUDO_USER: " ", XDG_RUNTIME_DIR: "" })).toMatchObject({ sudo: null, runtimeDir: null, ssh: false, busUid: null });
  });

  it("see through links and slashes to where the runtime directory is", () => {
    mkdirSync(join(root, "run"));
    symlinkSync(join(root, "run"), join(root, "link"));
    expect(read({ XDG_RUNTIME_DIR: `${root}/link/` }).runtimeDir).toEqual({ path: join(root, "run"), owner: { ok: true, value: UID } });
    expect(read({ XDG_RUNTIME_DIR: `${root}/none` }).runtimeDir).toEqual({ path: `${root}/none`, owner: { ok: true, value: null } });
  });

  it("are whose bus the address leads to", () => {
    expect(read({ DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/user/1001/bus,guid=ab" }).busUid).toBe(1001);
    expect(read({ DBUS_SESSION_BUS_ADDRESS: "unix:abstract=/tmp/dbus-x" }).busUid).toBeNull();
  });

  it("find systemctl on PATH only where it can be run", () => {
    const systemctl = place("bin/systemctl", "#!/bin/sh\n");
    const onPath = () => read({ PATH: `:${root}/none:${systemctl}:${root}/bin` }).systemctl;
    chmodSync(systemctl, 0o644);
    expect(onPath()).toBe(false);
    chmodSync(systemctl, 0o755);
    expect(onPath()).toBe(true);
  });
});

describe("this machine", () => {
  it.skipIf(process.platform !== "linux")("can be looked at, and its diagnosis is a sentence with a command", () => {
    const facts = readManagerFacts(process.env);
    expect(facts.init).toEqual({ ok: true, value: readFileSync("/proc/1/comm", "utf8").trim() });
    expect(facts.kernel.ok && facts.linger.ok && facts.container.ok && facts.ownRuntimeDir.owner.ok).toBe(true);
    const diagnosis = diagnoseManager(facts);
    expect(diagnosis.why).not.toBe("");
    expect(diagnosis.fix).toMatch(/rescue-watchdog|loginctl|systemctl|export|sudo|wsl/);
  });
});

describe.skipIf(UID !== 0)("what another account may not look at", () => {
  const MODULE = pathToFileURL(join(import.meta.dirname, "../../src/service-installers/environment-facts.ts")).href;
  const CALLER = `const { readManagerFacts } = await import(${JSON.stringify(MODULE)});
    console.log(JSON.stringify(readManagerFacts(process.env, "", process.argv[1])));`;

  /** Reads as `uid`, which needs no right of its own but to pass through the root directory. */
  function readAs(uid: number, env: Readonly<Record<string, string>> = {}): ManagerFacts {
    chmodSync(root, 0o755);
    const argv = ["--input-type=module", "-e", CALLER, root];
    return JSON.parse(execFileSync(process.execPath, argv, { uid, gid: uid, env: { ...env, PATH: "/usr/bin:/bin" }, encoding: "utf8" }));
  }

  it("is said to be out of sight, and the rest is read", () => {
    chmodSync(place("etc/wsl.conf", "[boot]\nsystemd=true\n"), 0o600);
    place("var/lib/systemd/linger/nobody");
    chmodSync(join(root, "var/lib/systemd"), 0o700);
    place("proc/1/comm", "init\n");
    chmodSync(join(root, "proc/1"), 0o700);
    expect(readAs(NOBODY)).toMatchObject({
      uid: NOBODY,
      account: { ok: true, value: "nobody" },
      wslSystemd: { ok: false, why: expect.stringContaining("EACCES") },
      linger: { ok: false, why: expect.stringContaining("EACCES") },
      init: { ok: false, why: expect.stringContaining("EACCES") },
      container: { ok: true, value: false },
    });
  });

  it("tells whose a runtime directory is that it may not enter, and that it cannot tell behind a closed door", () => {
    const own = join(root, `run/user/${NOBODY}`);
    const other = join(root, "run/user/0");
    for (const [directory, owner] of [
      [own, NOBODY],
      [other, 0],
    ] as const) {
      mkdirSync(directory, { recursive: true });
      chmodSync(directory, 0o700);
      chownSync(directory, owner, owner);
    }
    expect(readAs(NOBODY, { XDG_RUNTIME_DIR: other })).toMatchObject({
      runtimeDir: { path: other, owner: { ok: true, value: 0 } },
      ownRuntimeDir: { path: `/run/user/${NOBODY}`, owner: { ok: true, value: NOBODY } },
    });
    expect(readAs(NOBODY, { XDG_RUNTIME_DIR: join(other, "inside") }).runtimeDir?.owner).toMatchObject({
      ok: false,
      why: expect.stringContaining("EACCES"),
    });
  });

  it("has an account that is only a number, whose linger file cannot be named", () => {
    const facts = readAs(54_321);
    expect(facts).toMatchObject({ account: { ok: false }, linger: { ok: false } });
    expect(diagnoseManager({ ...facts, init: { ok: true, value: "systemd" }, systemctl: true }).fix).toBe(
      "sudo loginctl enable-linger 54321",
    );
  });
});
