/**
 * What watching costs, measured on real processes: `npm run bench:cost -- [--seconds 120] [--json]`.
 *
 * First an idle gateway is watched by `rescue-watchdog watch`. Then the loop runs in a rescue gateway, beside a second gateway that has the
 * plugin and watches nothing: the loop's cost is the difference. CPU is user + system time from /proc, carried to an hour; memory is the
 * resident set at the end. Linux only.
 */
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parsePolicy, toPolicy } from "../rescue-profile/config.ts";
import { assess } from "../rescue-profile/core/assess.ts";
import { decide } from "../rescue-profile/core/decide.ts";
import type { Observation } from "../rescue-profile/core/model.ts";
import { initialState } from "../rescue-profile/core/state.ts";
import { createGatewayHome, OPENCLAW } from "../test/support/home.ts";
import { packageCopy } from "../test/support/package.ts";
import { until } from "./prober.ts";
import { openStage, type Stage } from "./stage.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "120" }, json: { type: "boolean" } } });
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

interface Measured {
  readonly cpuSecondsPerHour: number;
  readonly rssMb: number;
  readonly wakeupsPerSecond: number;
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

/** A million decisions over an unchanged healthy gateway, and the assessments before them. */
function coreSpeed(): { decisionsPerSecond: number } {
  const policy = toPolicy(parsePolicy({}));
  const observation: Observation = {
    atMs: 0,
    lateMs: 0,
    clockGapMs: 0,
    process: {
      ok: true,
      value: {
        state: "alive",
        identity: { pid: 100, startTime: 1 },
        namedBy: "lock",
        run: "sleeping",
        cpuMs: 0,
        ageMs: 1,
        rssBytes: 1,
      },
    },
  };
  let state = initialState(0);
  const total = 1_000_000;
  const startedMs = performance.now();
  for (let n = 0; n < total; n++) {
    state = decide(state, { kind: "sampled", assessment: assess({ ...observation, atMs: n * 1000 }, policy) }, policy).state;
  }
  return { decisionsPerSecond: Math.round(total / ((performance.now() - startedMs) / 1000)) };
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

const round = (value: number) => Math.round(value * 10) / 10;

const seconds = Number(values.seconds);
const say = (text: string) => void process.stderr.write(`${text}\n`);
const core = coreSpeed();
say(`core: ${core.decisionsPerSecond} assessments and decisions per second`);
const stage = await openStage({ signal: abort.signal, onProgress: say, onLine: () => undefined });
try {
  // What a start leaves behind is not the cost of watching.
  await delay(20_000, undefined, { signal: abort.signal });
  say(`measuring for ${seconds} s`);
  const [watch, gateway] = await Promise.all([measure(stage.watcher.pid ?? 0, seconds), measure(stage.gatewayPid(), seconds)]);
  stage.watcher.kill("SIGTERM");
  const [loop, plain] = await inGateways(stage, seconds);
  const result = {
    seconds,
    core,
    watch,
    watchedGateway: gateway,
    rescueGatewayWithLoop: loop,
    sameGatewayWithoutLoop: plain,
    loopCpuSecondsPerHour: round(loop.cpuSecondsPerHour - plain.cpuSecondsPerHour),
    loopRssMb: round(loop.rssMb - plain.rssMb),
  };
  process.stdout.write(`${JSON.stringify(result, null, values.json === true ? 0 : 2)}\n`);
} finally {
  await stage.dispose();
}
