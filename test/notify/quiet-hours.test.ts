import { expect, it } from "vitest";
import { parseQuietHours, quietUntil } from "../../rescue-profile/notify/quiet-hours.ts";

const at = (hours: number, minutes: number, day = 21) => new Date(2026, 10, day, hours, minutes).getTime();

it("quiet hours are read as they are written, over midnight too", () => {
  expect(parseQuietHours("22:30-07:00")).toEqual({ from: 1_350, to: 420 });
  for (const wrong of ["22:30", "25:00-07:00", "22:60-07:00", "07:00-07:00", ""]) expect(parseQuietHours(wrong)).toBeUndefined();
});

it("quiet hours end on the same day or on the next", () => {
  const night = { from: 1_350, to: 420 };
  expect(quietUntil(at(23, 0), night)).toBe(at(7, 0, 22));
  expect(quietUntil(at(3, 0), night)).toBe(at(7, 0));
  expect(quietUntil(at(7, 0), night)).toBeUndefined();
  expect(quietUntil(at(13, 0), { from: 720, to: 840 })).toBe(at(14, 0));
  expect(quietUntil(at(13, 0), null)).toBeUndefined();
});
