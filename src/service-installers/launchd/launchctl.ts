import { RescueError } from "../../shared/errors.ts";
import { type CommandResult, runCommand } from "../../shared/run-command.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * What a launchctl that failed meant. launchd's codes above 106 are its own (`launchctl error`, and xpc_private.h of the open
 * re-implementation ProcursusTeam/launchctl: ENODOMAIN 112, ENOSERVICE 113), the rest are Darwin's errno.
 *
 * | code | text, as users posted it | meaning |
 * |---|---|---|
 * | 113 | Could not find service "L" in domain for user gui: 501 | no-job |
 * | 3 | Boot-out failed: 3: No such process · kill: No process to signal. | no-job |
 * | 112 | Could not find domain for user gui: 501 (no login at the screen; openclaw issue 8619) | no-domain |
 * | 125 | Bootstrap failed: 125: Domain does not support specified action (over SSH; openclaw issue 13794) | no-domain |
 * | 36, 37 | Operation now in progress · Operation already in progress (openclaw issue 41934) | in-progress |
 * | 5 | Bootstrap failed: 5: Input/output error: loaded already, being torn down, disabled or a bad plist (openclaw issue 136453) | unclear |
 * | 119 | Bootstrap failed: 119: Service is disabled (lima-vm/socket_vmnet) | disabled |
 */
export type Complaint = "no-job" | "no-domain" | "in-progress" | "unclear" | "disabled" | "other";

/** The text decides where there is one: 113 has been seen with a missing domain too. Pure. */
export function complaintKind({ exitCode, stderr, stdout }: Pick<CommandResult, "exitCode" | "stderr" | "stdout">): Complaint {
  const text = `${stderr}\n${stdout}`.toLowerCase();
  if (text.includes("could not find domain") || text.includes("domain does not support specified action")) return "no-domain";
  if (text.includes("could not find service") || text.includes("no such process") || text.includes("no process to signal")) return "no-job";
  switch (exitCode) {
    case 3:
    case 113:
      return "no-job";
    case 112:
    case 125:
      return "no-domain";
    case 36:
    case 37:
      return "in-progress";
    case 5:
      return "unclear";
    case 119:
      return "disabled";
    default:
      return "other";
  }
}

/**
 * Runs `launchctl ARGS`, which has no prompt and no options for output. A non-zero exit is a result.
 * @throws RescueError `service-control` when it hangs (seen on macOS 15 with `kickstart -k`) or cannot be run
 */
export async function launchctl(
  args: readonly string[],
  options: { readonly env: Env; readonly timeoutMs: number },
): Promise<CommandResult> {
  const result = await runCommand(["launchctl", ...args], { env: ownEnv(options.env), timeoutMs: options.timeoutMs, maxBytes: 262_144 });
  const asked = `launchctl ${args.join(" ")}`;
  if (result.notStarted !== undefined) throw new RescueError("service-control", `${asked} could not be run: ${result.notStarted}`);
  if (result.timedOut) {
    const waitedS = Math.round(options.timeoutMs / 1000);
    throw new RescueError("service-control", `${asked} did not end within ${waitedS} s; what it asked for may still happen`);
  }
  if (result.truncated) throw new RescueError("service-control", `${asked} said more than can be read`);
  return result;
}

/** What it wrote, as one line, without its advice to become root. */
export function complaintOf(result: CommandResult): string {
  const lines = (result.stderr.trim() || result.stdout.trim()).split("\n").filter((line) => !/^Try re-?running /i.test(line));
  return lines.join(" ").trim() || `ended with ${result.exitCode ?? result.signal}`;
}

/** Nothing of the gateway's environment: launchctl needs none, and a job takes its own from the plist. */
function ownEnv(env: Env): Record<string, string> {
  return {
    PATH: env["PATH"]?.trim() || "/usr/bin:/bin:/usr/sbin:/sbin",
    LC_ALL: "C",
    ...(env["HOME"] === undefined ? {} : { HOME: env["HOME"] }),
  };
}
