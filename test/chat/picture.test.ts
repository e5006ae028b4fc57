import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { historyPicture } from "../../rescue-profile/chat/picture.ts";

const GREEN = "46,160,67";
const RED = "207,34,46";

/** How many points of a colour lie in each of the eighths of the picture, left to right. */
function points(picture: Uint8Array, colour: string): number[] {
  const { width, height, data } = PNG.sync.read(Buffer.from(picture));
  const counts = Array.from({ length: 8 }, () => 0);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4;
      if ([data[at], data[at + 1], data[at + 2]].join() === colour)
        counts[Math.floor((x / width) * 8)] = (counts[Math.floor((x / width) * 8)] ?? 0) + 1;
    }
  return counts;
}

describe("the picture of a history", () => {
  it("has a green bar where incidents recovered, and a red one, twice as high, where twice as many did not", () => {
    const bars = [{ recovered: 1, other: 0 }, ...Array.from({ length: 5 }, () => ({ recovered: 0, other: 0 })), { recovered: 0, other: 2 }];
    const picture = historyPicture(bars);
    const [green, red] = [points(picture, GREEN), points(picture, RED)];
    const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
    expect(sum(green.slice(0, 2))).toBe(sum(green));
    expect(sum(red.slice(6))).toBe(sum(red));
    expect(Math.abs(sum(red) / sum(green) - 2)).toBeLessThan(0.05);
  });

  it("has room for every digit of the number at the left", () => {
    const inked = (most: number) => {
      const { data, width, height } = PNG.sync.read(Buffer.from(historyPicture([{ recovered: 0, other: most }])));
      const isInk = (x: number, y: number) => data[(y * width + x) * 4] === 90;
      return Array.from({ length: height }, (_, y) => isInk(0, y)).some(Boolean);
    };
    expect([1, 1_000, 9_000_000].map(inked)).toEqual([false, false, false]);
  });

  it("is a picture also of nothing, of one bar and of very many", () => {
    for (const count of [0, 1, 24, 30, 700]) {
      const { width, height } = PNG.sync.read(
        Buffer.from(historyPicture(Array.from({ length: count }, () => ({ recovered: 7, other: 1_000 })))),
      );
      expect([width, height]).toEqual([640, 240]);
    }
  });
});
