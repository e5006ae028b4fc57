import { isDeepStrictEqual } from "node:util";

/**
 * What our tests use of vitest, in one process and without its start of a second, for `mutate.ts`. A matcher that is too strict shows at once, because the tests must pass
 * before the first mutant; one that is too lenient can only let a mutant survive.
 */
interface Test {
  readonly name: string;
  readonly run: () => unknown;
}

let tests: Test[] = [];

/** Runs what the test files have registered, until the first failure, and forgets it. Resolves to the name of the test that failed. */
export async function runTests(): Promise<string | undefined> {
  const mine = tests;
  tests = [];
  for (const { name, run } of mine) {
    try {
      await run();
    } catch (error) {
      return `${name}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return undefined;
}

type Body = () => unknown;

function add(name: string, ...rest: readonly unknown[]): void {
  const run = rest.at(-1);
  if (typeof run === "function") tests.push({ name, run: () => run() });
}

/** @public The tests import it as vitest's. */
export const it = Object.assign(add, {
  skipIf: (skipped: boolean) => (skipped ? () => undefined : add),
  runIf: (wanted: boolean) => (wanted ? add : () => undefined),
});

/** @public The same. */
export const describe = Object.assign((_: string, body: Body) => void body(), {
  each:
    <T>(rows: readonly T[]) =>
    (_: string, body: (row: T) => unknown) => {
      for (const row of rows) body(row);
    },
});

class Like {
  readonly fits: (value: unknown) => boolean;
  constructor(fits: (value: unknown) => boolean) {
    this.fits = fits;
  }
}

/** `part`: the value may have more keys. Undefined is as good as not there. */
function same(value: unknown, expected: unknown, part = false): boolean {
  if (expected instanceof Like) return expected.fits(value);
  if (typeof expected !== "object" || expected === null || expected instanceof Set) return isDeepStrictEqual(value, expected);
  if (typeof value !== "object" || value === null || Array.isArray(value) !== Array.isArray(expected)) return false;
  if (Array.isArray(expected) && Array.isArray(value) && value.length !== expected.length) return false;
  const keys = new Set([...Object.keys(expected), ...(part ? [] : Object.keys(value))]);
  return [...keys].every((key) => same(Reflect.get(value, key), Reflect.get(expected, key), part));
}

function thrown(work: unknown): unknown {
  try {
    if (typeof work === "function") work();
  } catch (error) {
    return error;
  }
  return undefined;
}

const MATCHERS: Readonly<Record<string, (value: unknown, expected: unknown) => boolean>> = {
  toBe: Object.is,
  toEqual: (value, expected) => same(value, expected),
  toMatchObject: (value, expected) => same(value, expected, true),
  toMatch: (value, expected) => expected instanceof RegExp && expected.test(String(value)),
  toContain: (value, expected) =>
    typeof value === "string"
      ? value.includes(String(expected))
      : (value instanceof Set || Array.isArray(value)) && [...value].includes(expected),
  toThrow: (value, expected) => {
    const error = thrown(value);
    if (!(error instanceof Error) || expected === undefined) return error !== undefined;
    return typeof expected === "string" ? error.message.includes(expected) : same(error, expected, true);
  },
  toBeGreaterThan: (value, expected) => Number(value) > Number(expected),
  toBeGreaterThanOrEqual: (value, expected) => Number(value) >= Number(expected),
  toBeLessThan: (value, expected) => Number(value) < Number(expected),
};

function matchersOf(value: unknown, wanted: boolean): Readonly<Record<string, (expected?: unknown) => void>> {
  const entries = Object.entries(MATCHERS).map(([name, matches]): [string, (expected?: unknown) => void] => [
    name,
    (expected) => {
      if (matches(value, expected) !== wanted) throw new Error(`${name} ${String(JSON.stringify(value)).slice(0, 200)}`);
    },
  ]);
  return Object.fromEntries(entries);
}

/** @public The same. */
export const expect = Object.assign((value: unknown) => ({ ...matchersOf(value, true), not: matchersOf(value, false) }), {
  any: (type: unknown) => new Like((value) => type === String && typeof value === "string"),
  stringMatching: (pattern: RegExp) => new Like((value) => typeof value === "string" && pattern.test(value)),
  stringContaining: (part: string) => new Like((value) => typeof value === "string" && value.includes(part)),
  objectContaining: (part: object) => new Like((value) => same(value, part, true)),
});
