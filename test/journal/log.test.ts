import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLog, rotatedLogs, rotatingFile } from "../../rescue-profile/journal/log.ts";
import { scratch } from "./harness.ts";

const linesOf = (file: string) => readFileSync(file, "utf8").split("\n").slice(0, -1);
const everyFile = (file: string) => [...rotatedLogs(file), file];

describe("a log line", () => {
  it("has every key, whatever was said, with null for what does not apply", () => {
    using at = scratch();
    const file = join(at.dir, "deep", "watchdog.jsonl");
    const log = createLog({ file, level: "info", maxBytes: 100_000, files: 2 });
    log({ event: "condition" });
    const full = { level: "warn", tier: 1, trigger: "ana", success: false, incident: 7, cause: "process-gone" } as const;
    log({ ...full, event: "repair-ended", durationMs: 12.7, details: { pid: 7 } });

    const shape = {
      level: "info",
      event: "condition",
      tier: null,
      duration_ms: null,
      trigger: null,
      success: null,
      incident: null,
      cause: null,
      details: null,
    };
    const [plain, rich] = linesOf(file).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(plain).toEqual({ ...shape, timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) });
    expect(rich).toEqual({ ...full, event: "repair-ended", duration_ms: 13, details: { pid: 7 }, timestamp: expect.any(String) });
    expect(Object.keys(plain ?? {}).sort()).toEqual(Object.keys(rich ?? {}).sort());
  });

  it("is one line, whatever it says", () => {
    using at = scratch();
    const file = join(at.dir, "watchdog.jsonl");
    const log = createLog({ file, level: "info", maxBytes: 100_000, files: 2 });
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const details of ["two\nlines\r\n", { deep: ["\u2028", "\u0000", "\ud800"] }, circle]) log({ event: "odd\nevent", details });
    expect(linesOf(file)).toHaveLength(3);
    for (const line of linesOf(file)) expect(JSON.parse(line)).toMatchObject({ event: "odd\nevent" });
  });

  it("below the level is not written, and each that is written is also given to who watches in the foreground", () => {
    using at = scratch();
    const file = join(at.dir, "watchdog.jsonl");
    const seen: string[] = [];
    const log = createLog({ file, level: "warn", maxBytes: 100_000, files: 2, also: (line) => seen.push(line) });
    for (const level of ["debug", "info", "warn", "error"] as const) log({ event: level, level });
    expect(linesOf(file).map((line) => JSON.parse(line).event)).toEqual(["warn", "error"]);
    expect(seen.join("")).toBe(readFileSync(file, "utf8"));
  });
});

describe("a log file", () => {
  it("is made for its owner's eyes only", () => {
    using at = scratch();
    const file = join(at.dir, "logs", "watchdog.jsonl");
    rotatingFile(file, 100, 2)("x\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(at.dir, "logs")).mode & 0o777).toBe(0o700);
  });

  it("is rotated before it would grow above its size, and only the newest are kept", () => {
    using at = scratch();
    const file = join(at.dir, "watchdog.jsonl");
    const write = rotatingFile(file, 97, 3);
    // 20 bytes each, though only 15 letters: four of them fit.
    for (let n = 0; n < 60; n++) write(`${"é".repeat(5)}${String(n).padStart(9)}\n`);
    expect(rotatedLogs(file)).toHaveLength(3);
    for (const each of everyFile(file)) expect(statSync(each).size).toBeLessThanOrEqual(97);
    expect(
      everyFile(file)
        .flatMap(linesOf)
        .map((line) => Number(line.slice(5))),
    ).toEqual(Array.from({ length: 16 }, (_, index) => 44 + index));
  });

  it("takes a line that is longer than a whole file", () => {
    using at = scratch();
    const file = join(at.dir, "watchdog.jsonl");
    const write = rotatingFile(file, 100, 3);
    for (const letter of ["a", "b"]) write(`${letter.repeat(500)}\n`);
    expect(everyFile(file).flatMap(linesOf)).toEqual(["a".repeat(500), "b".repeat(500)]);
  });

  it("counts and removes only what it rotated itself", () => {
    using at = scratch();
    const file = join(at.dir, "watchdog.jsonl");
    for (const name of ["watchdog.jsonl.0-mine", "watchdog.jsonl.bak", "watchdog.jsonl.gz"]) writeFileSync(join(at.dir, name), "");
    const write = rotatingFile(file, 10, 1);
    for (let n = 0; n < 9; n++) write("123456789\n");
    expect(rotatedLogs(file)).toHaveLength(1);
    expect(readdirSync(at.dir)).toEqual(expect.arrayContaining(["watchdog.jsonl.0-mine", "watchdog.jsonl.bak", "watchdog.jsonl.gz"]));
  });

  it.runIf(process.platform === "linux")(
    "is not kept open, so that a watcher that begins anew for ever does not run out of descriptors",
    () => {
      using at = scratch();
      const file = join(at.dir, "watchdog.jsonl");
      const writeOne = () => createLog({ file, level: "info", maxBytes: 10_000, files: 1 })({ event: "x" });
      writeOne();
      const before = readdirSync("/proc/self/fd").length;
      for (let n = 0; n < 50; n++) writeOne();
      expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 25);
    },
  );
});
