import { tickArgv } from "../../src/onboard/backstop.ts";
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
  const isRescue = isRescueName(process.env["OPENCLAW_PROFILE"] ?? "default");
  const stopBackstop =
    primary === undefined || packageRoot === undefined || !isRescue
      ? undefined
      : keepBackstop(scheduler, tickArgv(packageRoot, primary), logger);
  return async () => {
    stopBackstop?.();
    await stopWatching();
  };
}
