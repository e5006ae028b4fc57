import { isDeepStrictEqual } from "node:util";
import { backstopJob, findBackstop, reanchored } from "../../src/onboard/backstop.ts";
import { messageOf } from "../../src/shared/errors.ts";
import { asObject } from "../../src/shared/gateway-config.ts";
import type { Logger } from "./watching.ts";

/** The part of the host's scheduler that is used; its published types know only agent jobs. */
export interface Scheduler {
  list(options: { includeDisabled: boolean }): Promise<unknown>;
  add(job: object): Promise<unknown>;
  update(id: string, patch: object): Promise<unknown>;
}

const AGAIN_MS = 600_000;

/**
 * Keeps the backstop's cron job in the gateway that we run in: declared when it is missing (a profile that was made without a service gets it at
 * its first start), and given a new anchor when its next run lies absurdly far ahead. Looks now and every ten minutes; the returned function ends that.
 */
export function keepBackstop(
  scheduler: () => Scheduler | undefined,
  argv: readonly string[],
  logger: Logger,
  nowMs: () => number = Date.now,
): () => void {
  const look = async () => {
    try {
      const did = await mendBackstop(scheduler(), argv, nowMs());
      if (did !== undefined) logger.info(did);
    } catch (error) {
      // The host's scheduler may fail in any way; this gateway must live on, and it is tried again.
      logger.error(`the backstop's cron job could not be looked after: ${messageOf(error)}`);
    }
  };
  void look();
  const timer = setInterval(look, AGAIN_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Returns what was done, or undefined when nothing was to be done. */
export async function mendBackstop(scheduler: Scheduler | undefined, argv: readonly string[], nowMs: number): Promise<string | undefined> {
  if (scheduler === undefined) return undefined;
  const job = findBackstop(await scheduler.list({ includeDisabled: true }));
  // Also after an update of Node or of this package, when it would run what is not there any more.
  if (job === undefined || !isDeepStrictEqual(asObject(job["payload"])["argv"], argv)) {
    await scheduler.add(backstopJob(argv));
    return "the backstop's cron job was declared";
  }
  const mended = reanchored(job, nowMs);
  if (mended === undefined) return undefined;
  await scheduler.update(String(job["id"]), mended);
  return "the backstop's next run lay far ahead; it has a new anchor";
}
