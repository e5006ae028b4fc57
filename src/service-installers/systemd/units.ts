import { join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import type { ServiceSpec } from "../installer.ts";
import { serviceNames } from "../names.ts";

/** The files of ours in the account's unit directory. None is one of the host's, so its own rewrites leave them alone. */
export interface OwnUnits {
  readonly sentinel: string;
  readonly wake: string;
  /** Directory and file of the drop-in for the gateway's unit. */
  readonly dropInDirectory: string;
  readonly dropIn: string;
}

/** Where the account's units lie; the host writes there too, and does not follow XDG_CONFIG_HOME. */
export function userUnits(home: string): string {
  return join(home, ".config", "systemd", "user");
}

export function ownUnits(profile: string): OwnUnits {
  return {
    sentinel: `rescue-watchdog-${profile}.service`,
    wake: `rescue-watchdog-wake-${profile}.service`,
    dropInDirectory: `${serviceNames(profile).systemdUnit}.d`,
    dropIn: "50-rescue-watchdog.conf",
  };
}

/** The loop says at least this often that it is alive; a busy machine is given five times that. */
export const WATCHDOG_SECONDS = 60;

/**
 * A watcher of its own: stands by for the loop in the rescue gateway, and is restarted by systemd when its own loop stops (`WatchdogSec`).
 * Only its main process is ended with it, since a repair that it started must outlive it. With a start limit: a service that
 * cannot start must not try for ever. Pure.
 */
export function renderSentinel(spec: ServiceSpec): string {
  return [
    "[Unit]",
    `Description=${line(spec.description)}`,
    "StartLimitIntervalSec=300",
    "StartLimitBurst=10",
    "",
    "[Service]",
    "Type=notify",
    // The word is given by systemd-notify, which is a child.
    "NotifyAccess=all",
    `ExecStart=${spec.argv.map(word).join(" ")}`,
    `WorkingDirectory=${path(spec.workingDirectory)}`,
    ...environment(spec),
    `WatchdogSec=${WATCHDOG_SECONDS}`,
    "Restart=always",
    "RestartSec=5",
    "TimeoutStopSec=20",
    "KillMode=process",
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}

/** One round of watching at once, when the gateway's unit has failed for good: with a loop it is woken, without one this is the watcher. Pure. */
export function renderWake(spec: ServiceSpec): string {
  return [
    "[Unit]",
    `Description=${line(spec.description)}`,
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${spec.argv.map(word).join(" ")}`,
    `WorkingDirectory=${path(spec.workingDirectory)}`,
    ...environment(spec),
    "TimeoutStartSec=180",
    "KillMode=process",
    "",
  ].join("\n");
}

/**
 * What the host's unit lacks. `OnFailure=` starts the wake-up when the manager has given up. `harden` adds the values on which an operator settled after 2,741
 * restarts in a row of a service that could not start; an exit with 0 stays a reason to start it again, because the host ends so to be
 * restarted, and an exit with 0 that nobody followed cost a user 19 hours (openclaw 70354). Pure.
 */
export function renderDropIn(profile: string, options: { readonly harden: boolean }): string {
  const limits = ["StartLimitIntervalSec=60", "StartLimitBurst=3"];
  const restart = ["", "[Service]", "Restart=on-failure", "RestartForceExitStatus=0", "RestartSec=10"];
  return [
    "# By rescue-watchdog; removed with: rescue-watchdog service uninstall",
    "[Unit]",
    `OnFailure=${ownUnits(profile).wake}`,
    ...(options.harden ? [...limits, ...restart] : []),
    "",
  ].join("\n");
}

function environment({ environment }: ServiceSpec): string[] {
  return Object.entries(environment).map(([name, value]) => `Environment=${word(`${name}=${value}`)}`);
}

/**
 * One word of a command line or an assignment: quoted, with systemd's own expansions (`%` specifiers, `$` variables) switched off.
 * Throws `usage` for a line break or a NUL, which no quoting carries.
 */
export function word(text: string): string {
  if (/[\0\n\r]/.test(text)) throw new RescueError("usage", `${JSON.stringify(text)} has a line break and cannot stand in a unit`);
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
}

/** Paths are taken as they stand, but for specifiers. */
function path(text: string): string {
  if (/[\0\n\r]/.test(text) || !text.startsWith("/"))
    throw new RescueError("usage", `${JSON.stringify(text)} is no absolute path for a unit`);
  return text.replaceAll("%", "%%");
}

/** A value of one line that is only shown. */
export function line(text: string): string {
  return text.replaceAll(/[\0\n\r]+/g, " ").replaceAll("%", "%%");
}
