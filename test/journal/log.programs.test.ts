import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rotatedLogs } from "../../rescue-profile/journal/log.ts";
import { children, outputOf, scratch } from "./harness.ts";

const linesOf = (file: string) => readFileSync(file, "utf8").split("\n").slice(0, -1);
const everyFile = (file: string) => [...rotatedLogs(file), file];

async function twoWriters(file: string, maxBytes: number, keep: number, count: number): Promise<number[]> {
  using processes = children("journal-lines.ts");
  const args = [String(Date.now() + 250), file, String(maxBytes), String(keep), String(count)];
  const writers = [processes.start(...args), processes.start(...args)];
  await Promise.all(writers.map(outputOf));
  return writers.map((writer) => writer.pid ?? 0);
}

describe("two processes that write the same log", () => {
  it("lose and tear no line while they rotate it under each other", async () => {
    using at = scratch();
    const file = join(at.dir, "watchdog.jsonl");
    const writers = await twoWriters(file, 1_500, 10_000, 1_500);
    const lines = everyFile(file)
      .flatMap(linesOf)
      .map((line) => JSON.parse(line).details as { by: number; n: number });
    // A file is moved away when it is full, and not again by the other writer when it has just begun anew.
    const sizes = rotatedLogs(file).map((rotated) => statSync(rotated).size);
    expect(sizes.length).toBeGreaterThan(20);
    expect(sizes.filter((size) => size < 750).length).toBeLessThan(sizes.length / 10);
    for (const pid of writers) {
      const numbers = lines.filter(({ by }) => by === pid).map(({ n }) => n);
      expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1_500 }, (_, n) => n));
    }
  });

  it("keep no more rotated files than asked, and the newest lines", async () => {
    using at = scratch();
    const file = join(at.dir, "watchdog.jsonl");
    const writers = await twoWriters(file, 8_192, 3, 600);
    expect(rotatedLogs(file).length).toBeLessThanOrEqual(3);
    const lines = everyFile(file)
      .flatMap(linesOf)
      .map((line) => JSON.parse(line).details as { by: number; n: number });
    expect(writers.some((pid) => lines.some(({ by, n }) => by === pid && n === 599))).toBe(true);
  });
});
