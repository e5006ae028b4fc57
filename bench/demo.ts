/**
 * `npm run demo`: a real gateway in a temporary home, the watchdog beside it with its default settings, three faults.
 *
 *   npm run demo -- [--json] [--runs N] [--only kill,freeze,stall]
 *
 * With `--json` the timeline goes to standard error and the last line of standard output is one JSON object.
 * Exit codes: 0 every fault was answered rightly, 1 not, 130 interrupted (everything is ended all the same).
 */
import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs, promisify, styleText } from "node:util";
import { FAULTS, type Fault } from "./faults.ts";
import { until } from "./prober.ts";
import { BIN, conditionOf, lineWhere, openStage, type Stage, type WatchLine } from "./stage.ts";

interface FaultResult {
  readonly name: string;
  readonly detectedMs: number | null;
  readonly recoveredMs: number | null;
  readonly tier: number | null;
  readonly action: string;
  readonly ok: boolean;
}

const { values } = parseArgs({
  options: { json: { type: "boolean" }, runs: { type: "string", default: "1" }, only: { type: "string" }, help: { type: "boolean" } },
});
const abort = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort());
const startedMs = performance.now();
const screen = values.json === true ? process.stderr : process.stdout;

async function main(): Promise<number> {
  const runs = Number(values.runs);
  const wanted = values.only?.split(",") ?? FAULTS.map((fault) => fault.name);
  const unknown = wanted.filter((name) => !FAULTS.some((fault) => fault.name === name));
  if (values.help === true || unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
    process.stderr.write(
      `${unknown.length > 0 ? `there is no fault ${unknown.join(", ")}\n` : ""}usage: npm run demo -- [--json] [--runs N] [--only ${FAULTS.map((f) => f.name).join(",")}]\n`,
    );
    return values.help === true ? 0 : 2;
  }
  const faults = FAULTS.filter((fault) => wanted.includes(fault.name));
  const results: FaultResult[] = [];
  const bootMs: number[] = [];
  let falseRepairs = 0;
  try {
    for (let run = 1; run <= runs; run++) {
      if (runs > 1) say("bold", `run ${run} of ${runs}`);
      const outcome = await oneRun(faults);
      results.push(...outcome.results);
      falseRepairs += outcome.falseRepairs;
      bootMs.push(outcome.bootMs);
    }
  } catch (error) {
    if (abort.signal.aborted) {
      say("yellow", "interrupted; everything that was started has been ended");
      return 130;
    }
    say("red", `the demo failed: ${error instanceof Error ? error.message : String(error)}`);
    if (values.json === true) process.stdout.write(`${JSON.stringify({ faults: results, falseRepairs, error: String(error) })}\n`);
    return 1;
  }
  summarize(results, falseRepairs, bootMs);
  if (values.json === true)
    process.stdout.write(`${JSON.stringify({ faults: results, falseRepairs, coldStartMs: bootMs.map(Math.round) })}\n`);
  return results.every((result) => result.ok) && falseRepairs === 0 ? 0 : 1;
}

async function oneRun(faults: readonly Fault[]): Promise<{ results: FaultResult[]; falseRepairs: number; bootMs: number }> {
  const stage = await openStage({
    signal: abort.signal,
    onProgress: (text) => say("dim", text),
    onLine: (line) => say(colourOf(line), describe(line)),
  });
  try {
    const results: FaultResult[] = [];
    let falseRepairs = 0;
    for (const fault of faults) {
      say("bold", `fault: ${fault.title}`);
      const outcome = fault.wantsRepair ? await repaired(stage, fault) : await leftAlone(stage, fault);
      results.push(outcome.result);
      falseRepairs += outcome.falseRepairs;
    }
    return { results, falseRepairs, bootMs: stage.bootMs };
  } finally {
    say("dim", "ending everything that was started");
    await stage.dispose();
  }
}

const RECOVER_MS = 300_000;

async function repaired(stage: Stage, fault: Fault): Promise<{ result: FaultResult; falseRepairs: number }> {
  const from = stage.lines.length;
  const injectedMs = performance.now();
  await fault.inject({ port: stage.port, gatewayPid: stage.gatewayPid() });
  const down = until(stage.port, false, 30_000, abort.signal).then(() => until(stage.port, true, RECOVER_MS, abort.signal));
  // Awaited below; an interruption rejects both.
  down.catch(() => undefined);
  const started = await lineWhere(stage.lines, from, (line) => line.event === "repair-started", RECOVER_MS, abort.signal);
  const detectedMs = started.atMs - injectedMs;
  await down;
  const recoveredMs = performance.now() - injectedMs;
  say("green", `serving again ${(recoveredMs / 1000).toFixed(1)} s after the fault; waiting until health has held`);
  const closed = await lineWhere(stage.lines, from, (line) => line.event === "incident-closed", RECOVER_MS, abort.signal);
  const repairs = stage.lines.slice(from).filter((line) => line.event === "repair-started").length;
  return {
    result: {
      name: fault.name,
      detectedMs: Math.round(detectedMs),
      recoveredMs: Math.round(recoveredMs),
      tier: typeof started["tier"] === "number" ? started["tier"] : null,
      action: await stepsTaken(stage, closed["incident"]),
      ok: closed["success"] === true && repairs === 1,
    },
    falseRepairs: repairs - 1,
  };
}

/** After a fault that passes by itself, the watchdog is given this long to do something foolish. */
const QUIET_MS = 5_000;

async function leftAlone(stage: Stage, fault: Fault): Promise<{ result: FaultResult; falseRepairs: number }> {
  const from = stage.lines.length;
  const pid = stage.gatewayPid();
  const injectedMs = performance.now();
  await fault.inject({ port: stage.port, gatewayPid: pid });
  await until(stage.port, false, 10_000, abort.signal);
  await until(stage.port, true, RECOVER_MS, abort.signal);
  const recoveredMs = performance.now() - injectedMs;
  say("green", `it serves again by itself after ${(recoveredMs / 1000).toFixed(1)} s`);
  await lineWhere(stage.lines, from, (line) => line.event === "condition" && conditionOf(line) === "serving", 30_000, abort.signal);
  await delay(QUIET_MS, undefined, { signal: abort.signal });
  const lines = stage.lines.slice(from);
  const noticed = lines.find((line) => line.event === "condition" && conditionOf(line) !== "serving");
  const repairs = lines.filter((line) => line.event === "repair-started").length;
  return {
    result: {
      name: fault.name,
      detectedMs: noticed === undefined ? null : Math.round(noticed.atMs - injectedMs),
      recoveredMs: Math.round(recoveredMs),
      tier: null,
      action: repairs === 0 ? "none" : "repair",
      ok: repairs === 0 && noticed !== undefined && stage.gatewayPid() === pid,
    },
    falseRepairs: repairs,
  };
}

/** The steps that were taken, as the journal tells a user. */
async function stepsTaken(stage: Stage, incident: unknown): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [BIN, "incident", String(incident), "--json"], { env: stage.home.env });
  const told = JSON.parse(stdout) as { incident: { repairs: { steps: { name: string }[] }[] } };
  return told.incident.repairs.flatMap((repair) => repair.steps.map((step) => step.name)).join(", ");
}

function say(style: "dim" | "bold" | "green" | "red" | "yellow", text: string): void {
  const at = `${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s`;
  screen.write(`${styleText("dim", at, { stream: screen })}  ${styleText(style, text, { stream: screen })}\n`);
}

function colourOf(line: WatchLine): "dim" | "green" | "red" | "yellow" {
  if (line.event === "incident-closed") return "green";
  return line["level"] === "error" ? "red" : line["level"] === "warn" ? "yellow" : "dim";
}

function describe(line: WatchLine): string {
  const facts: string[] = [];
  const condition = conditionOf(line);
  if (condition !== undefined) facts.push(condition);
  for (const key of ["cause", "trigger"] as const) if (typeof line[key] === "string") facts.push(line[key]);
  const { details } = line;
  if (typeof details === "string") facts.push(details);
  if (typeof details === "object" && details !== null) {
    if ("evidence" in details && Array.isArray(details.evidence)) facts.push(details.evidence.join("; "));
    if ("step" in details && "detail" in details) facts.push(`${details.step}: ${details.detail}`);
  }
  return `watchdog: ${line.event}${facts.length === 0 ? "" : ` · ${facts.join(" · ")}`}`;
}

function summarize(results: readonly FaultResult[], falseRepairs: number, bootMs: readonly number[]): void {
  const time = (ms: readonly number[]) => {
    const sorted = [...ms].sort((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
    return `${(median / 1000).toFixed(1)} s (worst ${((sorted.at(-1) ?? Number.NaN) / 1000).toFixed(1)} s, n=${sorted.length})`;
  };
  say("bold", `the host's own cold start ${time(bootMs)}`);
  for (const name of new Set(results.map((result) => result.name))) {
    const rows = results.filter((result) => result.name === name);
    const detected = rows.flatMap((row) => (row.detectedMs === null ? [] : [row.detectedMs]));
    const recovered = rows.flatMap((row) => (row.recoveredMs === null ? [] : [row.recoveredMs]));
    const right = rows.every((row) => row.ok);
    const verb = rows.some((row) => row.tier !== null) ? "acted after" : "noticed after";
    say(
      right ? "green" : "red",
      `${name}: ${right ? "right" : "WRONG"}; ${verb} ${time(detected)}, serving after ${time(recovered)}; ${rows[0]?.action}`,
    );
  }
  say(falseRepairs === 0 ? "green" : "red", `false repairs: ${falseRepairs}`);
}

process.exitCode = await main();
