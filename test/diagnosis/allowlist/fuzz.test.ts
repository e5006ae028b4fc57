import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { misread, SEEDS, tryOne } from "./fuzz.ts";
import { choicesFrom, choicesOf } from "./generate.ts";

const FULL = process.env["RESCUE_FULL"] === "1";
/** Fewer for each of many mutants (`mutate.ts`). */
const FEW = process.env["RESCUE_FUZZ"];
const SEEDED = FULL ? 1_000_000 : Number(FEW ?? 5_000);
const SHRUNK = FULL ? 50_000 : Number(FEW ?? 5_000);

describe("what is generated", () => {
  it(`from ${SEEDED} inputs of the kept seeds is accepted only when the oracle allows it`, { timeout: 1_200_000 }, () => {
    const wrong: string[] = [];
    let accepted = 0;
    for (const seed of SEEDS) {
      const choose = choicesFrom(seed);
      for (let at = 0; at < SEEDED / SEEDS.length; at += 1) {
        const outcome = tryOne(choose);
        if (outcome.accepted) accepted += 1;
        if (outcome.accepted !== outcome.allowed || outcome.stray.length > 0)
          wrong.push(`seed ${seed}, input ${at}: ${JSON.stringify(outcome)}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(accepted / SEEDED).toBeGreaterThan(0.1);
    expect(accepted / SEEDED).toBeLessThan(0.9);
  });

  it(`by ${SHRUNK} lists of choices is accepted only when the oracle allows it`, { timeout: 1_200_000 }, () => {
    const choices = fc.array(fc.nat({ max: 65_535 }), { maxLength: 80 });
    // fast-check prints the seed, and the shortest list of choices.
    fc.assert(
      fc.property(choices, (numbers) => {
        const { accepted, allowed, text, stray } = tryOne(choicesOf(numbers));
        expect({ accepted, stray }, text).toEqual({ accepted: allowed, stray: [] });
      }),
      { numRuns: SHRUNK },
    );
  });

  it.skipIf(FEW !== undefined)("and accepted is run by real shells as just the words that were judged", () => {
    const choose = choicesFrom(SEEDS[0] ?? 1);
    const scripts = Array.from({ length: 1_000 }, () => tryOne(choose)).flatMap(({ accepted, kind, text }) =>
      accepted && kind === "script" ? [text] : [],
    );
    expect(scripts.length).toBeGreaterThan(100);
    expect(misread("bash", scripts)).toEqual([]);
    if (process.platform === "linux") expect(misread("dash", scripts)).toEqual([]);
  });
});
