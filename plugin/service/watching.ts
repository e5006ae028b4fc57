import { homedir } from "node:os";
import type { Watchdog, WatchdogOptions } from "../../rescue-profile/main.ts";
import { messageOf } from "../../src/shared/errors.ts";
import { isRescueName } from "../../src/shared/rescue-home.ts";

export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const RETRY_MS = 30_000;
/** How soon it is noticed that the plugin was taken out of the watched profile: one small file read. */
const CONSENT_MS = 5_000;

/**
 * Runs the loop in this gateway when its configuration names a profile to watch, as `openclaw rescue setup` writes it in the rescue
 * profile. Returns at once; the returned function ends the loop. A loop that fails (a journal that cannot be
 * written, a profile that is not there yet) is tried again, and says why each time the reason changes. Without a profile to watch it
 * says that nothing was set up: perhaps the flag of an onboarding was meant to, and the host did not load us.
 */
export function startWatching(settings: unknown, logger: Logger, packageRoot?: string): () => Promise<void> {
  const profile = watchedProfile(settings);
  if (profile === undefined) {
    logger.warn("no rescue gateway watches this profile yet: openclaw rescue setup");
    return () => Promise.resolve();
  }
  const abort = new AbortController();
  const running = keepWatching(profile, settings, logger, packageRoot, abort.signal);
  return async () => {
    abort.abort();
    await running;
  };
}

async function keepWatching(
  profile: string,
  settings: unknown,
  logger: Logger,
  packageRoot: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { isWithdrawn, openWatchdog, otherSide, sleep, yieldsTo } = await import("../../rescue-profile/main.ts");
  const withdrawn = () => isWithdrawn(profile, homedir());
  let lastReason = "";
  const say = (reason: string, level: "error" | "warn") => {
    if (reason !== lastReason) logger[level](`not watching profile ${profile}: ${reason}`);
    lastReason = reason;
  };
  while (!signal.aborted) {
    try {
      if (withdrawn()) {
        say("the plugin was disabled or uninstalled there; nothing is repaired until it is enabled again", "warn");
        await sleep(CONSENT_MS, signal);
        continue;
      }
      const dog = await openWatchdog({
        profile,
        home: homedir(),
        env: process.env,
        what: "plugin",
        fromPlugin: settings,
        packageRoot,
        ...(isRescueName(profile) ? asTheWatched(otherSide, yieldsTo) : {}),
      });
      lastReason = "";
      logger.info(`watching profile ${profile} on port ${dog.target.port}`);
      try {
        await watchWhileWanted(dog, withdrawn, logger, signal);
      } finally {
        dog.journal.close();
      }
    } catch (error) {
      say(messageOf(error), "error");
      await sleep(RETRY_MS, signal);
    }
  }
}

/** In the primary the same loop watches the rescue, may only restart it, and holds back while the rescue is at work on the primary itself. */
function asTheWatched(
  look: typeof import("../../rescue-profile/main.ts").otherSide,
  judge: typeof import("../../rescue-profile/main.ts").yieldsTo,
): Pick<WatchdogOptions, "overrides" | "hold"> {
  const own = process.env["OPENCLAW_PROFILE"] ?? "default";
  return { overrides: ["limits.maxTier=1"], hold: () => judge(look(own, homedir(), process.env)) };
}

async function watchWhileWanted(dog: Watchdog, withdrawn: () => boolean, logger: Logger, signal: AbortSignal): Promise<void> {
  const { watchForever } = await import("../../rescue-profile/main.ts");
  const { profile } = dog.options;
  const enough = new AbortController();
  const timer = setInterval(() => {
    if (!withdrawn()) return;
    dog.log({ event: "watch-withdrawn", level: "warn", details: `the plugin was disabled or uninstalled in profile ${profile}` });
    enough.abort();
  }, CONSENT_MS);
  try {
    await watchForever(dog, AbortSignal.any([signal, enough.signal]), (by) =>
      logger.info(`standing by: pid ${by.pid} (${by.what}) watches profile ${profile}`),
    );
  } finally {
    clearInterval(timer);
  }
}

/** The profile named in the plugin's configuration, or undefined. */
export function watchedProfile(settings: unknown): string | undefined {
  if (typeof settings !== "object" || settings === null || !("watchProfile" in settings)) return undefined;
  return typeof settings.watchProfile === "string" ? settings.watchProfile : undefined;
}
