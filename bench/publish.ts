/**
 * `node bench/publish.ts`: writes what bench/results holds into README.md and docs/measured.md, between their marks. test/bench/published.test.ts holds them together.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { costTables } from "./cost/tables.ts";
import { table } from "./matrix/summary.ts";
import { targets, targetTable } from "./matrix/targets.ts";

const at = (path: string) => new URL(`../${path}`, import.meta.url);
const measured = (name: string) =>
  existsSync(at(`bench/results/${name}`)) ? JSON.parse(readFileSync(at(`bench/results/${name}`), "utf8")) : undefined;

function publish(path: string, mark: string, text: string): void {
  const before = readFileSync(at(path), "utf8");
  const [open, close] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const [from, to] = [before.indexOf(open), before.indexOf(close)];
  if (from === -1 || to < from) throw new Error(`${path} has no ${open} … ${close}`);
  writeFileSync(at(path), `${before.slice(0, from)}${open}\n${text}\n${before.slice(to)}`);
}

const latest = measured("latest.json");
if (latest !== undefined) {
  publish(
    "README.md",
    "matrix",
    `![Seconds until the gateway serves again, for each fault and contender](bench/results/latest.svg)\n\n${table(latest.cells, latest.coldStart)}`,
  );
  publish("docs/measured.md", "targets", targetTable(targets(latest.cells)));
}
const cost = measured("cost.json");
if (cost !== undefined) publish("docs/measured.md", "cost", costTables(cost));
