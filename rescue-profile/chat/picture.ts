import { PNG } from "pngjs";

/** Incidents that began within one part of the time that is shown. */
export interface Bar {
  readonly recovered: number;
  /** Needed a human, or are still open. */
  readonly other: number;
}

type Colour = readonly [red: number, green: number, blue: number];

const [WIDTH, HEIGHT] = [640, 240];
const [RIGHT, TOP, BOTTOM] = [16, 16, 40];
const PAPER: Colour = [255, 255, 255];
const INK: Colour = [90, 90, 90];
const GRID: Colour = [225, 225, 225];
const GREEN: Colour = [46, 160, 67];
const RED: Colour = [207, 34, 46];
const GAP = 0.25;

/** A digit is 3 by 5 points, a row of them in three bits. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  "0": [7, 5, 5, 5, 7],
  "1": [2, 6, 2, 2, 7],
  "2": [7, 1, 7, 4, 7],
  "3": [7, 1, 7, 1, 7],
  "4": [5, 5, 7, 1, 1],
  "5": [7, 4, 7, 1, 7],
  "6": [7, 4, 7, 5, 7],
  "7": [7, 1, 1, 2, 2],
  "8": [7, 5, 7, 5, 7],
  "9": [7, 5, 7, 1, 7],
  "-": [0, 0, 7, 0, 0],
};
const DOT = 3;
const ADVANCE = 4 * DOT;

/**
 * A PNG: a bar for each part of the time, oldest first; green what recovered, red what did not. Below the bars how many parts ago it was (0 is now), at the left how many
 * incidents. What it says in words stands under it. Pure.
 */
export function historyPicture(bars: readonly Bar[]): Uint8Array {
  const png = new PNG({ width: WIDTH, height: HEIGHT });
  const fill = (left: number, top: number, width: number, height: number, [red, green, blue]: Colour) => {
    for (let y = Math.max(0, Math.round(top)); y < Math.min(HEIGHT, Math.round(top + height)); y++)
      for (let x = Math.max(0, Math.round(left)); x < Math.min(WIDTH, Math.round(left + width)); x++)
        png.data.set([red, green, blue, 255], (y * WIDTH + x) * 4);
  };
  const write = (text: string, right: number, top: number) => {
    for (const [at, letter] of [...text].entries()) {
      for (const [row, bits] of (GLYPHS[letter] ?? []).entries())
        for (const column of [0, 1, 2])
          if ((bits >> (2 - column)) & 1) fill(right - (text.length - at) * ADVANCE + column * DOT, top + row * DOT, DOT, DOT, INK);
    }
  };
  const [floor, room] = [HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP];
  const most = Math.max(1, ...bars.map(({ recovered, other }) => recovered + other));
  const start = (String(most).length + 2) * ADVANCE;
  const heightOf = (count: number) => (count / most) * room;
  fill(0, 0, WIDTH, HEIGHT, PAPER);
  for (const count of new Set([0, Math.ceil(most / 2), most])) {
    fill(start, floor - heightOf(count), WIDTH - start - RIGHT, 1, GRID);
    write(String(count), start - 8, floor - heightOf(count) - 7);
  }
  const step = (WIDTH - start - RIGHT) / Math.max(1, bars.length);
  const every = Math.ceil(bars.length / 8);
  for (const [index, { recovered, other }] of bars.entries()) {
    const left = start + (index + GAP / 2) * step;
    const width = step * (1 - GAP);
    fill(left, floor - heightOf(recovered), width, heightOf(recovered), GREEN);
    fill(left, floor - heightOf(recovered + other), width, heightOf(other), RED);
    const ago = bars.length - 1 - index;
    if (ago % every === 0) write(ago === 0 ? "0" : `-${ago}`, left + width / 2 + ADVANCE, floor + 10);
  }
  fill(start, floor, WIDTH - start - RIGHT, 2, INK);
  return PNG.sync.write(png);
}
