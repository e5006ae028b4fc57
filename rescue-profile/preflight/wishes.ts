import { RescueError } from "../../src/shared/errors.ts";

/** In the order in which failures are told. */
export const CHECKS = ["gateway", "pairing", "config", "disk"] as const;
export type CheckName = (typeof CHECKS)[number];

const DEFAULT_MIN_FREE_MB = 200;

export interface Wishes {
  /** Each once, at least one. */
  readonly checks: readonly CheckName[];
  /** Millions of bytes. */
  readonly minFreeMb: number;
}

/** The options as they were typed; undefined: not given. Throws `usage`: a check that was meant and not made would let the command run. */
export function parseWishes(given: { readonly checks: string | undefined; readonly minFreeMb: string | undefined }): Wishes {
  const checks = given.checks === undefined ? CHECKS : parseChecks(given.checks);
  if (given.minFreeMb === undefined) return { checks, minFreeMb: DEFAULT_MIN_FREE_MB };
  if (!checks.includes("disk")) throw new RescueError("usage", "--min-free-mb is for the check disk, which --checks leaves out");
  if (!/^\d{1,9}$/.test(given.minFreeMb)) {
    throw new RescueError("usage", `--min-free-mb wants a whole number of megabytes, not ${JSON.stringify(given.minFreeMb)}`);
  }
  return { checks, minFreeMb: Number(given.minFreeMb) };
}

function parseChecks(text: string): readonly CheckName[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !CHECKS.some((check) => check === name));
  if (unknown !== undefined) {
    throw new RescueError("usage", `--checks does not know ${JSON.stringify(unknown)}`, { fix: `choose from ${CHECKS.join(",")}` });
  }
  return CHECKS.filter((check) => names.includes(check));
}
