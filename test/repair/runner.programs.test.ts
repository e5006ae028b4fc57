import { describe, it } from "vitest";
import { expectSameEverywhere, NATURES } from "./world.ts";

/** Every how manieth point is tried for a second death; all pairs of points would take a minute. */
const SECOND_DEATHS = process.env["RESCUE_FULL"] === "1" ? 2 : 13;

describe("a repair whose runner is killed once or twice, at whichever points,", () => {
  for (const [what, cause, nature, effects] of NATURES) {
    it(`does exactly what was planned for ${what}`, async () => {
      await expectSameEverywhere(cause, nature, effects, (points) => points.filter(([at]) => at % SECOND_DEATHS === 1));
    }, 300_000);
  }
});
