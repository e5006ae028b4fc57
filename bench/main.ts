/**
 * `npm run bench`: the fault matrix. A real gateway as a user unit of a real systemd in a box, one fault per run, and each contender that is to
 * bring it back, in turn, on the same machine.
 *
 *   npm run bench -- [--runs N] [--only FAULT,...] [--contenders NAME,...] [--contender NAME=COMMAND] [--lanes N] [--json FILE]
 *
 * Progress goes to standard error, the table to standard output. With `--json FILE` everything that was measured is written there, and the figure
 * beside it (`FILE` with .svg). Exit codes: 0 our contender answered every fault rightly and did no harm, 1 not, 2 wrong usage, 130 interrupted.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../src/shared/errors.ts";
import { requireLab } from "../test/lab/box.ts";
import { CONTENDERS, type Contender, foreign, OURS } from "./matrix/contenders.ts";
import { MATRIX_FAULTS, type MatrixFault } from "./matrix/faults.ts";
import { figure } from "./matrix/figure.ts";
import type { Run } from "./matrix/judge.ts";
import { type Lane, openLane } from "./matrix/lane.ts";
import { isRight, spread, summarize, table } from "./matrix/summary.ts";

const USAGE = `usage: npm run bench -- [--runs N] [--only ${MATRIX_FAULTS.map(({ name }) => name).join(",")}]
  [--contenders ${CONTENDERS.map(({ name }) => name).join(",")}] [--contender NAME=COMMAND] [--lanes N] [--json FILE]`;

const say = (text: string) => void process.stderr.write(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
const startedMs = performance.now();
let interrupted = false;
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => {
    interrupted = true;
  });

interface Job {
  readonly fault: MatrixFault;
  readonly contender: Contender;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: "string", default: "1" },
      only: { type: "string" },
      contenders: { type: "string" },
      contender: { type: "string", multiple: true, default: [] },
      lanes: { type: "string", default: "3" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const all = [...CONTENDERS, ...values.contender.map(foreign)];
  const wanted = new Set(values.contenders?.split(",") ?? all.map(({ name }) => name));
  const named = new Set(values.only?.split(",") ?? MATRIX_FAULTS.map(({ name }) => name));
  const [runs, lanes] = [Number(values.runs), Number(values.lanes)];
  const unknown = [
    ...[...wanted].filter((name) => !all.some((each) => each.name === name)),
    ...[...named].filter((name) => !MATRIX_FAULTS.some((each) => each.name === name)),
  ];
  const problem = unknown.length > 0 ? `there is no ${unknown.join(", ")}` : requireLab();
  if (problem !== undefined || ![runs, lanes].every((each) => Number.isInteger(each) && each > 0)) {
    process.stderr.write(`${problem ?? "--runs and --lanes are whole numbers from 1"}\n${USAGE}\n`);
    return 2;
  }
  const contenders = all.filter(({ name }) => wanted.has(name));
  const faults = MATRIX_FAULTS.filter(({ name }) => named.has(name));
  const jobs = Array.from({ length: runs }, (_, round) => schedule(faults, contenders, round)).flat();
  const done: Run[] = [];
  let failed = 0;
  const attempt = async (lane: Lane, { fault, contender }: Job): Promise<Run | undefined> => {
    try {
      return await lane.run(fault, contender);
    } catch (error) {
      failed++;
      say(`${fault.name} · ${contender.name} · could not be measured: ${messageOf(error)}`);
      return undefined;
    }
  };
  const queue = [...jobs];
  const work = async () => {
    let lane: Lane | undefined;
    try {
      for (let job = queue.shift(); job !== undefined && !interrupted; job = queue.shift()) {
        lane ??= await openLane(contenders, say);
        const run = await attempt(lane, job);
        if (run === undefined) {
          // Nobody knows what is left in it.
          await lane.dispose();
          lane = undefined;
          continue;
        }
        done.push(run);
        say(`${done.length} of ${jobs.length} · ${sentence(run, job.fault)}`);
        if (values.json !== undefined) write(values.json, done);
      }
    } finally {
      await lane?.dispose();
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, jobs.length) }, work));
  const cells = summarize(done);
  process.stdout.write(`${table(cells, spread(done.map(({ coldStartMs }) => coldStartMs)))}\n`);
  if (interrupted) return 130;
  if (failed > 0) process.stdout.write(`\n${failed} of ${jobs.length} runs could not be measured.\n`);
  return failed === 0 && cells.every(({ contender, right, runs }) => contender !== OURS || right === runs) ? 0 : 1;
}

/**
 * Contenders in turn within each fault, so that what the machine does meanwhile meets all of them. In the first round everybody meets everything; in
 * the others only ours goes on, with what can be repaired: an hour is not enough for more. Who does nothing is not asked what nothing is right for.
 */
function schedule(faults: readonly MatrixFault[], contenders: readonly Contender[], round: number): Job[] {
  return faults.flatMap((fault) =>
    contenders
      .filter(({ name }) =>
        name === "none" ? fault.answer === "recovers" && round === 0 : round === 0 || (name === OURS && fault.answer === "recovers"),
      )
      .map((contender) => ({ fault, contender })),
  );
}

function write(file: string, runs: readonly Run[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const cells = summarize(runs);
  const floor = spread(runs.map(({ coldStartMs }) => coldStartMs));
  const { version } = JSON.parse(readFileSync(new URL("../node_modules/openclaw/package.json", import.meta.url), "utf8"));
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, memoryGb: Math.round(totalmem() / 1e9), node: process.version };
  const about = { host: `openclaw ${version}`, machine, tookS: Math.round((performance.now() - startedMs) / 1000), coldStart: floor };
  writeFileSync(file, `${JSON.stringify({ ...about, cells, runs }, null, 1)}\n`);
  writeFileSync(file.replace(/\.json$/, ".svg"), figure(cells, floor));
}

function sentence(run: Run, fault: MatrixFault): string {
  const at = (ms: number | null) => (ms === null ? "–" : `${(ms / 1000).toFixed(1)} s`);
  const told = run.told.map(({ cause, atMs }) => `${cause} ${at(atMs)}`).join(", ");
  const harm = run.harm.length === 0 ? "" : ` · HARM ${run.harm.join("; ")}`;
  const right = isRight(run, fault) ? "right" : "not right";
  return `${run.fault} · ${run.contender} · ${right} · acted ${at(run.actedMs)}, serving ${at(run.servedMs)}, ${run.starts} starts, told ${told || "–"} [${run.repairs.join("; ")}]${harm}`;
}

process.exitCode = await main();
