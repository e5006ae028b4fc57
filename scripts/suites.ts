import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Interrupted, run } from "./setup/child.mjs";
import { readIfThere } from "./setup/process.mjs";
import { failure, sum, type Tally, tallyVitest, type VitestReport } from "./tally.ts";

export type SuiteName = "check" | "unit" | "programs" | "host" | "lab";

const MINUTE_MS = 60_000;
/** A hung run ends here instead of in the patience of whoever waits for it. RESCUE_FULL repeats the slow cases, so it may take longer. */
const DEADLINE_MS = {
  check: 5 * MINUTE_MS,
  unit: 3 * MINUTE_MS,
  programs: 12 * MINUTE_MS,
  host: 45 * MINUTE_MS,
  lab: 45 * MINUTE_MS,
} as const;
const FULL_FACTOR = 3;

/** Each is a program of node_modules and counts as one test. `tsc` and `biome` are native; all of them start fast. */
const CHECKS = [
  { what: "types (tsc)", args: ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"] },
  { what: "lint and format (biome)", args: ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."] },
  { what: "unused code (knip)", args: ["node_modules/knip/bin/knip.js"] },
] as const;

/**
 * @param filters further arguments for vitest; with any, the checks that know no filter are left out
 * @throws Interrupted when a signal ended the suite
 */
export async function runSuite(root: string, suite: SuiteName, filters: readonly string[]): Promise<Tally> {
  if (suite !== "check") return runVitest(root, suite, suite, filters);
  const checks: Tally[] = [];
  for (const { what, args } of filters.length > 0 ? [] : CHECKS) {
    console.log(`\n— ${what}`);
    const code = await runNode(root, args, DEADLINE_MS.check);
    checks.push(code === 0 ? { passed: 1, failed: 0, skipped: 0, failures: [] } : failure(`${what}: ended with ${code}`));
  }
  return sum([...checks, await runVitest(root, suite, "architecture", filters)]);
}

async function runVitest(root: string, suite: SuiteName, project: string, filters: readonly string[]): Promise<Tally> {
  const scratch = mkdtempSync(join(tmpdir(), "rescue-report-"));
  try {
    const output = join(scratch, "report.json");
    const reporters = [
      "--passWithNoTests",
      "--reporter=default",
      "--reporter=scripts/vitest-cancel.ts",
      "--reporter=json",
      `--outputFile.json=${output}`,
    ];
    const code = await runNode(
      root,
      ["node_modules/vitest/vitest.mjs", "run", "--project", project, ...reporters, ...filters],
      DEADLINE_MS[suite] * (process.env["RESCUE_FULL"] === "1" ? FULL_FACTOR : 1),
    );
    const text = readIfThere(output);
    const report: VitestReport | undefined = text === undefined ? undefined : JSON.parse(text);
    return tallyVitest(suite, report, code, filters.length > 0);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runNode(root: string, args: readonly string[], deadlineMs: number): Promise<number> {
  // Biome keeps a cache in the user's home otherwise.
  const env = { ...process.env, XDG_CACHE_HOME: join(root, "node_modules", ".cache") };
  const { code, interrupted, timedOut } = await run(process.execPath, args, { cwd: root, env, deadlineMs });
  if (interrupted) throw new Interrupted("interrupted");
  if (timedOut) console.error(`ended after ${deadlineMs / MINUTE_MS} minutes: ${args.join(" ")}`);
  return timedOut && code === 0 ? 1 : code;
}
