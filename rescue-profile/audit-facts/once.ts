import { messageOf, RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import { unseen, within } from "../observe/reading.ts";

/** Looks when it is first asked, within `timeoutMs`, and gives the same answer from then on. What the machine refuses is "could not look"; a bug is thrown. */
export function once<T>(what: string, timeoutMs: number, look: () => Promise<Reading<T>> | Reading<T>): () => Promise<Reading<T>> {
  let answer: Promise<Reading<T>> | undefined;
  const careful = async (): Promise<Reading<T>> => {
    try {
      return await look();
    } catch (error) {
      if (error instanceof RescueError || systemErrorCode(error) !== undefined) return unseen(`${what}: ${messageOf(error)}`);
      throw error;
    }
  };
  return () => {
    answer ??= within(timeoutMs, what, careful);
    return answer;
  };
}
