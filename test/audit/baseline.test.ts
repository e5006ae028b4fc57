import { describe, expect, it } from "vitest";
import { applyBaseline, parseBaseline } from "../../rescue-profile/audit/baseline.ts";
import type { Finding } from "../../rescue-profile/audit/finding.ts";
import { RescueError } from "../../src/shared/errors.ts";
import { NOW_MS } from "./facts.ts";

const DAY_MS = 86_400_000;
const about = { file: "known.json", ids: new Set(["gateway-token", "cron-failing"]), nowMs: NOW_MS };
const ENTRY = { id: "cron-failing", subject: "job-1", reason: "the vendor is slow", expires: "2026-12-31" };
const parse = (...accepted: unknown[]) => parseBaseline(JSON.stringify({ accepted }), about);

function finding(id: string, subject: string): Finding {
  return { id, subject, severity: "warning", title: "A title", evidence: [{ fact: "f", from: "x" }], cure: { text: "c", commands: [] } };
}

describe("a baseline", () => {
  it("has entries with a reason and a last day", () => {
    const { subject: _, ...all } = ENTRY;
    expect(parse(ENTRY, all)).toEqual([ENTRY, all]);
    expect(parse()).toEqual([]);
  });

  it.each([
    ["is no object", 7],
    ["has no id", { ...ENTRY, id: "" }],
    ['names "cron-fialing", and no check has this id', { ...ENTRY, id: "cron-fialing" }],
    ['has the unknown key "subjct"', { id: "cron-failing", subjct: "job-1", reason: "r", expires: "2026-12-31" }],
    ["has a subject that is no text", { ...ENTRY, subject: 1 }],
    ["has no reason", { ...ENTRY, reason: " " }],
    ["has no reason", { ...ENTRY, reason: undefined }],
    ["has no expiry that is a day", { ...ENTRY, expires: undefined }],
    ["has no expiry that is a day", { ...ENTRY, expires: "2026-02-30" }],
    ["has no expiry that is a day", { ...ENTRY, expires: "tomorrow" }],
    ["has no expiry that is a day", { ...ENTRY, expires: Date.now() }],
    ["is to hold until 2027-11-29, more than 366 days ahead", { ...ENTRY, expires: "2027-11-29" }],
  ])("is refused when an entry %s", (what, entry) => {
    const error = thrown(() => parse(ENTRY, entry));
    expect(error.code).toBe("config-invalid");
    expect(error.message).toBe(`the baseline known.json, entry 2 ${what}`);
    expect(error.fix).toBeTruthy();
  });

  it.each([
    ["", "is not valid JSON"],
    ["{ accepted: [] }", "is not valid JSON"],
    ["[]", 'must be {"accepted": [...]} and nothing else'],
    ["{}", 'must be {"accepted": [...]} and nothing else'],
    ['{"accepted": {}}', 'must be {"accepted": [...]} and nothing else'],
    ['{"accepted": [], "acepted": []}', 'must be {"accepted": [...]} and nothing else'],
  ])("is refused as a whole when it is %j", (text, what) => {
    const error = thrown(() => parseBaseline(text, about));
    expect([error.code, error.message]).toEqual(["config-invalid", expect.stringContaining(`known.json ${what}`)]);
  });

  it("may reach just a year ahead", () => {
    expect(parse({ ...ENTRY, expires: "2027-11-28" })).toHaveLength(1);
  });

  it("accepts one finding, or all of a check", () => {
    const found = [finding("cron-failing", "job-1"), finding("cron-failing", "job-2"), finding("gateway-token", "job-1")];
    expect(applyBaseline(found, parse(ENTRY), NOW_MS)).toEqual({ findings: [found[1], found[2]], accepted: [ENTRY] });
    const { subject: _, ...all } = ENTRY;
    expect(applyBaseline(found, parse(all), NOW_MS).accepted.map(({ subject }) => subject)).toEqual(["job-1", "job-2"]);
  });

  it("holds to the end of its last day, and is then evidence", () => {
    const found = [finding("cron-failing", "job-1")];
    const end = Date.parse("2027-01-01T00:00:00Z");
    expect(applyBaseline(found, parse(ENTRY), end - 1).findings).toEqual([]);
    const { findings, accepted } = applyBaseline(found, parse(ENTRY), end);
    expect(accepted).toEqual([]);
    expect(findings[0]?.evidence[1]).toEqual({ fact: "was accepted until 2026-12-31: the vendor is slow", from: "the baseline" });
  });

  it("is renewed by a second entry", () => {
    const old = { ...ENTRY, expires: "2026-11-01" };
    expect(applyBaseline([finding("cron-failing", "job-1")], parse(old, ENTRY), NOW_MS + DAY_MS).accepted).toEqual([ENTRY]);
  });
});

function thrown(work: () => unknown): RescueError {
  try {
    work();
  } catch (error) {
    if (error instanceof RescueError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
