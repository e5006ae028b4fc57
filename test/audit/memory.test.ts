import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../rescue-profile/audit/finding.ts";
import {
  daysLeft,
  forgetTold,
  type Memory,
  markTold,
  NOTHING,
  parseMemory,
  remember,
  sampled,
  serialiseMemory,
  since,
  untold,
} from "../../rescue-profile/audit/memory.ts";
import { NOW_MS } from "./facts.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LOOKED = new Set(["a", "b"]);
const finding = (id: string, subject = ""): Finding => ({
  id,
  subject,
  severity: "note",
  title: "t",
  evidence: [{ fact: "f", from: "x" }],
  cure: { text: "c", commands: [] },
});
/** Which of these are new in each audit. */
function audits(...runs: readonly (readonly [atMs: number, found: readonly Finding[], looked?: ReadonlySet<string>])[]): string[][] {
  let memory: Memory = NOTHING;
  return runs.map(([atMs, found, looked = LOOKED]) => {
    const { memory: next, fresh } = remember(memory, found, looked, NOW_MS + atMs);
    memory = parseMemory(serialiseMemory(next));
    return fresh.map(({ id, subject }) => `${id}${subject}`);
  });
}

describe("what earlier audits have seen", () => {
  it("is new once, by check and subject", () => {
    expect(audits([0, [finding("a")]], [HOUR_MS, [finding("a"), finding("a", "1")]], [2 * HOUR_MS, [finding("a", "1")]])).toEqual([
      ["a"],
      ["a1"],
      [],
    ]);
  });

  it("is new again when it was away for a day, not when it flaps", () => {
    expect(audits([0, [finding("a")]], [HOUR_MS, []], [2 * HOUR_MS, [finding("a")]])).toEqual([["a"], [], []]);
    expect(audits([0, [finding("a")]], [HOUR_MS, []], [DAY_MS, [finding("a")]])).toEqual([["a"], [], ["a"]]);
  });

  it("is not new because no audit ran for a week, or because its check could not look", () => {
    expect(audits([0, [finding("a")]], [7 * DAY_MS, [finding("a")]])).toEqual([["a"], []]);
    expect(audits([0, [finding("a")]], [DAY_MS, [], new Set(["b"])], [3 * DAY_MS, [finding("a")]])).toEqual([["a"], [], []]);
  });

  it("is forgotten after 30 days", () => {
    const { memory } = remember(NOTHING, [finding("a")], LOOKED, NOW_MS);
    expect(remember(memory, [], LOOKED, NOW_MS + 30 * DAY_MS).memory.findings.size).toBe(1);
    expect(remember(memory, [], LOOKED, NOW_MS + 30 * DAY_MS + 1).memory.findings.size).toBe(0);
  });

  it("stays to be told until it was told", () => {
    const found = [finding("a"), finding("b")];
    const seen = remember(NOTHING, found, LOOKED, NOW_MS).memory;
    const told = markTold(seen, [finding("a")]);
    expect(untold(found, told).map(({ id }) => id)).toEqual(["b"]);
    const later = remember(told, found, LOOKED, NOW_MS + HOUR_MS).memory;
    expect(untold(found, later).map(({ id }) => id)).toEqual(["b"]);
    expect(untold(found, NOTHING)).toEqual(found);
  });

  it("is told again when it has become more serious, and when its acceptance has ended", () => {
    const seen = remember(NOTHING, [finding("a")], LOOKED, NOW_MS).memory;
    const told = markTold(seen, [{ ...finding("a"), severity: "warning" }]);
    expect(untold([{ ...finding("a"), severity: "critical" }], told)).toHaveLength(1);
    expect(untold([{ ...finding("a"), severity: "warning" }], told)).toEqual([]);
    expect(untold([finding("a")], told)).toEqual([]);
    expect(untold([finding("a")], forgetTold(told, [finding("a")]))).toHaveLength(1);
  });

  it("can be asked for what is new since a time", () => {
    const first = remember(NOTHING, [finding("a")], LOOKED, NOW_MS).memory;
    const found = [finding("a"), finding("b")];
    const { memory } = remember(first, found, LOOKED, NOW_MS + HOUR_MS);
    expect(since(found, memory, NOW_MS + 1).map(({ id }) => id)).toEqual(["b"]);
    expect(since(found, memory, NOW_MS)).toEqual(found);
    expect(since(found, NOTHING, NOW_MS)).toEqual(found);
  });

  it("is nothing when its file is damaged, whatever is in it", () => {
    for (const text of [
      undefined,
      "",
      "{",
      "null",
      "[]",
      '{"findings":[1],"disk":{"a":1}}',
      '{"findings":{"a ":{"firstSeenMs":"x"}},"disk":[{}]}',
    ])
      expect(parseMemory(text)).toEqual(NOTHING);
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseMemory(text).findings.size >= 0));
  });

  it("comes back from its file as it was, whatever a subject is", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constant("__proto__"))), (subjects) => {
        const { memory } = remember(
          sampled(NOTHING, 5, NOW_MS),
          subjects.map((subject) => finding("a", subject)),
          LOOKED,
          NOW_MS,
        );
        expect(parseMemory(serialiseMemory(memory))).toEqual(memory);
      }),
    );
  });
});

describe("the room that is left", () => {
  const GB = 1e9;
  /** Every six hours for so many days until now. */
  const samples = (days: number, free: (daysAgo: number) => number) =>
    Array.from({ length: days * 4 }, (_, at) => ({ atMs: NOW_MS - (days - at / 4) * DAY_MS, freeBytes: free(days - at / 4) }));

  it("is the time until nothing is free at the present growth", () => {
    expect(
      daysLeft(
        samples(10, (ago) => 100 * GB + ago * 5 * GB),
        NOW_MS,
        100 * GB,
      ),
    ).toBeCloseTo(20);
    const jagged = samples(14, (ago) => 100 * GB + ago * 5 * GB + (Math.round(ago * 4) % 2 === 0 ? GB : -GB));
    expect(daysLeft(jagged, NOW_MS, 100 * GB)).toBeCloseTo(20, 0);
  });

  it("is not known before two days, and no matter while it hardly falls or grows", () => {
    expect(
      daysLeft(
        samples(1, (ago) => 100 * GB + ago * 50 * GB),
        NOW_MS,
        100 * GB,
      ),
    ).toBeNull();
    expect(daysLeft([], NOW_MS, 100 * GB)).toBeNull();
    expect(
      daysLeft(
        samples(10, (ago) => 100 * GB + ago * 0.9 * GB),
        NOW_MS,
        100 * GB,
      ),
    ).toBeNull();
    expect(
      daysLeft(
        samples(10, (ago) => 100 * GB - ago * GB),
        NOW_MS,
        100 * GB,
      ),
    ).toBeNull();
  });

  it("counts the last 14 days only", () => {
    const old = samples(20, (ago) => (ago > 14 ? 900 * GB : 100 * GB));
    expect(daysLeft(old, NOW_MS, 100 * GB)).toBeNull();
  });

  it("is nothing when nothing is free", () => {
    expect(
      daysLeft(
        samples(3, () => GB),
        NOW_MS,
        0,
      ),
    ).toBe(0);
  });

  it("is measured every six hours, 90 times, and not in the future", () => {
    let memory: Memory = { ...NOTHING, disk: [{ atMs: NOW_MS + DAY_MS, freeBytes: 1 }] };
    for (let hour = 0; hour <= 24 * 40; hour++) memory = sampled(memory, hour, NOW_MS + hour * HOUR_MS);
    expect(memory.disk).toHaveLength(90);
    expect(memory.disk.at(-1)).toEqual({ atMs: NOW_MS + 40 * DAY_MS, freeBytes: 960 });
    const gaps = memory.disk.slice(1).map(({ atMs }, at) => atMs - (memory.disk[at]?.atMs ?? 0));
    expect(new Set(gaps)).toEqual(new Set([6 * HOUR_MS]));
  });
});
