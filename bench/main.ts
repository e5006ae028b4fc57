/**
 * `npm run bench`: the fault matrix. A real gateway as a user unit of a real systemd in a box, one fault per run, and each contender that is to
 * bring it back, in turn, on the same machine.
 *
 *   npm run bench -- [--runs N] [--only FAULT,...] [--contenders NAME,...] [--contender NAME=COMMAND] [--lanes N] [--json FILE]
 *   npm run bench -- --from FILE
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
import { type Lane, openLane, windowOf } from "./matrix/lane.ts";
import { type Cell, isRight, type Spread, spread, summarize, table } from "./matrix/summary.ts";
import { targets, targetTable } from "./matrix/targets.ts";

const USAGE = `usage: npm run bench -- [--runs N] [--only ${MATRIX_FAULTS.map(({ name }) => name).join(",")}]
  [--contenders ${CONTENDERS.map(({ name }) => name).join(",")}] [--contender NAME=COMMAND] [--lanes N] [--json FILE]
   or: npm run bench -- --from FILE    the tables of a former run`;

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
  /** It could not be measured the first time. */
  readonly again?: true;
}

interface Wishes {
  readonly contenders: readonly Contender[];
  readonly faults: readonly MatrixFault[];
  readonly runs: number;
  readonly lanes: number;
  readonly json?: string;
}

/** Throws what is wrong with the words. A text instead is the answer: the usage, or the tables of a former run. */
function wishes(): Wishes | string {
  const { values } = parseArgs({
    options: {
      runs: { type: "string", default: "1" },
      only: { type: "string" },
      contenders: { type: "string" },
      contender: { type: "string", multiple: true, default: [] },
      lanes: { type: "string", default: "4" },
      json: { type: "string" },
      from: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return USAGE;
  if (values.from !== undefined) {
    const { cells, coldStart } = JSON.parse(readFileSync(values.from, "utf8"));
    return report(cells, coldStart);
  }
  const all = [...CONTENDERS, ...values.contender.map(foreign)];
  const [runs, lanes] = [wholeNumber("--runs", values.runs), wholeNumber("--lanes", values.lanes)];
  const [contenders, faults] = [chosen("--contenders", all, values.contenders), chosen("--only", MATRIX_FAULTS, values.only)];
  const missing = requireLab();
  if (missing !== undefined) throw new Error(missing);
  return { contenders, faults, runs, lanes, ...(values.json === undefined ? {} : { json: values.json }) };
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${option} ${text}: it is a whole number from 1`);
  return Number(text);
}

function chosen<T extends { readonly name: string }>(option: string, all: readonly T[], names: string | undefined): readonly T[] {
  const wanted = names?.split(",") ?? all.map(({ name }) => name);
  const unknown = wanted.filter((name) => !all.some((each) => each.name === name));
  if (unknown.length > 0) throw new Error(`${option}: there is no ${unknown.join(", ")}`);
  return all.filter(({ name }) => wanted.includes(name));
}

async function main(): Promise<number> {
  let wished: Wishes | string;
  try {
    wished = wishes();
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${USAGE}\n`);
    return 2;
  }
  if (typeof wished !== "string") return bench(wished);
  process.stdout.write(`${wished}\n`);
  return 0;
}

async function bench({ contenders, faults, runs, lanes, json }: Wishes): Promise<number> {
  const jobs = Array.from({ length: runs }, (_, round) => schedule(faults, contenders, round)).flat();
  const done: Run[] = [];
  let failed = 0;
  const queued = queues(jobs);
  const open: (Lane | undefined)[] = [];
  const work = async (index: number, order: readonly Job[][]) => {
    const take = () => order.find((list) => list.length > 0)?.shift();
    for (let job = take(); job !== undefined && !interrupted; job = take()) {
      const { fault, contender, again } = job;
      try {
        const lane = open[index] ?? (await openLane(contenders, say));
        open[index] = lane;
        const run = await lane.run(fault, contender);
        done.push(run);
        say(`${done.length} of ${jobs.length} · ${sentence(run, fault)}`);
        if (json !== undefined) write(json, done);
      } catch (error) {
        const next = again === true ? "" : ", and is tried once more";
        say(`${fault.name} · ${contender.name} · could not be measured${next}: ${messageOf(error)}`);
        if (again === true) failed++;
        else order[0]?.push({ ...job, again: true });
        // Nobody knows what is left in it.
        await open[index]?.dispose();
        open[index] = undefined;
      }
    }
  };
  try {
    const order = orders(queued);
    await Promise.all(Array.from({ length: lanes }, (_, index) => work(index, order[index % order.length] ?? [])));
    await work(0, [queued.alone]);
  } finally {
    await Promise.all(open.map((lane) => lane?.dispose()));
  }
  const cells = summarize(done);
  process.stdout.write(`${report(cells, coldStarts(done))}\n`);
  if (interrupted) return 130;
  if (failed > 0) process.stdout.write(`\n${failed} of ${jobs.length} runs could not be measured.\n`);
  return failed === 0 && cells.every(({ contender, right, runs }) => contender !== OURS || right === runs) ? 0 : 1;
}

/**
 * In the first round everybody meets what can be repaired, and who looks what nothing is right for; only ours has a word for what has to be told, and
 * only ours goes on, with what can be repaired: an hour is not enough for more. Of nobody it is only shown that a gateway stays down.
 */
function schedule(faults: readonly MatrixFault[], contenders: readonly Contender[], round: number): Job[] {
  const isAsked = ({ answer, tier, once, like }: MatrixFault, { name, blind }: Contender) => {
    if (name === OURS) return round === 0 || (answer === "recovers" && once !== true);
    if (name === "none") return round === 0 && tier === 1;
    return round === 0 && like === undefined && (answer === "recovers" || (answer === "nothing" && blind !== true));
  };
  return faults.flatMap((fault) => contenders.filter((each) => isAsked(fault, each)).map((contender) => ({ fault, contender })));
}

type Queues = Record<"busy" | "mixed" | "quiet" | "alone", Job[]>;

/** By what they cost the machine: one boot after another, some, hardly any, or so much that others would feel it. The longest first. */
function queues(jobs: readonly Job[]): Queues {
  const kindOf = ({ fault, contender }: Job): keyof Queues => {
    if (fault.alone === true) return "alone";
    if (fault.answer === "nothing") return "quiet";
    return contender.name === OURS && fault.answer === "recovers" && fault.once !== true ? "busy" : "mixed";
  };
  const lengthOf = ({ fault, contender }: Job) => windowOf(fault, contender);
  const { busy = [], mixed = [], quiet = [], alone = [] } = Object.groupBy(jobs, kindOf);
  const byLength = (list: Job[]) => list.sort((a, b) => lengthOf(b) - lengthOf(a));
  return { busy, mixed: byLength(mixed), quiet: byLength(quiet), alone };
}

/** Which lane takes what first, so that whatever is compared meets much the same machine. */
function orders({ busy, mixed, quiet }: Queues): readonly (readonly Job[][])[] {
  return [
    [busy, mixed, quiet],
    [mixed, quiet, busy],
    [quiet, mixed, busy],
    [busy, mixed, quiet],
  ];
}

function report(cells: readonly Cell[], floor: Spread | null): string {
  return `${table(cells, floor)}\n\n${targetTable(targets(cells))}`;
}

function coldStarts(runs: readonly Run[]): Spread | null {
  return spread(runs.flatMap(({ coldStartMs }) => coldStartMs ?? []));
}

function write(file: string, runs: readonly Run[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const cells = summarize(runs);
  const floor = coldStarts(runs);
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
