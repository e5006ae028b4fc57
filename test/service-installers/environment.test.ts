import { describe, expect, it } from "vitest";
import { diagnoseManager, lingerWarning } from "../../src/service-installers/environment.ts";
import type { ManagerFacts, RuntimeDir } from "../../src/service-installers/environment-facts.ts";

const is = <T>(value: T) => ({ ok: true as const, value });
const BLIND = { ok: false as const, why: "EACCES: permission denied" };
const directory = (path: string, owner: number | null): RuntimeDir => ({ path, owner: is(owner) });

/** A plain Linux with systemd on which alice is logged in and the manager is dead. Each row below changes what makes it odd. */
const ALICE: ManagerFacts = {
  uid: 1000,
  account: is("alice"),
  sudo: null,
  runtimeDir: directory("/run/user/1000", 1000),
  ownRuntimeDir: directory("/run/user/1000", 1000),
  busUid: null,
  linger: is(false),
  init: is("systemd"),
  kernel: is("6.1.0-13-amd64"),
  wslSystemd: is(false),
  container: is(false),
  ssh: false,
  systemctl: true,
  complaint: "Failed to connect to bus: No such file or directory",
};
const LOGGED_OUT: ManagerFacts = { ...ALICE, runtimeDir: null, ownRuntimeDir: directory("/run/user/1000", null) };
const ROOT: ManagerFacts = { ...LOGGED_OUT, uid: 0, account: is("root"), ownRuntimeDir: directory("/run/user/0", null) };
const BY_SUDO: ManagerFacts = { ...ROOT, sudo: { name: "alice", uid: 1000 } };
const WSL: ManagerFacts = { ...LOGGED_OUT, kernel: is("5.15.167.4-microsoft-standard-WSL2"), init: is("init") };
const SUPERVISE = "rescue-watchdog supervise -- openclaw gateway run";
const DENIED = "Failed to connect to bus: Permission denied";
const FROM_BOB = { runtimeDir: directory("/run/user/1001", 1001), complaint: DENIED };

describe("why no manager answers, and what mends it", () => {
  it.each<[string, ManagerFacts, string, string]>([
    ["a machine without systemctl", { ...LOGGED_OUT, systemctl: false, init: is("init") }, "has no systemctl", SUPERVISE],
    ["a container without systemctl", { ...ROOT, systemctl: false, init: is("sh"), container: is(true) }, "docs/containers.md", SUPERVISE],
    [
      "a container that sees the machine's own pid 1, and has no systemctl",
      { ...ROOT, systemctl: false, container: is(true) },
      "this container has no systemd",
      SUPERVISE,
    ],
    [
      "a PATH without systemctl where systemd runs",
      { ...ALICE, systemctl: false },
      "systemd runs here",
      "export PATH=$PATH:/usr/bin:/bin:/run/current-system/sw/bin",
    ],
    ["a container with systemctl and another pid 1", { ...ROOT, container: is(true), init: is("tini") }, "container", SUPERVISE],
    ["a container under WSL", { ...WSL, container: is(true) }, "this container runs without systemd", SUPERVISE],
    [
      "WSL without systemd",
      WSL,
      "this WSL runs without systemd",
      "put [boot] and below it systemd=true into /etc/wsl.conf, then in Windows: wsl --shutdown",
    ],
    ["WSL that was not restarted since", { ...WSL, wslSystemd: is(true) }, "asks for systemd", "in Windows: wsl --shutdown"],
    ["WSL 1", { ...WSL, kernel: is("4.4.0-19041-Microsoft") }, "WSL 1", "in Windows: wsl --set-version DISTRIBUTION 2 (names: wsl --list)"],
    [
      "WSL with systemd and a dead manager",
      { ...ALICE, kernel: WSL.kernel },
      "no user manager answers",
      "sudo systemctl start user@1000.service",
    ],
    [
      "another init, such as runit",
      { ...LOGGED_OUT, init: is("runit") },
      "not started by systemd (pid 1 is runit), so our supervisor has to be a service of its own init, run as alice",
      SUPERVISE,
    ],
    [
      "a hidden pid 1, when systemctl says what it is not",
      { ...LOGGED_OUT, init: BLIND, complaint: "System has not been booted with systemd as init system (PID 1). Can't operate." },
      "as systemctl says",
      SUPERVISE,
    ],
    [
      "sudo",
      BY_SUDO,
      "the account that called it, alice",
      "run it without sudo; from a root shell: sudo -H -u alice XDG_RUNTIME_DIR=/run/user/1000 COMMAND",
    ],
    [
      "sudo that kept its caller's runtime directory",
      { ...BY_SUDO, runtimeDir: directory("/run/user/1000", 1000) },
      "by sudo",
      "run it without sudo; from a root shell: sudo -H -u alice XDG_RUNTIME_DIR=/run/user/1000 COMMAND",
    ],
    [
      "sudo by an account of a domain, without its number",
      { ...BY_SUDO, sudo: { name: String.raw`CORP\alice`, uid: null } },
      String.raw`CORP\alice`,
      String.raw`run it without sudo; from a root shell: sudo -H -u 'CORP\alice' XDG_RUNTIME_DIR=/run/user/$(id -u 'CORP\alice') COMMAND`,
    ],
    ["sudo by root", { ...ROOT, sudo: { name: "root", uid: 0 } }, "root's own user manager", "loginctl enable-linger root"],
    [
      "sudo towards the account that is meant",
      { ...LOGGED_OUT, sudo: { name: "bob", uid: 1001 } },
      "no user manager runs for alice",
      "sudo loginctl enable-linger alice",
    ],
    [
      "su without -l, to an account whose manager runs",
      { ...ALICE, ...FROM_BOB },
      "belongs to user 1001, as after su without -l",
      "export XDG_RUNTIME_DIR=/run/user/1000",
    ],
    [
      "su without -l, to an account whose manager does not run",
      { ...LOGGED_OUT, ...FROM_BOB },
      "belongs to user 1001",
      "sudo loginctl enable-linger alice && export XDG_RUNTIME_DIR=/run/user/1000",
    ],
    [
      "su without -l to root",
      { ...ROOT, ...FROM_BOB, busUid: 1001 },
      "belongs to user 1001",
      "loginctl enable-linger root && export XDG_RUNTIME_DIR=/run/user/0; unset DBUS_SESSION_BUS_ADDRESS",
    ],
    [
      "only the bus of somebody else",
      { ...ALICE, runtimeDir: null, busUid: 1001, complaint: DENIED },
      "leads to the bus of user 1001",
      "export XDG_RUNTIME_DIR=/run/user/1000; unset DBUS_SESSION_BUS_ADDRESS",
    ],
    [
      "a runtime directory that is not there",
      { ...ALICE, runtimeDir: directory("/run/user/7", null) },
      "where nothing is, instead of /run/user/1000",
      "export XDG_RUNTIME_DIR=/run/user/1000",
    ],
    [
      "a runtime directory of one's own making",
      { ...ALICE, runtimeDir: directory("/mnt/wslg/runtime-dir", 1000) },
      "where no systemd listens",
      "export XDG_RUNTIME_DIR=/run/user/1000",
    ],
    [
      "a runtime directory behind a closed door",
      { ...ALICE, runtimeDir: { path: "/root/run", owner: BLIND } },
      "which user 1000 cannot look at",
      "export XDG_RUNTIME_DIR=/run/user/1000",
    ],
    ["root by itself", ROOT, "not logged in and linger is off", "loginctl enable-linger root"],
    ["root with linger", { ...ROOT, linger: is(true) }, "though linger is on", "systemctl start user@0.service"],
    [
      "root, logged in, with a dead manager",
      { ...ROOT, ownRuntimeDir: directory("/run/user/0", 0) },
      "no user manager answers",
      "systemctl start user@0.service",
    ],
    ["an account in cron", LOGGED_OUT, "it is not logged in (cron", "sudo loginctl enable-linger alice"],
    [
      "an SSH login without a session",
      { ...LOGGED_OUT, ssh: true },
      "this SSH login opened no session",
      "sudo loginctl enable-linger alice",
    ],
    [
      "an account without a name",
      { ...LOGGED_OUT, account: BLIND, linger: BLIND },
      "no user manager runs for 1000",
      "sudo loginctl enable-linger 1000",
    ],
    [
      "an account with linger and without a manager",
      { ...LOGGED_OUT, linger: is(true) },
      "linger is on for alice",
      "sudo systemctl start user@1000.service",
    ],
    [
      "a dead manager",
      ALICE,
      "/run/user/1000 is there, and no user manager answers in it (Failed to connect to bus: No such file",
      "sudo systemctl start user@1000.service",
    ],
    ["a bus of one's own that refuses", { ...ALICE, complaint: DENIED }, DENIED, "systemctl status user@1000.service"],
    [
      "a runtime directory that cannot be looked for",
      { ...ALICE, runtimeDir: null, ownRuntimeDir: { path: "/run/user/1000", owner: BLIND } },
      "cannot be seen from here",
      "systemctl status user@1000.service",
    ],
  ])("names %s", (_, facts, why, fix) => {
    const diagnosis = diagnoseManager(facts);
    expect(diagnosis.why).toContain(why);
    expect(diagnosis.fix).toBe(fix);
    expect(diagnosis.why).not.toMatch(/\.\s|\n|\.$/);
  });

  it("says the same whether or not the environment names the runtime directory that is there", () => {
    expect(diagnoseManager({ ...ALICE, runtimeDir: null })).toEqual(diagnoseManager(ALICE));
  });

  it("takes nothing for granted that could not be looked at", () => {
    const blind = { init: BLIND, kernel: BLIND, container: BLIND, wslSystemd: BLIND, linger: BLIND };
    expect(diagnoseManager({ ...ALICE, ...blind })).toEqual(diagnoseManager(ALICE));
  });

  it("names the profile's own gateway to supervise", () => {
    expect(diagnoseManager({ ...ROOT, systemctl: false, container: is(true) }, "rescue").fix).toBe(
      "rescue-watchdog supervise -- openclaw --profile rescue gateway run",
    );
  });
});

describe("a manager that works now", () => {
  it("goes on without a session when linger is on", () => {
    expect(lingerWarning({ ...ALICE, linger: is(true) })).toBeNull();
  });

  it("ends with the last session when linger is off", () => {
    expect(lingerWarning(ALICE)).toEqual({
      why: "linger is off for alice, so its services end with the last session and do not begin at boot",
      fix: "sudo loginctl enable-linger alice",
    });
    expect(lingerWarning({ ...ALICE, ssh: true })?.why).toContain("with this SSH login");
    expect(lingerWarning(ROOT)?.fix).toBe("loginctl enable-linger root");
  });

  it("is not said to linger when that could not be seen", () => {
    expect(lingerWarning({ ...ALICE, linger: BLIND })?.why).toContain("cannot be seen (EACCES: permission denied)");
  });
});
