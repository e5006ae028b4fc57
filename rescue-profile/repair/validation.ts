import { RescueError } from "../../src/shared/errors.ts";
import { readValidation } from "../../src/shared/host-validation.ts";
import type { Host } from "./mending.ts";

export interface Validation {
  readonly valid: boolean;
  /** In dots, empty for the root. The host's messages stay out of it: they may quote values. */
  readonly problemPaths: readonly string[];
  /** Full paths, in dots, of the keys that the host says it does not know. */
  readonly unknownKeys: readonly string[];
  /** They are all that the host finds wrong. */
  readonly onlyUnknownKeys: boolean;
}

/** 1 to 5 s on a quiet machine, 19 s on a busy one, more than 30 s on one that starves. */
export const VALIDATE_MS = 60_000;

/** What the host says of the configuration as it lies there now. Throws when it says nothing that can be understood: that is not "invalid". */
export async function validateConfig(host: Host): Promise<Validation> {
  const result = await host(["config", "validate", "--json"], { timeoutMs: VALIDATE_MS });
  const answer = readValidation(result);
  if (answer === undefined) {
    const why = result.notStarted ?? (result.timedOut ? "no answer in time" : `exit ${result.exitCode ?? result.signal}`);
    throw new RescueError("not-running", `the host's config validate did not answer: ${why}`, { fix: "openclaw config validate" });
  }
  const { valid, problems } = answer;
  return {
    valid,
    problemPaths: problems.map(({ path }) => path),
    unknownKeys: problems.flatMap(({ unknownKeys }) => unknownKeys),
    onlyUnknownKeys: problems.length > 0 && problems.every(({ unknownKeys }) => unknownKeys.length > 0),
  };
}
