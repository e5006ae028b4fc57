import { runCommand } from "../../shared/run-command.ts";
import { WATCHDOG_SECONDS } from "./units.ts";

/** The word to systemd of a `Type=notify` service with `WatchdogSec`. */
export interface Notifier {
  /** Called as often as the loop moves; passes on a word when a fifth of the time has gone by since the last one. */
  beat(): void;
}

const SEND_MS = 5_000;
const SHARE = 5;

/**
 * Undefined when this process is no such service. A word costs one `systemd-notify` (12 ms): Node has no datagram socket of the kind that
 * NOTIFY_SOCKET is. The first beat also says that the service is up. `failed` hears when a word could not be given.
 */
export function systemdNotifier(
  env: Readonly<Record<string, string | undefined>>,
  failed: (why: string) => void,
  nowMs: () => number = () => performance.now(),
): Notifier | undefined {
  const socket = env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return undefined;
  const microseconds = Number(env["WATCHDOG_USEC"]);
  const everyMs = (microseconds > 0 ? microseconds / 1000 : WATCHDOG_SECONDS * 1000) / SHARE;
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    beat() {
      const now = nowMs();
      if (now - lastMs < everyMs) return;
      const words = lastMs === Number.NEGATIVE_INFINITY ? ["--ready", "WATCHDOG=1"] : ["WATCHDOG=1"];
      lastMs = now;
      const sent = runCommand(["systemd-notify", ...words], {
        env: { PATH: env["PATH"] ?? "/usr/bin:/bin", NOTIFY_SOCKET: socket },
        timeoutMs: SEND_MS,
      });
      sent.then(
        ({ exitCode, stderr, notStarted }) => exitCode === 0 || failed(notStarted ?? (stderr.trim() || `exit ${exitCode}`)),
        (error: unknown) => failed(String(error)),
      );
    },
  };
}
