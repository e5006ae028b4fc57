import { RescueError } from "../../shared/errors.ts";
import { hostCommand } from "../../shared/openclaw-home.ts";
import { runCommand } from "../../shared/run-command.ts";
import type { ManagedService } from "../installer.ts";
import { serviceNames } from "../names.ts";
import { parseDefinition } from "./definition.ts";
import { parseShow, SHOWN_PROPERTIES, type UnitLook } from "./show.ts";
import { complaintOf, managerEnv, resetFailed, systemctl, unitFailure } from "./systemctl.ts";

export interface SystemdOptions {
  readonly profile: string;
  /** Where `systemctl` is looked up and the account's manager is found; nothing of it reaches the gateway. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const SHOW_WITHIN_MS = 5_000;
/** The unit is `Type=simple`: its start is done as soon as the process exists. Only a starved machine needs seconds. */
const START_WITHIN_MS = 20_000;
/** For a unit without `TimeoutStopSec`: a call that never returns would be worse than one that gives up. */
const LONGEST_STOP_MS = 900_000;
/** A pending restart that comes within this time is left to come, so that our own does not hit the process it starts. */
const RETRY_SOON_MS = 1_000;

/**
 * Control over the gateway's unit of the account's own systemd, the one `openclaw gateway install` writes. A unit of the system's
 * manager is not looked for. `status` says `not-installed` when there is no unit; the other calls throw then.
 *
 * @throws RescueError `service-control`; its subclass NoUserManager when no manager runs for the account
 */
export function systemdControl({ profile, env }: SystemdOptions): ManagedService {
  const unit = serviceNames(profile).systemdUnit;

  const look = async (): Promise<UnitLook> => {
    const result = await systemctl(["show", unit, `--property=${SHOWN_PROPERTIES.join(",")}`], { env, timeoutMs: SHOW_WITHIN_MS });
    if (result.exitCode !== 0) throw failure("show", complaintOf(result));
    return parseShow(result.stdout);
  };

  const lookAtInstalled = async (): Promise<UnitLook> => {
    const seen = await look();
    if (seen.reading.state !== "not-installed") return seen;
    throw new RescueError("service-control", `${unit} is not installed`, { fix: hostCommand(profile, "gateway install") });
  };

  const order = async (verb: "start" | "stop" | "restart", timeoutMs: number): Promise<void> => {
    const result = await systemctl([verb, unit], { env, timeoutMs });
    if (result.exitCode !== 0) throw failure(verb, complaintOf(result));
  };

  /** Also clears the count of recent starts, which would refuse the next one. */
  const forgetFailures = () => resetFailed(unit, { env, timeoutMs: SHOW_WITHIN_MS });

  const failure = (verb: string, complaint: string) => unitFailure(verb, unit, complaint);

  return {
    manager: "systemd",
    name: unit,
    status: async () => (await look()).reading,

    async start() {
      const { reading, ending, stopWithinMs, retryAtMs } = await lookAtInstalled();
      if ((reading.state === "running" || reading.state === "starting") && !ending) return;
      await forgetFailures();
      // A start of a unit that is backing off only waits for the pause to end; a restart starts it at once.
      const atOnce = reading.state === "backing-off" && (retryAtMs ?? Number.POSITIVE_INFINITY) - monotonicMs() > RETRY_SOON_MS;
      await order(atOnce ? "restart" : "start", START_WITHIN_MS + (ending ? bounded(stopWithinMs) : 0));
    },

    async stop() {
      const { stopWithinMs } = await lookAtInstalled();
      await order("stop", START_WITHIN_MS + bounded(stopWithinMs));
    },

    async restart() {
      const { stopWithinMs } = await lookAtInstalled();
      await forgetFailures();
      await order("restart", START_WITHIN_MS + bounded(stopWithinMs));
    },

    async clearLatch() {
      await lookAtInstalled();
      await forgetFailures();
    },

    async kill(pid) {
      const { reading } = await lookAtInstalled();
      if (reading.mainPid !== pid) {
        throw new RescueError("refused", `${unit} runs ${reading.mainPid ?? "no process"} and not ${pid} any more; nothing was killed`);
      }
      const args = ["kill", "--signal=SIGKILL", "--kill-whom=main", unit];
      const result = await systemctl(args, { env, timeoutMs: SHOW_WITHIN_MS });
      if (result.exitCode !== 0) throw failure("kill", complaintOf(result));
    },

    async readDefinition() {
      if ((await look()).reading.state === "not-installed") return null;
      const asked = ["FragmentPath", "UnitFileState", "ExecStart", "Environment"];
      const result = await systemctl(["show", unit, `--property=${asked.join(",")}`], { env, timeoutMs: SHOW_WITHIN_MS });
      if (result.exitCode !== 0) throw failure("show", complaintOf(result));
      return parseDefinition(result.stdout);
    },

    async logs(lines, window) {
      const argv = ["journalctl", "--user", `--unit=${unit}`, `--lines=${lines}`, "--no-pager", "--quiet", "--output=short-iso"];
      if (window !== undefined) argv.push(`--since=@${Math.floor(window.fromMs / 1000)}`, `--until=@${Math.ceil(window.toMs / 1000)}`);
      const result = await runCommand(argv, { env: managerEnv(env), timeoutMs: SHOW_WITHIN_MS });
      if (result.exitCode !== 0) throw failure("journal", result.notStarted ?? complaintOf(result));
      return result.stdout.split("\n").filter((line) => line !== "");
    },
  };
}

function bounded(stopWithinMs: number): number {
  return Math.min(stopWithinMs, LONGEST_STOP_MS);
}

/** CLOCK_MONOTONIC, which is also what systemd's `…TimestampMonotonic` are. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
