import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type CommandResult, runCommand } from "../../src/shared/run-command.ts";

/** Where a box has the project: sources and node_modules, read-only. Never under /tmp: the host wants to move such a service away. */
export const PROJECT_IN_BOX = "/opt/rescue-watchdog";
/** The box's account is `svc`; the host refuses another HOME than the account's. */
export const HOME_IN_BOX = "/home/svc";

const SCRIPT = join(import.meta.dirname, "systemd-box.sh");
const PROJECT = dirname(dirname(import.meta.dirname));
const NODE_IN_BOX = "/opt/node";
const PATH_IN_BOX = [`${PROJECT_IN_BOX}/node_modules/.bin`, NODE_IN_BOX, "/usr/bin", "/bin"].join(":");
const BOUND = {
  ...Object.fromEntries(["src", "rescue-profile", "node_modules"].map((name) => [join(PROJECT, name), `${PROJECT_IN_BOX}/${name}`])),
  [dirname(process.execPath)]: NODE_IN_BOX,
};
/** Like the box's own PID 1 (systemd-box.sh): a root from outside would bring everything along, the right to set the real clock among it. */
const AS_ROOT = [
  "setpriv",
  "--bounding-set=-sys_time,-sys_module,-sys_rawio,-mknod,-sys_boot,-syslog,-sys_tty_config,-sys_resource",
  "--inh-caps=-all",
  ...["env", "-i", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-ec"],
];
const TOOLS = ["bash", "tail", "systemctl", "dbus-daemon", "ip", "unshare", "nsenter", "setpriv", "setsid", "useradd", "awk"];
const PACKAGES = "systemd dbus dbus-user-session libpam-systemd iproute2 util-linux";

export interface Box {
  /** The account's home directory as it is seen from outside. */
  readonly home: string;
  /** Runs a program inside as `svc`, in its home directory. A non-zero exit is a result. */
  run(argv: readonly string[], timeoutMs?: number): Promise<CommandResult>;
  /** The same, for its output: throws with all that it wrote when it did not end with 0. */
  output(argv: readonly string[], timeoutMs?: number): Promise<string>;
  /** Runs a shell script inside as root: of the box, without the rights that its isolation takes from its own systemd. Throws like `output`. */
  root(script: string, timeoutMs?: number): Promise<string>;
  /** Ends everything inside and removes it. Also done when the process that started the box dies. */
  stop(): Promise<void>;
}

/** Why no box can be started here, as a sentence, or undefined when one can. */
export function requireLab(): string | undefined {
  if (process.platform !== "linux") return "a systemd box needs Linux";
  if (process.getuid?.() !== 0) return "a systemd box needs root";
  if (!hasSysAdmin()) return "a systemd box needs the right to make namespaces and mounts (CAP_SYS_ADMIN)";
  if (!/\boverlay$/m.test(readFileSync("/proc/filesystems", "utf8"))) return "a systemd box needs overlayfs";
  const missing = TOOLS.filter((tool) => !onPath(tool));
  if (!existsSync("/lib/systemd/systemd")) missing.push("systemd");
  if (missing.length > 0) return `a systemd box needs ${missing.join(", ")}: apt-get install -y ${PACKAGES}`;
  for (const path of Object.keys(BOUND)) {
    if (/[\s:]/.test(path)) return `a systemd box cannot bind ${path}: it has a blank or a colon in its name`;
    if ((statSync(path).mode & 0o005) !== 0o005) return `a systemd box cannot use ${path}: other accounts may not read it`;
  }
  return objectionToCgroups();
}

/** Starts a box of its own, with a home directory that is empty, and further read-only binds (outside → inside). Throws when it does not come up, and leaves nothing then. */
export async function startBox(binds: Readonly<Record<string, string>> = {}): Promise<Box> {
  const directory = mkdtempSync(join(tmpdir(), "systemd-box-"));
  const guard = guardBox(directory);
  const script = (command: string, args: readonly string[], timeoutMs: number, more: Readonly<Record<string, string>> = {}) =>
    runCommand([SCRIPT, command, directory, ...args], {
      timeoutMs,
      env: {
        ...process.env,
        ...more,
        BOX_PATH: PATH_IN_BOX,
        BOX_BIND: Object.entries({ ...BOUND, ...binds })
          .map((pair) => pair.join(":"))
          .join(" "),
      },
    });
  const stop = async (): Promise<void> => {
    const stopped = await script("stop", [], 20_000);
    if (stopped.exitCode !== 0) throw new Error(`the box in ${directory} could not be stopped: ${stopped.stderr}`);
    rmSync(directory, { recursive: true, force: true });
    guard.dismiss();
  };
  const started = await script("start", [], 30_000);
  if (started.exitCode !== 0) {
    const log = existsSync(join(directory, "boot.log")) ? readFileSync(join(directory, "boot.log"), "utf8").slice(-4_000) : "";
    await stop();
    throw new Error(`the box did not start: ${started.stderr}\n${log}`);
  }
  const run = (argv: readonly string[], timeoutMs = 30_000) => script("exec", argv, timeoutMs);
  return {
    home: join(directory, "home"),
    run,
    output: async (argv, timeoutMs) => outputOf(argv, await run(argv, timeoutMs)),
    root: async (text, timeoutMs = 30_000) => outputOf([text], await script("exec", [...AS_ROOT, text], timeoutMs, { BOX_ROOT: "1" })),
    stop,
  };
}

function outputOf(argv: readonly string[], { exitCode, signal, timedOut, stdout, stderr }: CommandResult): string {
  if (exitCode === 0) return stdout;
  const ended = timedOut ? "did not end in time" : `ended with ${exitCode ?? signal}`;
  throw new Error(`${argv.join(" ")} ${ended}\n${stdout}\n${stderr}`);
}

/** A killed test worker runs no hooks. This waits for its end in a session of its own and then stops the box. */
function guardBox(directory: string): { dismiss(): void } {
  const text = 'tail --pid="$1" --follow /dev/null; "$2" stop "$3"; rm -rf -- "$3"';
  const guard = spawn("bash", ["-c", text, "box-guard", String(process.pid), SCRIPT, directory], { detached: true, stdio: "ignore" });
  guard.unref();
  return {
    dismiss() {
      if (guard.pid !== undefined && guard.exitCode === null) process.kill(-guard.pid, "SIGKILL");
    },
  };
}

/** The box gets a cgroup of its own below the root, which it must also be able to kill. */
function objectionToCgroups(): string | undefined {
  const mount = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, , type]) => type === "cgroup2");
  const root = mount?.[1];
  if (root === undefined) return "a systemd box needs a cgroup2 mount";
  if (mount?.[3]?.split(",").includes("ro") === true) return `a systemd box needs to write to ${root}, which is mounted read-only`;
  const leaf = join(root, `rescuelab-probe-${process.pid}`);
  mkdirSync(leaf);
  const killable = existsSync(join(leaf, "cgroup.kill"));
  rmdirSync(leaf);
  return killable ? undefined : "a systemd box needs cgroup.kill (Linux 5.14)";
}

function hasSysAdmin(): boolean {
  const CAP_SYS_ADMIN = 21n;
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

function onPath(tool: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
