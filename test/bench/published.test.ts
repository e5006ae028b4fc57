import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { costTables } from "../../bench/cost/tables.ts";
import { figure } from "../../bench/matrix/figure.ts";
import { summarize, table } from "../../bench/matrix/summary.ts";
import { targets, targetTable } from "../../bench/matrix/targets.ts";

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(at(path), "utf8");
const isMeasured = (path: string) => existsSync(at(path));

describe("what is published of the bench is what was measured", () => {
  it.runIf(isMeasured("bench/results/latest.json"))("in README's table and figure, and in what docs/measured.md says of promises", () => {
    const latest = JSON.parse(read("bench/results/latest.json"));
    expect(latest.cells).toEqual(JSON.parse(JSON.stringify(summarize(latest.runs))));
    expect(read("README.md")).toContain(table(latest.cells, latest.coldStart));
    expect(read("bench/results/latest.svg")).toBe(figure(latest.cells, latest.coldStart));
    expect(read("docs/measured.md")).toContain(targetTable(targets(latest.cells)));
  });

  it.runIf(isMeasured("bench/results/cost.json"))("in what docs/measured.md says of the cost", () => {
    expect(read("docs/measured.md")).toContain(costTables(JSON.parse(read("bench/results/cost.json"))));
  });
});
