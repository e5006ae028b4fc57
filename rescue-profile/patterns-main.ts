import type { DatabaseSync } from "node:sqlite";
import { bestOf, interval } from "./diagnosis/experience.ts";
import { type Pattern, readPatterns } from "./journal/patterns.ts";

/** What one way of repairing has done about one cause, for people. */
export interface Experience extends Pick<Pattern, "cause" | "tier" | "actions" | "tried" | "worked" | "medianMs"> {
  /** Between these the share that works lies, at 95 %. */
  readonly share: { readonly low: number; readonly high: number };
  readonly lastAt: number;
  /** It is what would be proposed for its cause before anybody is asked. */
  readonly first: boolean;
}

/** By cause, what worked most often first. Reads only. */
export function readExperience(db: DatabaseSync): readonly Experience[] {
  const patterns = readPatterns(db);
  return patterns.map((pattern) => {
    const { cause, tier, actions, tried, worked, medianMs, lastWallMs } = pattern;
    const first = bestOf(patterns, cause) === pattern;
    return { cause, tier, actions, tried, worked, share: interval(pattern), medianMs, lastAt: lastWallMs, first };
  });
}
