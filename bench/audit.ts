/**
 * `npm run bench:audit -- [--runs N]`: what an audit costs on a large home: 200 scheduled jobs, 155 projects with a declared source each, 2 GB of logs; made on a home
 * that the real host onboarded and booted. Time and memory of the whole process, as a person runs it; the host's own CLI, where it is asked, by itself. Looks for
 * planted secrets in everything that was printed, too.
 */
import { spawn } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CANARIES, type PristineHome, pristineHome } from "../test/audit/homes/pristine.ts";
import { median } from "./matrix/summary.ts";
import { BIN } from "./stage.ts";

const JOBS = 200;
const PROJECTS = 155;
const FILES_OF_EACH = 20;
const LOGS = 20;
const LOG_BYTES = 100_000_000;

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) {
  process.stderr.write("usage: npm run bench:audit -- [--runs N]\n");
  process.exit(2);
}

/** One run as a process of its own: how long, and the most memory that the kernel saw of it (VmHWM, read before it ends). */
async function measured(home: PristineHome, args: readonly string[]): Promise<{ ms: number; rssMb: number; out: string }> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, ["--import", HWM, BIN, "audit", ...args], {
    env: home.env,
    cwd: home.home,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  const [, kilobytes = "NaN"] = /HWM (\d+)/.exec(err) ?? [];
  return { ms: performance.now() - startedMs, rssMb: Number(kilobytes) / 1024, out: out + err };
}

/** Says at the end what the process used at most. */
const HWM = `data:text/javascript,${encodeURIComponent(
  'import { readFileSync } from "node:fs"; process.on("exit", () => process.stderr.write("HWM " + /VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1] + "\\n"));',
)}`;

const home = await pristineHome();
try {
  await home.settle();
  const now = Date.now();
  const rows = Array.from(
    { length: JOBS },
    (_, index) => `INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, sort_order, updated_at)
      SELECT store_key, 'many-${index}', 'many ${index}', 1, payload_kind, json_set(job_json, '$.id', 'many-${index}'),
      '${JSON.stringify({ lastRunAtMs: now - 3_600_000, nextRunAtMs: now + 3_600_000, lastRunStatus: "ok" })}', ${index + 10}, updated_at FROM cron_jobs WHERE job_id = '${home.jobs.report}'`,
  );
  const receipts = Array.from(
    { length: JOBS },
    (
      _,
      index,
    ) => `INSERT INTO cron_run_receipts (receipt_id, store_key, job_id, config_revision, agent_id, status, owner_pid, started_at_ms, finished_at_ms)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
      SELECT 'm${index}-' || i, store_key, 'many-${index}', 'x', 'main', 'ok', 1, ${now} - i * 3600000, ${now} - i * 3600000 + 20000 FROM n, cron_jobs WHERE job_id = '${home.jobs.report}'`,
  );
  home.sql(`BEGIN; ${[...rows, ...receipts].join("; ")}; COMMIT`);
  const projects = join(home.home, "projects");
  for (let project = 0; project < PROJECTS; project++) {
    for (const side of ["copy", "source"]) {
      const directory = join(projects, side, String(project));
      mkdirSync(directory, { recursive: true });
      for (let file = 0; file < FILES_OF_EACH; file++)
        writeFileSync(join(directory, `${file}.md`), `project ${project}, file ${file}\n`.repeat(200));
    }
  }
  const sources = Array.from({ length: PROJECTS }, (_, project) => ({
    path: join(projects, "copy", String(project)),
    source: join(projects, "source", String(project)),
  }));
  home.settings({ audit: { sources } });
  for (let log = 0; log < LOGS; log++) {
    const descriptor = openSync(join(home.stateDir, "logs", `part-${log}.log`), "w");
    ftruncateSync(descriptor, LOG_BYTES);
    closeSync(descriptor);
  }
  const rowsOf: string[] = [];
  let printed = "";
  const bench = async (what: string, args: readonly string[], count: number, before: () => void = () => undefined) => {
    const found: { ms: number; rssMb: number; out: string }[] = [];
    for (let run = 0; run < count; run++) {
      before();
      found.push(await measured(home, args));
    }
    printed += found.map(({ out }) => out).join("");
    const seconds = found.map(({ ms }) => ms / 1000);
    const memory = found.map(({ rssMb }) => rssMb);
    const both = (list: readonly number[], digits: number) => `${median(list)?.toFixed(digits)} | ${Math.max(...list).toFixed(digits)}`;
    rowsOf.push(`| ${what} | ${both(seconds, 1)} | ${both(memory, 0)} | ${count} |`);
  };
  await bench("all checks, the configuration known to be valid", ["--json"], runs);
  await bench("all checks, the host asked about the configuration", ["--json"], runs, () => {
    home.config((config) => {
      config["wizard"] = { ...(config["wizard"] as object), lastRunAt: new Date().toISOString() };
    }, false);
  });
  await bench("in text", [], 1);
  await bench("as SARIF", ["--sarif"], 1);
  await bench("as Markdown", ["--md"], 1);
  const leaked = [...Object.values(CANARIES), home.token].filter((secret) => printed.includes(secret));
  process.stdout.write(
    [
      `${JOBS} jobs with 50 runs each, ${PROJECTS} projects of ${FILES_OF_EACH} files with a source each, ${(LOGS * LOG_BYTES) / 1e9} GB of logs (sparse: only their sizes are read)`,
      "| audit | s, median | worst | MB, median | worst | n |",
      "|---|---|---|---|---|---|",
      ...rowsOf,
      `planted secrets in ${printed.length} characters that were printed: ${leaked.length}`,
      "",
    ].join("\n"),
  );
  if (leaked.length > 0) process.exitCode = 1;
} finally {
  await home.dispose();
}
