import { homedir } from "node:os";
import { messageOf } from "../../src/shared/errors.ts";

interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const RETRY_MS = 30_000;

/**
 * Runs the loop in this gateway when its configuration names a profile to watch, as `openclaw rescue setup` writes it in the rescue
 * profile; elsewhere does nothing. Returns at once; the returned function ends the loop. A loop that fails (a journal that cannot be
 * written, a profile that is not there yet) is tried again, and says why each time the reason changes.
 */
export function startWatching(settings: unknown, logger: Logger, packageRoot?: string): () => Promise<void> {
  const profile = watchedProfile(settings);
  if (profile === undefined) return () => Promise.resolve();
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
  const { openWatchdog, sleep, watchForever } = await import("../../rescue-profile/main.ts");
  let lastReason = "";
  while (!signal.aborted) {
    try {
      const dog = await openWatchdog({ profile, home: homedir(), env: process.env, what: "plugin", fromPlugin: settings, packageRoot });
      logger.info(`watching profile ${profile} on port ${dog.target.port}`);
      try {
        await watchForever(dog, signal, (by) => logger.info(`standing by: pid ${by.pid} (${by.what}) watches profile ${profile}`));
      } finally {
        dog.journal.close();
      }
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== lastReason) logger.error(`not watching profile ${profile}: ${reason}`);
      lastReason = reason;
      await sleep(RETRY_MS, signal);
    }
  }
}

/** The profile named in the plugin's configuration, or undefined. */
export function watchedProfile(settings: unknown): string | undefined {
  if (typeof settings !== "object" || settings === null || !("watchProfile" in settings)) return undefined;
  return typeof settings.watchProfile === "string" ? settings.watchProfile : undefined;
}
