import { readValidation } from "../../src/shared/host-validation.ts";
import type { CommandResult } from "../../src/shared/run-command.ts";
import type { ConfigValidation } from "../core/findings.ts";
import { showable } from "./mask.ts";

/** What the host's validation means for a classification. Undefined when it could not answer: then nothing is known of the content. */
export function parseValidation(result: CommandResult): ConfigValidation | undefined {
  const answer = readValidation(result);
  if (answer === undefined) return undefined;
  const { valid, problems } = answer;
  const unknown = problems.flatMap(({ unknownKeys }) => unknownKeys);
  const onlyThose = !valid && unknown.length > 0 && problems.every(({ unknownKeys }) => unknownKeys.length > 0);
  return {
    valid,
    problems: problems.map(({ path, message }) => ({ path, message: showable(message) })),
    ...(onlyThose ? { onlyUnknownKeys: unknown } : {}),
  };
}
