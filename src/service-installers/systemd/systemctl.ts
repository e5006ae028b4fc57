import { statSync } from "node:fs";
import { RescueError, systemErrorCode } from "../../shared/errors.ts";
import { type CommandResult, runCommand } from "../../shared/run-command.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** There is no user service manager to ask: no systemd on this machine, or none that runs for this account. */
export class NoUserManager extends RescueError {}

/**
 * Runs `systemctl --user ARGS`, without a prompt, a pager, colours or translated messages. A non-zero exit is a result.
 * @throws NoUserManager when nobody answers · RescueError `service-control` when it hangs or cannot be run
 */
export async function systemctl(
  args: readonly string[],
  options: { readonly env: Env; readonly timeoutMs: number },
): Promise<CommandResult> {
  const command = ["systemctl", "--user", "--no-pager", "--no-ask-password", ...args];
  const result = await runCommand(command, { env: managerEnv(options.env), timeoutMs: options.timeoutMs, maxBytes: 65_536 });
  const asked = `systemctl --user ${args[0] ?? ""}`;
  const waitedS = Math.round(options.timeoutMs / 1000);
  if (result.notStarted === "ENOENT") throw new NoUserManager("service-control", "there is no systemctl here");
  if (result.notStarted !== undefined) throw new RescueError("service-control", `${asked} could not be run: ${result.notStarted}`);
  if (result.timedOut) {
    throw new RescueError("service-control", `${asked} did not end within ${waitedS} s; what it asked for may still happen`, {
      fix: "systemctl --user list-jobs",
    });
  }
  const complaint = complaintOf(result);
  if (result.exitCode !== 0 && /failed to connect to .*bus|not been booted with systemd/i.test(complaint)) {
    // Somebody else's bus, or one that we may not use, is not the same as none.
    const forbidden = /denied|not permitted/i.test(complaint);
    throw new (forbidden ? RescueError : NoUserManager)("service-control", `the user's systemd does not answer: ${complaint}`, {
      fix: "run this as the account that owns the gateway",
    });
  }
  return result;
}

/** What it wrote, as one line; its hints on where to look further are left to our own `fix`. */
export function complaintOf(result: CommandResult): string {
  const lines = (result.stderr.trim() || result.stdout.trim()).split("\n").filter((line) => !line.startsWith("See "));
  return lines.join(" ").trim() || `ended with ${result.exitCode ?? result.signal}`;
}

/**
 * Forgets the failures of a unit, and with them the count of its recent starts. One that is not in the manager's memory has none: an inactive unit that is
 * not enabled, or one whose file is gone. @throws RescueError `service-control`
 */
export async function resetFailed(unit: string, options: { readonly env: Env; readonly timeoutMs: number }): Promise<void> {
  const result = await systemctl(["reset-failed", unit], options);
  if (result.exitCode !== 0 && !result.stderr.includes("not loaded")) throw unitFailure("reset-failed", unit, complaintOf(result));
}

export function unitFailure(verb: string, unit: string, complaint: string): RescueError {
  return new RescueError("service-control", `systemctl --user ${verb} ${unit}: ${complaint}`, {
    fix: `journalctl --user -u ${unit} -n 50`,
  });
}

/**
 * The few variables systemctl needs. In cron jobs, `su` and containers the runtime directory is not set, though it exists
 * (`/run/user/UID`, logind's); the bus in it is found by systemctl itself.
 */
export function managerEnv(env: Env): Record<string, string> {
  const runtimeDir = nonBlank(env["XDG_RUNTIME_DIR"]) ?? runtimeDirOf(process.getuid?.());
  const bus = nonBlank(env["DBUS_SESSION_BUS_ADDRESS"]);
  return {
    PATH: nonBlank(env["PATH"]) ?? "/usr/local/bin:/usr/bin:/bin",
    LC_ALL: "C",
    SYSTEMD_COLORS: "0",
    ...(env["HOME"] === undefined ? {} : { HOME: env["HOME"] }),
    ...(runtimeDir === undefined ? {} : { XDG_RUNTIME_DIR: runtimeDir }),
    ...(bus === undefined ? {} : { DBUS_SESSION_BUS_ADDRESS: bus }),
  };
}

function runtimeDirOf(uid: number | undefined): string | undefined {
  if (uid === undefined) return undefined;
  const directory = `/run/user/${uid}`;
  try {
    return statSync(directory).isDirectory() ? directory : undefined;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new RescueError("service-control", `${directory} cannot be examined`, { cause: error });
  }
}

function nonBlank(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text;
}
