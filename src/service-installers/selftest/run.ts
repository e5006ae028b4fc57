import { readdirSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import type { ManagedService, ServiceControl, ServiceInstaller, ServiceSpec } from "../installer.ts";
import { type Footprint, footprint, isKnown, isThere, kindOf, type RunProgram } from "./footprint.ts";
import { answer, isAlive, layOut, pids, starts } from "./program.ts";
import { type Check, type CheckResult, judged, type LeftBehind, sentence, unseen, withoutEnvironment } from "./report.ts";

export interface SelftestWorld {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly uid: number;
  /** The gateway's own service; it is only asked. */
  readonly manager: Pick<ServiceControl & Partial<ManagedService>, "manager" | "status" | "readDefinition" | "logs">;
  readonly installer: ServiceInstaller;
  /** Further checks of the throwaway service while it runs, for what only one manager's room can do. */
  readonly more?: (bench: Bench) => readonly Check[];
  readonly runProgram: RunProgram;
  /** Fresh, of the self-test's own, 0700. */
  readonly directory: string;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface SelftestRun {
  /** Profile name of the throwaway service. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly onCheck: (result: CheckResult) => void;
}

const START_MS = 30_000;
const END_MS = 10_000;
const SETTLE_MS = 2_000;
const POLL_MS = 250;
/** RestartSec is 5 s, ThrottleInterval 10 s. */
const RESTART_MS = 60_000;
/** RestartOnFailure is a minute, and the Task Scheduler is not punctual. */
const RESTART_BY_TASK_MS = 150_000;
const LOG_LINES = 20;
const RAW_CHARACTERS = 4_000;

export interface Bench {
  readonly world: SelftestWorld;
  readonly run: SelftestRun;
  readonly print: Footprint;
  readonly spec: ServiceSpec;
}

/**
 * Proves the manager of this machine on a service of our own that is made for it and taken away again whatever happens; the gateway's own
 * is only asked. An abort ends it after the step under way. `leftBehind` is empty when nothing is left.
 * @throws RescueError `refused` when the name is taken, `service-control` when that cannot be known; nothing was made then
 */
export async function selftest(world: SelftestWorld, run: SelftestRun): Promise<{ checks: CheckResult[]; leftBehind: LeftBehind[] }> {
  const print = footprint(world.platform, run.name, world);
  if (await isThere(world, print)) {
    throw new RescueError("refused", `${print.title} is there already; nothing was made`, {
      fix: `look at it; to remove it: ${print.remove}`,
    });
  }
  const bench = { world, run, print, spec: layOut(world.directory, run.name) };
  const checks: CheckResult[] = [];
  let leftBehind: LeftBehind[] = [];
  try {
    for (const check of [...gatewayChecks(world), ...installChecks(bench), ...(world.more?.(bench) ?? []), ...endChecks(bench)]) {
      const result = await carryOut(check, checks, bench);
      checks.push(result);
      run.onCheck(result);
    }
  } finally {
    leftBehind = await cleanUp(bench);
  }
  return { checks, leftBehind };
}

function gatewayChecks({ manager }: SelftestWorld): Check[] {
  return [
    {
      id: "gateway-status",
      proves: "the manager says what the gateway's service does",
      expected: "a state",
      asksOnly: true,
      look: async () => {
        const { state, mainPid } = await manager.status();
        return judged(true, `${manager.manager}: ${state}${mainPid === undefined ? "" : `, pid ${mainPid}`}`);
      },
    },
    {
      id: "gateway-definition",
      proves: "the gateway's definition is understood",
      expected: "an argv that runs openclaw's gateway",
      asksOnly: true,
      look: async () => {
        const definition = (await manager.readDefinition?.()) ?? null;
        if (definition === null) return unseen(`no service of the gateway is known to ${manager.manager}`);
        const { path, argv, environment, enabled } = definition;
        const isGateway = argv.includes("gateway") && argv.some((word) => /openclaw/i.test(word));
        // Its other words, and the variables, may be secrets.
        const program = argv
          .slice(0, 2)
          .filter((word) => isAbsolute(word))
          .join(" ");
        const counts = `${argv.length} words, ${Object.keys(environment).length} variables`;
        return judged(
          isGateway,
          `${path ?? "no file"}: ${program} … ${isGateway ? "gateway" : "no gateway"}; ${counts}, enabled: ${enabled}`,
        );
      },
    },
    {
      id: "gateway-logs",
      proves: "the gateway's newest log lines are found",
      expected: `1 to ${LOG_LINES} lines`,
      asksOnly: true,
      look: async () => {
        const lines = (await manager.logs?.(LOG_LINES)) ?? [];
        return lines.length === 0 ? unseen("no line") : judged(lines.length <= LOG_LINES, `${lines.length} lines`);
      },
    },
  ];
}

function installChecks({ world, run, print, spec }: Bench): Check[] {
  const file = print.definition;
  return [
    {
      id: "install",
      proves: "a definition is written, and taken by the manager",
      expected: `changed; ${file === null ? `\\${print.title}` : `${file}, a file of mode 600`}; known to the manager`,
      look: async () => {
        const { path, changed } = await world.installer.install(spec);
        const known = await isKnown(world, print);
        const place = file === null ? path : `${path}, ${kindOf(path)}`;
        const right = file === null ? path === `\\${print.title}` : path === file && kindOf(path) === "a file of mode 600";
        return judged(changed && known && right, `${changed ? "" : "un"}changed; ${place}; ${known ? "" : "un"}known to the manager`);
      },
    },
    {
      id: "starts",
      proves: "the manager starts it",
      expected: `a living process within ${START_MS / 1000} s`,
      needs: "install",
      look: async () => {
        const [pid] = (await until(world, run.signal, START_MS, () => starts(spec)[0])) === undefined ? [] : pids(spec);
        return judged(
          pid !== undefined && isAlive(pid),
          pid === undefined ? "it did not start" : `pid ${pid}, ${isAlive(pid) ? "alive" : "dead"}`,
        );
      },
    },
    {
      id: "install-again",
      proves: "a second install changes nothing and leaves the process alone",
      expected: "unchanged, the same process, no other start",
      needs: "starts",
      look: async () => {
        const before = pids(spec).at(-1);
        const { changed } = await world.installer.install(spec);
        await world.sleep(SETTLE_MS);
        const again = pids(spec).length - 1;
        const alive = before !== undefined && isAlive(before);
        return judged(
          !changed && alive && again === 0,
          `${changed ? "" : "un"}changed, pid ${before} ${alive ? "alive" : "dead"}, ${again} other starts`,
        );
      },
    },
    {
      id: "argv",
      proves: "blanks, quotes, & and other alphabets arrive unchanged, in arguments and paths",
      expected: JSON.stringify([spec.workingDirectory, ...spec.argv.slice(1)]),
      needs: "starts",
      look: async () => {
        const start = starts(spec)[0];
        const found = JSON.stringify([start?.cwd, ...(start?.argv.slice(1) ?? [])]);
        return judged(found === JSON.stringify([spec.workingDirectory, ...spec.argv.slice(1)]), found);
      },
    },
  ];
}

function endChecks({ world, run, print, spec }: Bench): Check[] {
  const restartMs = world.platform === "win32" ? RESTART_BY_TASK_MS : RESTART_MS;
  return [
    {
      id: "comes-back",
      proves: "the manager starts it again after a SIGKILL",
      expected: `another process within ${restartMs / 1000} s`,
      needs: "starts",
      look: async () => {
        const last = () => pids(spec).at(-1);
        // A number alone may be another's by now.
        const pid = await until(world, run.signal, END_MS, () => (answer(spec) === last() ? last() : undefined));
        if (pid === undefined) return judged(false, `pid ${last()} does not answer; nothing was killed`);
        const before = pids(spec).length;
        const begun = world.nowMs();
        process.kill(pid, "SIGKILL");
        const next = await until(world, run.signal, restartMs, () => pids(spec)[before]);
        return judged(next !== undefined, `pid ${pid} → ${next ?? "none"} after ${Math.round(world.nowMs() - begun)} ms`);
      },
    },
    {
      id: "uninstall",
      proves: "uninstall ends the process and takes away definition and logs",
      expected: "removed; no process, no definition, no log",
      needs: "install",
      look: async () => {
        const removed = await world.installer.uninstall(run.name);
        const left = await remains({ world, print, spec }, run.signal);
        const logs = readdirSync(spec.logDirectory).length;
        const all = [...left.map(({ what }) => what), ...(logs === 0 ? [] : [`${logs} logs`])];
        return judged(removed && all.length === 0, `${removed ? "removed" : "nothing was there"}; ${all.join("; ") || "nothing is left"}`);
      },
    },
    {
      id: "uninstall-again",
      proves: "a second uninstall finds nothing",
      expected: "nothing was there",
      needs: "uninstall",
      look: async () => ((await world.installer.uninstall(run.name)) ? judged(false, "removed") : judged(true, "nothing was there")),
    },
  ];
}

/** Here, and only here, everything that is thrown becomes a sentence: a report of a machine that surprised us is what we are after. */
async function carryOut(
  { look, needs, asksOnly, ...check }: Check,
  done: readonly CheckResult[],
  { world, run, print }: Bench,
): Promise<CheckResult> {
  const begun = world.nowMs();
  const lacking = needs !== undefined && done.find(({ id }) => id === needs)?.verdict !== "proved";
  const seen = run.signal.aborted
    ? unseen("interrupted")
    : lacking
      ? unseen(`not tried without ${needs}`)
      : await look().catch((error: unknown) => {
          if (run.signal.aborted || asksOnly) return unseen(sentence(error));
          return judged(false, sentence(error));
        });
  const result = { ...check, ...seen, ms: Math.round(world.nowMs() - begun) };
  if (result.verdict !== "failed" || asksOnly) return result;
  const { stdout, stderr } = await world.runProgram(print.describe);
  return { ...result, raw: withoutEnvironment(`${stdout}${stderr}`).slice(0, RAW_CHARACTERS) };
}

/** Takes the service away whatever was done so far. What cannot be taken away, or looked at, is told. */
async function cleanUp({ world, run, print, spec }: Bench): Promise<LeftBehind[]> {
  const told: LeftBehind[] = [];
  const tell = (error: unknown) => void told.push({ what: `${print.title}: ${sentence(error)}`, command: print.remove });
  await world.installer.uninstall(run.name).catch(tell);
  writeFileSync(join(spec.workingDirectory, "end"), "");
  const left = await remains({ world, print, spec }, new AbortController().signal).catch((error: unknown) => void tell(error));
  return [...told, ...(left ?? [])];
}

/** What is still there of it, once its processes have had time to end. */
async function remains({ world, print, spec }: Omit<Bench, "run">, signal: AbortSignal): Promise<LeftBehind[]> {
  await until(world, signal, END_MS, () => !pids(spec).some(isAlive) || undefined);
  // After all that was done to end it, it may be another's: to be looked at first.
  const show = (pid: number) => (world.platform === "win32" ? `tasklist /FI "PID eq ${pid}"` : `ps -o pid,lstart,args -p ${pid}`);
  const living = pids(spec)
    .filter(isAlive)
    .map((pid) => ({ what: `pid ${pid} is alive`, command: show(pid) }));
  const there = await isThere(world, print);
  return [...living, ...(there ? [{ what: `${print.definition ?? print.title} is there`, command: print.remove }] : [])];
}

/** Undefined when it did not come about in time. Throws `interrupted`. */
export async function until<T>(
  { nowMs, sleep }: Pick<SelftestWorld, "nowMs" | "sleep">,
  signal: AbortSignal,
  withinMs: number,
  look: () => T | undefined,
): Promise<T | undefined> {
  for (const deadline = nowMs() + withinMs; ; await sleep(POLL_MS)) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (signal.aborted) throw new RescueError("interrupted", "interrupted");
    if (nowMs() > deadline) return undefined;
  }
}
