/** How many tests of a run passed, failed and were skipped; `failures` names the failed ones for the last screen. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

/** The fields of vitest's JSON report that are counted (checked in `test/scripts/tally.test.ts` against what vitest 5 writes). */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/**
 * Counts a vitest run so that nothing that went wrong counts as well: a test that never ran because its worker died, a file that could
 * not be loaded, a broken hook, an error outside of any test, a run without tests.
 *
 * @param report undefined when vitest wrote none
 * @param emptyIsFine true when the caller chose tests by a filter, which may match none here
 */
export function tallyVitest(suite: string, report: VitestReport | undefined, exitCode: number, emptyIsFine: boolean): Tally {
  if (report === undefined) return failure(`${suite}: vitest wrote no report and ended with ${exitCode}`);
  const tally = sum(report.testResults.map(tallyFile));
  if (exitCode !== 0 && tally.failed === 0 && !(emptyIsFine && isEmpty(tally))) {
    return sum([tally, failure(isEmpty(tally) ? `${suite}: no tests ran` : `${suite}: an error outside of the tests (see above)`)]);
  }
  return isEmpty(tally) && !emptyIsFine ? failure(`${suite}: no tests ran`) : tally;
}

function tallyFile(file: VitestReport["testResults"][number]): Tally {
  const having = (...statuses: string[]) => file.assertionResults.filter((test) => statuses.includes(test.status));
  // "pending" in the report of a finished run: the test was collected and its worker died before it ended.
  const failed = having("failed", "pending").map(
    (test) => `${file.name}: ${test.fullName}${test.status === "pending" ? " (never finished)" : ""}`,
  );
  if (file.status === "failed" && failed.length === 0)
    failed.push(`${file.name}: ${file.message.split("\n")[0] || "an error outside of its tests"}`);
  return { passed: having("passed").length, failed: failed.length, skipped: having("skipped", "todo").length, failures: failed };
}

export function failure(what: string): Tally {
  return { passed: 0, failed: 1, skipped: 0, failures: [what] };
}

export function sum(tallies: readonly Tally[]): Tally {
  const total = (pick: (tally: Tally) => number) => tallies.reduce((so, tally) => so + pick(tally), 0);
  return {
    passed: total((tally) => tally.passed),
    failed: total((tally) => tally.failed),
    skipped: total((tally) => tally.skipped),
    failures: tallies.flatMap((tally) => tally.failures),
  };
}

/** The line that ends every test run: `12 passed, 0 failed`, and `, 3 skipped` when there are any. */
export function describeTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function isEmpty({ passed, failed, skipped }: Tally): boolean {
  return passed + failed + skipped === 0;
}
