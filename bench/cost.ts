/**
 * What watching costs, measured on real processes: `npm run bench:cost -- [--seconds 120] [--json FILE]`.
 *
 * First the parts by themselves, then an idle gateway watched by `rescue-watchdog watch` and by `tick`, then the loop in a rescue gateway beside a second
 * gateway that has the plugin and watches nothing (the loop's cost is the difference), then many profiles in one loop. CPU is user + system time from
 * /proc, carried to an hour; memory is the resident set at the end. Linux only. A Markdown table goes to standard output.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { resolveTarget } from "../rescue-profile/observe/target.ts";
import { createGatewayHome, OPENCLAW } from "../test/support/home.ts";
import { packageCopy } from "../test/support/package.ts";
import { type Many, watchMany } from "./cost/many.ts";
import { classificationsPerSecond, decisionsPerSecond, journalWriteMs, lookCost, tickCost } from "./cost/parts.ts";
import { type Cost, costTables, type Measured, round } from "./cost/tables.ts";
import { until } from "./prober.ts";
import { openStage, type Stage } from "./stage.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "120" }, json: { type: "string" } } });
const abort = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => abort.abort());
const TICKS_PER_SECOND = 100;

interface Usage {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly wakeups: number;
}

function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return {
    cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND,
    rssBytes: number("VmRSS") * 1024,
    wakeups: number("voluntary_ctxt_switches"),
  };
}

async function measure(pid: number, seconds: number): Promise<Measured> {
  const before = usage(pid);
  await delay(seconds * 1000, undefined, { signal: abort.signal });
  const after = usage(pid);
  return {
    cpuSecondsPerHour: round(((after.cpuMs - before.cpuMs) / 1000 / seconds) * 3600),
    rssMb: round(after.rssBytes / 1e6),
    wakeupsPerSecond: round((after.wakeups - before.wakeups) / seconds),
  };
}

/** Two more gateways in the stage's home: `rescue` runs the loop over the stage's gateway, `plain` has the same plugin and nothing to watch. */
async function inGateways(stage: Stage, seconds: number): Promise<[Measured, Measured]> {
  const dir = packageCopy();
  try {
    const pids: number[] = [];
    for (const profile of ["rescue", "plain"]) {
      const home = await createGatewayHome({ profile, home: stage.home.home, plugins: [dir] });
      if (profile === "rescue") setWatchProfile(home.configPath);
      stage.home.adopt(spawn(process.execPath, [OPENCLAW, "--profile", profile, "gateway", "run"], { env: home.env, stdio: "ignore" }));
      await until(home.port, true, 180_000, abort.signal);
      pids.push(home.gatewayPid());
    }
    say("both gateways serve; letting them settle");
    await delay(60_000, undefined, { signal: abort.signal });
    const [loop = 0, plain = 0] = pids;
    return await Promise.all([measure(loop, seconds), measure(plain, seconds)]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function setWatchProfile(configPath: string): void {
  const config = JSON.parse(readFileSync(configPath, "utf8"));
  config.plugins.entries["rescue-watchdog"].config = { watchProfile: "default" };
  writeFileSync(configPath, JSON.stringify(config, null, 2));
}

const seconds = Number(values.seconds);
const say = (text: string) => void process.stderr.write(`${text}\n`);

async function measureAll() {
  const core = { decisionsPerSecond: decisionsPerSecond(), classificationsPerSecond: classificationsPerSecond() };
  say(`core: ${core.decisionsPerSecond} decisions and ${core.classificationsPerSecond} classifications per second`);
  const journal = journalWriteMs();
  say(`journal: ${journal.median} ms for a commit`);
  const stage = await openStage({ signal: abort.signal, onProgress: say, onLine: () => undefined });
  try {
    // What a start leaves behind is not the cost of watching.
    await delay(60_000, undefined, { signal: abort.signal });
    say(`measuring for ${seconds} s`);
    const [watch, watchedGateway] = await Promise.all([measure(stage.watcher.pid ?? 0, seconds), measure(stage.gatewayPid(), seconds)]);
    const left = once(stage.watcher, "exit");
    stage.watcher.kill("SIGTERM");
    await left;
    const target = await resolveTarget({ profile: "default", home: stage.home.home, env: {} });
    const looks = { identity: await lookCost(target, "identity"), full: await lookCost(target, "full") };
    const tick = tickCost(stage.home.env);
    say(`one look: ${looks.full.ms} ms; one tick: ${tick.ms} ms`);
    const [loop, plain] = await inGateways(stage, seconds);
    return { core, journal, looks, tick, watch, watchedGateway, rescueGatewayWithLoop: loop, sameGatewayWithoutLoop: plain };
  } finally {
    await stage.dispose();
  }
}

const measured = await measureAll();
const many: Many[] = [];
for (const profiles of [1, 10, 100, 1_000]) {
  many.push(await watchMany(profiles, Math.min(seconds, 60)));
  say(`${profiles} profiles: ${JSON.stringify(many.at(-1))}`);
}
const result: Cost = { seconds, ...measured, many };
if (values.json !== undefined) {
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify(result, null, 1)}\n`);
}
process.stdout.write(`${costTables(result)}\n`);
