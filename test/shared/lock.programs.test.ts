import { once } from "node:events";
import { existsSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withLock } from "../../src/shared/secure-file.ts";
import { child, firstWord, fixture, tempDir } from "../observe/support.ts";

/** Another process that holds the lock. */
async function holder(path: string, ...ms: string[]) {
  const process_ = child(process.execPath, [fixture("onboard-lock.mjs"), path, ...ms]);
  expect(await firstWord(process_)).toBe("held");
  return process_;
}

describe("a lock that another process holds", () => {
  it("is waited for, and had when it is let go", async () => {
    const path = join(tempDir(), "setup");
    await holder(path, "300");
    await expect(withLock(path, "setup", async () => "ours")).rejects.toMatchObject({ code: "busy", message: "another setup is running" });
    expect(await withLock(path, "setup", async () => "ours", 5_000)).toBe("ours");
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it("is not taken over for being killed, only for having been silent for ten seconds, and waited for no longer than was said", async () => {
    const path = join(tempDir(), "setup");
    const other = await holder(path);
    other.kill("SIGKILL");
    await once(other, "exit");
    expect(existsSync(`${path}.lock`)).toBe(true);
    const startedMs = performance.now();
    await expect(withLock(path, "setup", async () => "ours", 500)).rejects.toMatchObject({ code: "busy" });
    expect(performance.now() - startedMs).toBeGreaterThan(400);
    const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);
    utimesSync(`${path}.lock`, ago(8), ago(8));
    await expect(withLock(path, "setup", async () => "ours")).rejects.toMatchObject({ code: "busy" });
    // Ten seconds of silence, without waiting for them.
    utimesSync(`${path}.lock`, ago(11), ago(11));
    expect(await withLock(path, "setup", async () => "ours")).toBe("ours");
  });

  it("tells its holder when it was lost, and leaves the new holder's in its place", async () => {
    const path = join(tempDir(), "setup");
    const seen = await withLock(path, "setup", async (lost) => {
      // As after a long sleep: somebody found it stale and took it.
      utimesSync(`${path}.lock`, new Date(0), new Date(0));
      const other = await holder(path);
      await Promise.race([once(lost, "abort"), delay(10_000)]);
      return { lost: lost.aborted, theirs: other.exitCode };
    });
    expect(seen).toEqual({ lost: true, theirs: null });
    expect(existsSync(`${path}.lock`)).toBe(true);
  });
});
