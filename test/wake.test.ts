import { describe, expect, it } from "vitest";
import { ringBell, wakeBell } from "../rescue-profile/wake.ts";
import { tempDir } from "./observe/support.ts";

const never = new AbortController().signal;
const LONG_MS = 10_000;

describe("the bell that wakes a loop", () => {
  it("ends the sleep of this moment, and of the next one when it was rung in between", async () => {
    const dir = tempDir();
    const bell = wakeBell(dir);
    const sleeping = bell.sleep(LONG_MS, never);
    ringBell(dir);
    expect(await sleeping).toBe(true);
    expect(await bell.sleep(1, never)).toBe(false);
    ringBell(dir);
    await expect.poll(() => bell.sleep(1, never)).toBe(true);
    bell.close();
  });

  it("lets a sleep end by its time and by its signal", async () => {
    const bell = wakeBell(tempDir());
    expect(await bell.sleep(1, never)).toBe(false);
    const abort = new AbortController();
    const sleeping = bell.sleep(LONG_MS, abort.signal);
    abort.abort();
    expect(await sleeping).toBe(false);
    expect(await bell.sleep(LONG_MS, abort.signal)).toBe(false);
    bell.close();
  });
});
