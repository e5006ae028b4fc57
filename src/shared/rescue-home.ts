import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { RescueError } from "./errors.ts";

/** Profile that rescues `profile`: `rescue` for the default one, `NAME-rescue` otherwise. */
export function rescueProfileOf(profile: string): string {
  return profile === "default" ? "rescue" : `${profile}-rescue`;
}

/**
 * Where the watchdog of `profile` keeps its journal, log and settings. One place per watched profile, whoever watches (the loop in the
 * rescue gateway, its cron job, `watch` in a terminal), because they share one state: inside the rescue profile once that exists, so that
 * removing it leaves nothing behind; else `$XDG_STATE_HOME/rescue-watchdog/PROFILE`. RESCUE_WATCHDOG_STATE_DIR overrides both.
 */
export function watchdogDir(profile: string, home: string, env: NodeJS.ProcessEnv): string {
  const override = env["RESCUE_WATCHDOG_STATE_DIR"];
  if (override !== undefined && override !== "") {
    if (!isAbsolute(override)) throw new RescueError("usage", `RESCUE_WATCHDOG_STATE_DIR must be an absolute path, not ${override}`);
    return join(override, profile);
  }
  const inRescue = join(home, `.openclaw-${rescueProfileOf(profile)}`, "rescue-watchdog");
  if (existsSync(inRescue)) return inRescue;
  const xdg = env["XDG_STATE_HOME"];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(home, ".local", "state");
  return join(base, "rescue-watchdog", profile);
}

/** The profile that a rescue profile of this name rescues, or undefined when the name is not a rescue profile's. */
export function watchedBy(rescueProfile: string): string | undefined {
  if (rescueProfile === "rescue") return "default";
  return rescueProfile.endsWith("-rescue") ? rescueProfile.slice(0, -"-rescue".length) : undefined;
}
