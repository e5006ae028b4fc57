import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestOf, interval } from "../../rescue-profile/diagnosis/experience.ts";

const pattern = (
  name: string,
  tried: number,
  worked: number,
  more: { cause?: string; tier?: number; entries?: readonly string[] } = {},
) => ({
  name,
  cause: "config-invalid",
  tier: 3,
  tried,
  worked,
  entries: ["doctor-fix"],
  ...more,
});

describe("experience", () => {
  it("has Wilson's interval: never certain, narrower with more cases", () => {
    // By hand: 8 of 10 at 95 %.
    expect(interval({ tried: 10, worked: 8 }).low).toBeCloseTo(0.4902, 3);
    expect(interval({ tried: 10, worked: 8 }).high).toBeCloseTo(0.9433, 3);
    expect(interval({ tried: 1, worked: 1 }).low).toBeLessThan(0.3);
    expect(interval({ tried: 0, worked: 0 })).toEqual({ low: 0, high: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (tried, share) => {
        const worked = Math.round(tried * share);
        const { low, high } = interval({ tried, worked });
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(worked / tried + 1e-9);
        expect(high).toBeGreaterThanOrEqual(worked / tried - 1e-9);
        const more = interval({ tried: tried * 4, worked: worked * 4 });
        expect(more.high - more.low).toBeLessThan(high - low + 1e-9);
      }),
    );
  });

  it("is what surely worked most often for the same cause, and only a proposal that worked more often than not", () => {
    const known = [
      pattern("once", 1, 1),
      pattern("often", 20, 18),
      pattern("seldom", 40, 20),
      pattern("another", 90, 90, { cause: "x" }),
      pattern("own", 9, 9, { tier: 1 }),
      // As an older journal has it: nobody knows by which words.
      pattern("unsaid", 99, 99, { entries: [] }),
    ];
    expect(bestOf(known, "config-invalid")?.name).toBe("often");
    expect(bestOf(known.slice(2), "config-invalid")).toBeUndefined();
    expect(bestOf([], "config-invalid")).toBeUndefined();
  });
});
