import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mutantsOf } from "./mutate.ts";

describe("a mutant", () => {
  it("is made of every check of a file", () => {
    const source = 'export const f = (a: number) => {\n  if (a > 1 && a !== 5) return "x";\n  return /^b$/.test("c");\n};\n';
    expect(mutantsOf("f.ts", source).map(({ line, what }) => `${line}: ${what}`)).toEqual(
      [
        '2: if (a > 1 && a !== 5) return "x"; → {}',
        "2: && → ||",
        "2: > → >=",
        "2: > → <=",
        "2: !== → ===",
        "2: a > 1 && a !== 5 → !(a > 1 && a !== 5)",
        "2: 1 → (2)",
        "2: 1 → (0)",
        "2: 5 → (6)",
        "2: 5 → (4)",
        "3: /^b$/ → /b$/",
        "3: /^b$/ → /^b/",
      ].toSorted((a, b) => mutantOrder(source, a, b)),
    );
  });

  it("of the validator is one of hundreds", () => {
    const room = join(import.meta.dirname, "../../../rescue-profile/diagnosis");
    const count = ["judge", "script", "allowlist", "words", "plan-json"].map(
      (name) => mutantsOf(`${name}.ts`, readFileSync(join(room, `${name}.ts`), "utf8")).length,
    );
    expect(Math.min(...count)).toBeGreaterThan(20);
    expect(count.reduce((sum, each) => sum + each)).toBeGreaterThan(300);
  });
});

/** The order in which they are made is the visitor's, and does not matter. */
function mutantOrder(source: string, a: string, b: string): number {
  const made = mutantsOf("f.ts", source).map(({ line, what }) => `${line}: ${what}`);
  return made.indexOf(a) - made.indexOf(b);
}
