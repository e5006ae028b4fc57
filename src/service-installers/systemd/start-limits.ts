import { join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import { limitsFor } from "../../shared/start-limits.ts";
import { heading, type OwnFile } from "./own-file.ts";
import { userUnits } from "./units.ts";

/** After our own `50-rescue-watchdog.conf`, so that it has the last word. */
export const LIMITS_FILE = "60-rescue-watchdog-limits.conf";

const UNIT = /^[A-Za-z0-9_][A-Za-z0-9:_.@\\-]*\.service$/;

/**
 * A start limit and a pause for a unit of the account that has none: for a gateway the host's own values, for another service an operator's. When it is restarted at all
 * stays as the unit says. Pure. Throws `usage` for what is no name of a service.
 */
export function limitDropIn(home: string, profile: string, unit: string): OwnFile {
  if (!UNIT.test(unit)) throw new RescueError("usage", `${JSON.stringify(unit)} is no name of a service of systemd`);
  const { intervalSec, burst, restartSec } = limitsFor(unit);
  const limits = ["[Unit]", `StartLimitIntervalSec=${intervalSec}`, `StartLimitBurst=${burst}`];
  const lines = [heading(profile), ...limits, "", "[Service]", `RestartSec=${restartSec}`, ""];
  return { path: join(userUnits(home), `${unit}.d`, LIMITS_FILE), text: lines.join("\n") };
}
