import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CHECKS } from "../../rescue-profile/audit/checks.ts";
import { GROUPS } from "../../rescue-profile/audit/finding.ts";

const DOCS = readFileSync(new URL("../../docs/audit.md", import.meta.url), "utf8");

describe("the checks", () => {
  it("have an id each, kebab-case, and a question", () => {
    expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length);
    for (const { id, question } of CHECKS) {
      expect(id).toMatch(/^[a-z]+(-[a-z]+)+$/);
      expect(question, id).toMatch(/^[A-Z].*\?$/);
    }
  });

  it("leave no group without one", () => {
    expect(GROUPS.filter((group) => !CHECKS.some((check) => check.group === group))).toEqual([]);
  });

  it("stand in docs/audit.md, and no other does", () => {
    const rows = DOCS.split("\n").filter((line) => line.startsWith("| `"));
    const documented = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([a-z-]+)`/g)].map(([, id = ""]) => id));
    expect(documented.sort()).toEqual(CHECKS.map(({ id }) => id).sort());
  });
});
