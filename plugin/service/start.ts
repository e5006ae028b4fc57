import { messageOf } from "../../src/shared/errors.ts";
import { isRescueName } from "../../src/shared/rescue-home.ts";
import { keepBackstop, type Scheduler } from "./backstop.ts";
import { type Logger, startWatching, watchedProfile } from "./watching.ts";

export interface ServiceContext {
  readonly settings: unknown;
  readonly packageRoot: string | undefined;
  readonly logger: Logger;
  readonly scheduler: () => Scheduler | undefined;
}

/** What runs inside a gateway: the loop, and in a rescue gateway the care for its backstop. Returns at once; the returned function ends both. */
export function startService({ settings, packageRoot, logger, scheduler }: ServiceContext): () => Promise<void> {
  const stopWatching = startWatching(settings, logger, packageRoot);
  const primary = watchedProfile(settings);
  let stopBackstop: (() => void) | undefined;
  let stopped = false;
  if (primary !== undefined && packageRoot !== undefined && isRescueName(process.env["OPENCLAW_PROFILE"] ?? "default")) {
    import("../../rescue-profile/setup-main.ts").then(
      ({ tickArgv }) => {
        if (!stopped) stopBackstop = keepBackstop(scheduler, tickArgv(packageRoot, primary), logger);
      },
      (error: unknown) => logger.error(`the backstop's cron job is not looked after: ${messageOf(error)}`),
    );
  }
  return async () => {
    stopped = true;
    stopBackstop?.();
    await stopWatching();
  };
}
