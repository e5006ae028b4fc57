import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeTally, type Tally, tallyVitest } from "../../scripts/tally.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const FILES = {
  "mixed.test.ts":
    'test("passes", () => {}); test.skip("skipped", () => {}); test.todo("todo"); test("fails", () => { throw new Error("no"); });',
  "broken-hook.test.ts": 'beforeAll(() => { throw new Error("hook"); }); test("never ran", () => {});',
  "does-not-load.test.ts": 'throw new Error("does not load"); test("unseen", () => {});',
  "worker-dies.test.ts":
    'test("kills", async () => { process.kill(process.pid, "SIGKILL"); await new Promise(() => {}); }); test("after", () => {});',
};

describe("the count of a vitest run", () => {
  let tally: Tally;
  let scratch: string;

  // A real run of a little project that goes wrong in every way there is, because the report's shape is vitest's and not ours.
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "rescue-tally-"));
    mkdirSync(join(scratch, "test"));
    symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"));
    writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
    const imports = 'import { beforeAll, test } from "vitest";\nvoid beforeAll; void test;\n';
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(scratch, "test", name), imports + text);
    const report = join(scratch, "report.json");
    const args = [join(root, "node_modules/vitest/vitest.mjs"), "run", "--root", scratch, "--reporter=json", `--outputFile.json=${report}`];
    const ended = await promisify(execFile)(process.execPath, args).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
    tally = tallyVitest("unit", JSON.parse(readFileSync(report, "utf8")), ended, false);
  }, 60_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it("counts a failed test, a broken hook, a file that does not load and the tests of a worker that died", () => {
    expect(tally.failures.map((line) => line.replace(/^.*\//, "")).sort()).toEqual([
      "broken-hook.test.ts: hook",
      "does-not-load.test.ts: does not load",
      "mixed.test.ts: fails",
      "worker-dies.test.ts: after (never finished)",
      "worker-dies.test.ts: kills (never finished)",
    ]);
    expect(tally.failed).toBe(5);
  });

  it("counts what passed, and what was skipped or is still to do", () => {
    expect([tally.passed, tally.skipped]).toEqual([1, 3]);
  });
});

describe("a run that looks fine", () => {
  const file = (...statuses: string[]) => ({
    name: "a.test.ts",
    status: "passed",
    message: "",
    assertionResults: statuses.map((status) => ({ fullName: "t", status })),
  });

  it("fails when vitest ended with an error outside of every test", () => {
    expect(tallyVitest("unit", { testResults: [file("passed")] }, 1, false)).toMatchObject({ passed: 1, failed: 1 });
  });

  it("fails when it had no tests, unless a filter chose none", () => {
    expect(tallyVitest("host", { testResults: [] }, 1, false)).toMatchObject({ failed: 1, failures: ["host: no tests ran"] });
    expect(tallyVitest("host", { testResults: [] }, 1, true)).toMatchObject({ passed: 0, failed: 0 });
  });

  it("fails when there is no report", () => {
    expect(tallyVitest("lab", undefined, 0, true)).toMatchObject({ failed: 1 });
  });
});

it("ends with a line that is easy to read and to parse", () => {
  expect(describeTally({ passed: 12, failed: 0, skipped: 0, failures: [] })).toBe("12 passed, 0 failed");
  expect(describeTally({ passed: 12, failed: 1, skipped: 3, failures: ["x"] })).toBe("12 passed, 1 failed, 3 skipped");
});
