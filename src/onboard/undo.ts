import { messageOf, RescueError } from "../shared/errors.ts";

/** What a run has made so far, and how it is taken back; in the order in which it was made. */
export type Undo = { readonly what: string; readonly take: () => Promise<void> }[];

/** Takes everything back, last first. The error says that, or lists what is still there with the command that removes it. */
export async function rolledBack(error: unknown, undo: Undo): Promise<RescueError> {
  const left: string[] = [];
  for (const { what, take } of [...undo].reverse()) {
    try {
      await take();
    } catch (failure) {
      left.push(`${what} (${messageOf(failure)})`);
    }
  }
  const known = error instanceof RescueError ? error : new RescueError("internal", messageOf(error), { cause: error });
  const after = left.length === 0 ? "what this run had made was taken back" : `still there: ${left.join("; ")}`;
  return new RescueError(known.code, `${known.message}; ${after}`, {
    ...(known.fix === undefined ? {} : { fix: known.fix }),
    cause: known,
  });
}
