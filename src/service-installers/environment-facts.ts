import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Reading } from "../../rescue-profile/core/model.ts";
import { messageOf, RescueError, systemErrorCode } from "../shared/errors.ts";
import { readIfThere } from "../shared/secure-file.ts";

type Env = Readonly<Record<string, string | undefined>>;

export interface RuntimeDir {
  readonly path: string;
  /** The owner's uid; null when there is no such directory. */
  readonly owner: Reading<number | null>;
}

/** What tells why the account's systemd does not answer. A part that could not be looked at says so, and decides nothing. */
export interface ManagerFacts {
  readonly uid: number;
  readonly account: Reading<string>;
  /** Who called `sudo`; `uid` is null when sudo did not say it. */
  readonly sudo: { readonly name: string; readonly uid: number | null } | null;
  /** What `XDG_RUNTIME_DIR` names, links resolved; null when it is not set. */
  readonly runtimeDir: RuntimeDir | null;
  /** `/run/user/UID`, which logind makes for a session and for linger. */
  readonly ownRuntimeDir: RuntimeDir;
  /** Whose runtime directory `DBUS_SESSION_BUS_ADDRESS` leads to, by its number; null when it leads to none. */
  readonly busUid: number | null;
  readonly linger: Reading<boolean>;
  /** The name of pid 1: `systemd`, `init`, `runit`, `tini`. */
  readonly init: Reading<string>;
  /** The kernel's release, which names Microsoft under WSL. */
  readonly kernel: Reading<string>;
  /** Whether `/etc/wsl.conf` asks for systemd. */
  readonly wslSystemd: Reading<boolean>;
  readonly container: Reading<boolean>;
  readonly ssh: boolean;
  readonly systemctl: boolean;
  /** The words with which `systemctl --user` failed; empty when it was not run. */
  readonly complaint: string;
}

/** The rest is written with escapes by systemd (`DOMAIN\name`, letters beyond ASCII), so its file would be looked for in vain. */
const PLAIN_ACCOUNT = /^[a-z0-9_][\w.@-]*\$?$/i;

/**
 * Looks at this process' account and machine; some ten small files. `root` is where those are: `/` outside of tests.
 * @throws RescueError `service-control` on a platform whose accounts have no numbers, which has no systemd either
 */
export function readManagerFacts(env: Env, complaint = "", root = "/"): ManagerFacts {
  const uid = process.getuid?.();
  if (uid === undefined) throw new RescueError("service-control", `${process.platform} has no systemd`);
  const account = look(() => userInfo().username);
  const at = (path: string) => join(root, path);
  const runtimePath = variable(env, "XDG_RUNTIME_DIR");
  return {
    uid,
    account,
    sudo: sudoCaller(env),
    runtimeDir: runtimePath === undefined ? null : runtimeDir(runtimePath),
    ownRuntimeDir: runtimeDir(at(`/run/user/${uid}`), `/run/user/${uid}`),
    busUid: wholeNumber(/\/run\/user\/(\d+)\//.exec(env["DBUS_SESSION_BUS_ADDRESS"] ?? "")?.[1]),
    linger: account.ok ? readLinger(account.value, at) : account,
    init: readInit(at),
    kernel: firstLine("/proc/sys/kernel/osrelease", at),
    wslSystemd: look(() => asksForSystemd(readIfThere(at("/etc/wsl.conf")) ?? "")),
    container: readContainer(env, at),
    ssh: variable(env, "SSH_CONNECTION") !== undefined,
    systemctl: isOnPath("systemctl", variable(env, "PATH") ?? "/usr/local/bin:/usr/bin:/bin"),
    complaint: complaint.trim(),
  };
}

/** A failure of the system is a fact here: a diagnosis that throws would hide the failure that it was to explain. */
function look<T>(read: () => T): Reading<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return { ok: false, why: messageOf(error) };
  }
}

type At = (path: string) => string;

const isThere = (path: string) => look(() => statSync(path, { throwIfNoEntry: false }) !== undefined);

function firstLine(path: string, at: At): Reading<string> {
  return look(() => readFileSync(at(path), "utf8").trim());
}

/** With `hidepid` pid 1 is hidden from other accounts; then systemd's own mark (sd_booted(3)) speaks for it, and nothing against it. */
function readInit(at: At): Reading<string> {
  const name = firstLine("/proc/1/comm", at);
  if (name.ok) return name;
  const mark = isThere(at("/run/systemd/system"));
  return mark.ok && mark.value ? { ok: true, value: "systemd" } : name;
}

function readLinger(account: string, at: At): Reading<boolean> {
  if (!PLAIN_ACCOUNT.test(account)) return { ok: false, why: `the file for ${JSON.stringify(account)} has an unknown name` };
  return isThere(at(`/var/lib/systemd/linger/${account}`));
}

/** Docker's and Podman's marks, the variable that systemd's container interface asks for, and Kubernetes, where containerd leaves no mark. */
function readContainer(env: Env, at: At): Reading<boolean> {
  if (variable(env, "container") !== undefined || variable(env, "KUBERNETES_SERVICE_HOST") !== undefined) return { ok: true, value: true };
  return look(() => ["/.dockerenv", "/run/.containerenv"].some((mark) => statSync(at(mark), { throwIfNoEntry: false }) !== undefined));
}

/** wsl.conf is an INI file; the last word counts. */
function asksForSystemd(text: string): boolean {
  let section = "";
  let asks = false;
  for (const line of text.split("\n").map((each) => each.trim().toLowerCase())) {
    section = /^\[(.*)\]$/.exec(line)?.[1]?.trim() ?? section;
    const value = /^systemd\s*=\s*(\w+)/.exec(line)?.[1];
    if (section === "boot" && value !== undefined) asks = value === "true";
  }
  return asks;
}

function runtimeDir(path: string, name?: string): RuntimeDir {
  const owner = look(() => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isDirectory() === true ? stat.uid : null;
  });
  const resolved = look(() => realpathSync(path));
  return { path: name ?? (resolved.ok ? resolved.value : path), owner };
}

function sudoCaller(env: Env): ManagerFacts["sudo"] {
  const name = variable(env, "SUDO_USER");
  return name === undefined ? null : { name, uid: wholeNumber(env["SUDO_UID"]) };
}

/** As execvp(3) looks: a directory that may not be searched is passed over. */
function isOnPath(program: string, path: string): boolean {
  return path.split(":").some((directory) => {
    if (directory === "") return false;
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "EACCES"].includes(systemErrorCode(error) ?? "")) return false;
      throw error;
    }
  });
}

function variable(env: Env, name: string): string | undefined {
  const text = env[name]?.trim();
  return text === "" ? undefined : text;
}

function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
