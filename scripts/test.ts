/**
 * `node scripts/test.ts check,unit,programs,host,lab [vitest's arguments]`: runs the suites one after the other, each to its end whatever the
 * others did, and ends with one plain line: `N passed, N failed`, with `, N skipped` if there are any. Exit code 0 only when nothing
 * failed and something ran.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Interrupted } from "./setup/child.mjs";
import { runSuite, type SuiteName } from "./suites.ts";
import { describeTally, sum, type Tally } from "./tally.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SUITES: readonly string[] = ["check", "unit", "programs", "host", "lab"] satisfies SuiteName[];
const isSuite = (name: string): name is SuiteName => SUITES.includes(name);

const [asked = "", ...filters] = process.argv.slice(2);
const suites = asked.split(",").filter(isSuite);
if (suites.join() !== asked) {
  console.error(`usage: node scripts/test.ts <${SUITES.join("|")}>[,…] [vitest's arguments]`);
  process.exit(2);
}

const tallies: Tally[] = [];
const lines: string[] = [];
try {
  for (const suite of suites) {
    const startedAtMs = performance.now();
    const tally = await runSuite(root, suite, filters);
    tallies.push(tally);
    lines.push(`${suite}: ${describeTally(tally)} (${Math.round((performance.now() - startedAtMs) / 1000)} s)`);
  }
} catch (error) {
  if (!(error instanceof Interrupted)) throw error;
  process.exitCode = error.exitCode;
}
const total = sum(tallies);
if (total.failures.length > 0) console.log(`\nfailed:\n${total.failures.map((name) => `  ${name.replace(`${root}/`, "")}`).join("\n")}`);
if (process.exitCode !== undefined) console.log("\ninterrupted: the tests that did not run are not counted");
else if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
console.log(["", ...(suites.length > 1 ? lines : []), describeTally(total)].join("\n"));
