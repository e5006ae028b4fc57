import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { costTables } from "../../bench/cost/tables.ts";
import { figure } from "../../bench/matrix/figure.ts";
import { summarize, table } from "../../bench/matrix/summary.ts";
import { targets, targetTable } from "../../bench/matrix/targets.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const latest = JSON.parse(read("bench/results/latest.json"));
const cost = JSON.parse(read("bench/results/cost.json"));

describe("what is published of the bench", () => {
  it("is what was measured: README's table and figure, and the tables of docs/measured.md", () => {
    expect(latest.cells).toEqual(JSON.parse(JSON.stringify(summarize(latest.runs))));
    expect(read("README.md")).toContain(table(latest.cells, latest.coldStart));
    expect(read("bench/results/latest.svg")).toBe(figure(latest.cells, latest.coldStart));
    expect(read("docs/measured.md")).toContain(targetTable(targets(latest.cells)));
    expect(read("docs/measured.md")).toContain(costTables(cost));
  });
});
