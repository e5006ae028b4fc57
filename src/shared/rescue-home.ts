import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { RescueError } from "./errors.ts";

const MAX_PROFILE = 64;
const SUFFIX = "-rescue";
const HASH = 8;

/**
 * The profile that rescues `profile`: `rescue` for the default one, `NAME-rescue` otherwise. A name that would become longer than the
 * host's 64 characters is cut and made unique again by eight digits of its SHA-256.
 */
export function rescueProfileOf(profile: string): string {
  if (profile === "default") return "rescue";
  if (profile.length + SUFFIX.length <= MAX_PROFILE) return `${profile}${SUFFIX}`;
  const digits = createHash("sha256").update(profile).digest("hex").slice(0, HASH);
  return `${profile.slice(0, MAX_PROFILE - SUFFIX.length - HASH - 1)}-${digits}${SUFFIX}`;
}

/** Names that belong to rescue profiles: `rescue` and everything that ends in `-rescue`. */
export function isRescueName(profile: string): boolean {
  return profile === "rescue" || profile.endsWith(SUFFIX);
}

/** The profile that a rescue profile of this name rescues; undefined when the name is not a rescue profile's, or was cut. */
export function watchedBy(rescueProfile: string): string | undefined {
  if (rescueProfile === "rescue") return "default";
  return isRescueName(rescueProfile) && rescueProfile.length < MAX_PROFILE ? rescueProfile.slice(0, -SUFFIX.length) : undefined;
}

/** Our command, inside our package. */
export const OWN_COMMAND = join("dist", "plugin", "cli", "bin.js");

/** Where, inside a profile's state directory, everything of ours lies. */
export const WATCHDOG_DIR = "rescue-watchdog";

/** Where the watchdog of a profile keeps its state when no other profile of ours holds it. */
export function journalHome(profile: string, home: string): string {
  return join(home, ".local", "state", "rescue-watchdog", profile);
}

/**
 * Where the watchdog of `profile` keeps its journal, log and settings. One place per watched profile, whoever watches (the loop in the
 * other gateway, its cron job, `watch` in a terminal), because they share one state: inside the watching profile when setup made that before
 * anybody watched, so that removing it leaves nothing behind; else `~/.local/state/rescue-watchdog/PROFILE`. Not XDG_STATE_HOME: it is set in
 * a shell and not in a service, and two watchers with two journals would spend two budgets. RESCUE_WATCHDOG_STATE_DIR overrides all.
 */
export function watchdogDir(profile: string, home: string, env: NodeJS.ProcessEnv): string {
  const override = env["RESCUE_WATCHDOG_STATE_DIR"];
  if (override !== undefined && override !== "") {
    if (!isAbsolute(override)) throw new RescueError("usage", `RESCUE_WATCHDOG_STATE_DIR must be an absolute path, not ${override}`);
    return join(override, profile);
  }
  const own = journalHome(profile, home);
  // Once there is a journal it stays the one, whatever is set up later.
  if (existsSync(join(own, "journal.sqlite"))) return own;
  const watcher = isRescueName(profile) ? watchedBy(profile) : rescueProfileOf(profile);
  if (watcher !== undefined) {
    const inProfile = join(home, watcher === "default" ? ".openclaw" : `.openclaw-${watcher}`, WATCHDOG_DIR);
    if (existsSync(inProfile)) return inProfile;
  }
  return own;
}
