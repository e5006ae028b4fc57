import { RescueError } from "../../shared/errors.ts";
import { runCommand } from "../../shared/run-command.ts";
import { complaintOf, managerEnv } from "./systemctl.ts";
import { parseTimeSpanMs } from "./time-span.ts";

/** How often and how fast systemd brings a unit back. `startLimitBurst` or `startLimitIntervalMs` 0: without a limit. */
export interface UnitLimits {
  readonly startLimitBurst: number;
  readonly startLimitIntervalMs: number;
  /** `always`, `on-failure`, `no`, … */
  readonly restart: string;
  readonly restartMs: number;
  /** By systemd itself, since it was loaded or reset. */
  readonly restarts: number;
  /** `active`, `failed`, `inactive`, … */
  readonly active: string;
  /** `loaded`, `masked`, or why it could not be loaded: `bad-setting`, `error`. */
  readonly load: string;
}

const PROPERTIES = ["LoadState", "ActiveState", "NRestarts", "Restart", "RestartUSec", "StartLimitBurst", "StartLimitIntervalUSec"];
const WITHIN_MS = 5_000;

/** A unit of the account's or of the system's manager; undefined: there is no such unit. @throws RescueError `service-control` when it cannot be asked */
export async function readUnit(
  name: string,
  scope: "user" | "system",
  env: Readonly<Record<string, string | undefined>>,
): Promise<UnitLimits | undefined> {
  const argv = [
    "systemctl",
    ...(scope === "user" ? ["--user"] : []),
    "--no-pager",
    "show",
    `--property=${PROPERTIES.join(",")}`,
    "--",
    name,
  ];
  const result = await runCommand(argv, { env: managerEnv(env), timeoutMs: WITHIN_MS, maxBytes: 65_536 });
  if (result.notStarted !== undefined || result.timedOut || result.exitCode !== 0) {
    throw new RescueError(
      "service-control",
      `systemctl show ${name}: ${result.notStarted ?? (result.timedOut ? "no answer" : complaintOf(result))}`,
    );
  }
  return parseUnit(result.stdout);
}

/** Pure. Undefined: systemd does not know it. */
export function parseUnit(text: string): UnitLimits | undefined {
  const properties = new Map(
    text.split("\n").map((line): [string, string] => [line.slice(0, Math.max(line.indexOf("="), 0)), line.slice(line.indexOf("=") + 1)]),
  );
  const load = properties.get("LoadState") ?? "not-found";
  if (load === "not-found") return undefined;
  const span = (name: string) => parseTimeSpanMs(properties.get(name) ?? "") ?? 0;
  return {
    startLimitBurst: Number(properties.get("StartLimitBurst") ?? 0),
    startLimitIntervalMs: span("StartLimitIntervalUSec"),
    restart: properties.get("Restart") ?? "no",
    restartMs: span("RestartUSec"),
    restarts: Number(properties.get("NRestarts") ?? 0),
    active: properties.get("ActiveState") ?? "unknown",
    load,
  };
}
