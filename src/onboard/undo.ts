import { messageOf, RescueError } from "../shared/errors.ts";

/** What a run has made so far, and how it is taken back; in the order in which it was made. `take` is absent for what only a person can. */
export type Undo = { readonly what: string; readonly take?: () => Promise<void> }[];

/**
 * Takes everything back, last first. The error says that, or lists what is still there with the command that removes it. What cannot be taken back
 * ends it: below it lies what that still needs (the directory of a service that could not be removed).
 */
export async function rolledBack(error: unknown, undo: Undo): Promise<RescueError> {
  const left: string[] = [];
  let stopped = false;
  for (const { what, take } of [...undo].reverse()) {
    if (take === undefined || stopped) {
      left.push(what);
      continue;
    }
    try {
      await take();
    } catch (failure) {
      left.push(`${what} (${messageOf(failure)})`);
      stopped = true;
    }
  }
  return withWord(error, left.length === 0 ? "what this run had made was taken back" : `still there: ${left.join("; ")}`);
}

/** The same failure with a further half-sentence on what became of the run. */
export function withWord(error: unknown, after: string): RescueError {
  const known = error instanceof RescueError ? error : new RescueError("internal", messageOf(error), { cause: error });
  return new RescueError(known.code, `${known.message}; ${after}`, {
    ...(known.fix === undefined ? {} : { fix: known.fix }),
    cause: known,
  });
}
