import { describe, expect, it } from "vitest";
import { readFailingJobs } from "../../rescue-profile/observe/failing-jobs.ts";
import { footprint, runSql, servedHome } from "./findings-support.ts";

async function jobs(...rows: readonly (readonly [string, number, string])[]) {
  const { target } = await servedHome();
  runSql(target.databasePath, "CREATE TABLE cron_jobs (store_key TEXT, job_id TEXT, name TEXT, enabled INTEGER, state_json TEXT)");
  for (const [name, enabled, state] of rows)
    runSql(target.databasePath, `INSERT INTO cron_jobs VALUES ('k', '${name}', '${name}', ${enabled}, '${state}')`);
  return target;
}

describe("failing jobs", () => {
  it("are those that are switched on and failed three times in a row, worst first", async () => {
    // As the host keeps it (2026.9.6).
    const failing =
      '{"nextRunAtMs":1795275650719,"lastRunStatus":"error","consecutiveErrors":3,"consecutiveSkipped":0,"lastError":"command exited with code 3"}';
    const target = await jobs(
      ["failing", 1, failing],
      ["worse", 1, '{"consecutiveErrors":7}'],
      ["twice", 1, '{"consecutiveErrors":2}'],
      ["off", 0, '{"consecutiveErrors":9}'],
      ["fine", 1, '{"nextRunAtMs":1795316400000}'],
      ["garbled", 1, "{"],
    );
    const before = footprint(target.stateDir);
    expect(readFailingJobs(target.databasePath)).toEqual({
      ok: true,
      value: [
        { name: "worse", failures: 7 },
        { name: "failing", failures: 3 },
      ],
    });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it("are not known when the host keeps them elsewhere", async () => {
    const { target } = await servedHome();
    expect(readFailingJobs(target.databasePath)).toEqual({ ok: false, why: "the state database has no cron_jobs.name" });
    expect(readFailingJobs(`${target.databasePath}.none`)).toEqual({ ok: false, why: "the state database is missing" });
  });
});
