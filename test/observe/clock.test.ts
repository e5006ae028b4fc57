import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bootId, monotonicMs, wallMs } from "../../rescue-profile/observe/clock.ts";

describe("the clock", () => {
  it("goes forward and is shared with other processes", () => {
    const before = monotonicMs();
    const [seconds, nanoseconds] = JSON.parse(
      execFileSync(process.execPath, ["-p", "JSON.stringify(process.hrtime())"], { encoding: "utf8" }),
    );
    const other = seconds * 1000 + nanoseconds / 1e6;
    expect(other).toBeGreaterThan(before);
    expect(monotonicMs()).toBeGreaterThan(other);
  });

  it.runIf(process.platform === "linux")("begins with the machine and not with the process", () => {
    const uptimeMs = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;
    // Sleep is not counted, so it may be behind, never ahead.
    expect(monotonicMs()).toBeLessThanOrEqual(uptimeMs + 1000);
    expect(monotonicMs()).toBeGreaterThan(process.uptime() * 1000);
  });

  it("names the boot, the same each time", () => {
    expect(bootId()).toMatch(/\S/);
    expect(bootId()).toBe(bootId());
  });

  it("tells wall time in milliseconds since 1970", () => {
    expect(wallMs()).toBeGreaterThan(Date.UTC(2026));
  });
});
