import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Box } from "./box.ts";

export const UNIT = "openclaw-gateway.service";
/** Where a box with a watcher has the package that a user installs. */
export const PACKAGE = "/opt/rescue-package";

const WATCHDOG = `${PACKAGE}/dist/plugin/cli/bin.js`;
const WATCHDOG_DIR = ".local/state/rescue-watchdog/default";
/** Boots took a minute where two gateways shared two busy cores. */
const SERVES_WITHIN_MS = 180_000;
const LOCK = ".openclaw/tmp/openclaw-1500/gateway.state.lock";

/**
 * A program of its own, so that the measuring does not depend on what is measured: argv is PORT LOCK UNIT FILE EVERY_MS. Looks that often and appends
 * a line whenever what it sees changes. Healthy: /readyz answers 200, the unit is active, and its main process is the one of the lock.
 */
const EYE = `
  import { execFileSync } from "node:child_process";
  import { appendFileSync, readFileSync } from "node:fs";
  import { get } from "node:http";
  const [port, lock, unit, file, everyMs] = process.argv.slice(2);
  const ready = () => new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/readyz", agent: false, timeout: 500 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
  const holder = () => {
    try {
      return Number(/"pid":\\s*(\\d+)/.exec(readFileSync(lock, "utf8"))?.[1] ?? 0);
    } catch (error) {
      // Also while the state directory is mounted, moved or another one's.
      if (error.code !== undefined) return 0;
      throw error;
    }
  };
  const show = ["--user", "show", unit, "--property=ActiveState", "--property=MainPID"];
  const isMain = (pid) => {
    let lines = [];
    try {
      lines = execFileSync("systemctl", show, { encoding: "utf8" }).split("\\n");
    } catch {
      // A manager that does not answer proves nothing.
    }
    return lines.includes("ActiveState=active") && lines.includes("MainPID=" + pid);
  };
  let last = "";
  let proved = 0;
  for (;;) {
    const atMs = Date.now();
    const answers = await ready();
    const pid = holder();
    if (!answers) proved = 0;
    // The manager is asked only when there is something to prove.
    else if (pid !== 0 && pid !== proved) proved = isMain(pid) ? pid : 0;
    const seen = JSON.stringify({ ready: answers, healthy: answers && proved === pid && pid !== 0, pid });
    if (seen !== last) appendFileSync(file, JSON.stringify({ atMs, ...JSON.parse(seen) }) + "\\n");
    last = seen;
    await new Promise((resolve) => setTimeout(resolve, Number(everyMs)));
  }`;

export interface Sight {
  readonly atMs: number;
  readonly ready: boolean;
  readonly healthy: boolean;
  readonly pid: number;
}

/** A line of the watchdog's log. */
export interface Line {
  readonly atMs: number;
  readonly event: string;
  readonly success: boolean | null;
  readonly cause: string | null;
  readonly tier: number | null;
  readonly details: ReturnType<typeof JSON.parse>;
}

export interface Injury {
  readonly atMs: number;
  /** The gateway's process before it. */
  readonly pid: number;
  readonly restarts: number;
}

/** A box with the host's gateway as a user unit, seen from outside, and a watchdog that can be put to it. */
export interface Watched {
  /** A shell script as the account. Returns its stdout; throws when it does not end with 0. */
  sh(script: string, timeoutMs?: number): Promise<string>;
  show(property: string): Promise<string>;
  /** Our command. */
  watchdog(...args: readonly string[]): Promise<{ readonly code: number | null; readonly json: ReturnType<typeof JSON.parse> }>;
  /** Begins to watch with an empty journal, so that every scenario has the whole budget. Resolves when the watcher has seen it serve. */
  watch(options?: { readonly set?: readonly string[]; readonly properties?: readonly string[] }): Promise<void>;
  /** Until the watcher has kept what a later repair needs: a copy of the configuration, and what served. */
  remembered(): Promise<void>;
  /** Ends the watcher; its journal and its copies stay. */
  endWatcher(): Promise<void>;
  unwatch(): Promise<void>;
  /** Runs the script that does the harm. */
  injure(script: string): Promise<Injury>;
  /** The first moment after the injury at which another process serves. */
  healthyAgain(injury: Injury, withinMs?: number): Promise<Sight>;
  /** The log's lines since then. */
  lines(since?: Injury): readonly Line[];
  /** Resolves to the first such line since then. */
  line(event: string, since: Injury, withinMs?: number): Promise<Line>;
  until(what: string, so: () => boolean | Promise<boolean>, withinMs?: number): Promise<void>;
  /** Undoes whatever a scenario did; the host's unit and configuration are again what they were, and the gateway serves. */
  mend(): Promise<void>;
}

/** `everyMs`: how often it is looked at. Often costs a tenth of a core. */
export async function watched(box: Box, port: number, everyMs = 25): Promise<Watched> {
  const eyeFile = join(box.home, "eye.jsonl");
  const logFile = join(box.home, WATCHDOG_DIR, "logs/watchdog.jsonl");

  const sh = (script: string, timeoutMs?: number) => box.output(["sh", "-ec", script], timeoutMs);
  const show = async (property: string) => (await box.output(["systemctl", "--user", "show", UNIT, "-p", property, "--value"])).trim();
  const sights = (): readonly Sight[] => jsonLines(eyeFile);
  const lines = (since?: Injury): readonly Line[] =>
    jsonLines(logFile)
      .map(({ timestamp, ...line }) => ({ ...line, atMs: Date.parse(timestamp) }))
      .filter(({ atMs }) => since === undefined || atMs >= since.atMs);

  const until = async (what: string, so: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> => {
    const deadline = performance.now() + withinMs;
    while (!(await so())) {
      if (performance.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what}. ${await situation()}`);
      await sleep(50);
    }
  };
  const situation = async (): Promise<string> => {
    const unit = await box.run(["systemctl", "--user", "show", UNIT, "-p", "LoadState,ActiveState,SubState,Result,MainPID,NRestarts"]);
    const last = lines()
      .slice(-8)
      .map((line) => JSON.stringify(line));
    return [unit.stdout.replaceAll("\n", " "), JSON.stringify(sights().slice(-3)), ...last].join("\n");
  };
  const healthyNow = () => sights().at(-1)?.healthy === true;
  const endWatcher = async (): Promise<void> => void (await box.run(["systemctl", "--user", "stop", "dog.service"]));
  const unwatch = async (): Promise<void> => {
    await endWatcher();
    await sh(`rm -rf ~/${WATCHDOG_DIR}`);
  };

  writeFileSync(join(box.home, "eye.mjs"), EYE);
  await sh(`systemd-run --user --quiet --unit=eye --collect /opt/node/node ~/eye.mjs ${port} ~/${LOCK} ${UNIT} ~/eye.jsonl ${everyMs}`);
  await until("a gateway that serves", healthyNow, SERVES_WITHIN_MS);
  await sh(`mkdir -p kept && cp -p ~/.config/systemd/user/${UNIT} ~/.openclaw/openclaw.json kept/`);

  return {
    sh,
    show,
    lines,
    until,
    endWatcher,
    unwatch,
    async watchdog(...args) {
      const { exitCode, stdout, stderr } = await box.run(["node", WATCHDOG, ...args, "--json"], 90_000);
      const last = stdout.trim().split("\n").at(-1) ?? "";
      return { code: exitCode, json: last === "" ? { stderr } : JSON.parse(last) };
    },
    async watch({ set = [], properties = [] } = {}) {
      await unwatch();
      const unit = ["--unit=dog", "--collect", ...properties.map((each) => `--property=${each}`)].join(" ");
      const settings = set.map((each) => ` --set ${each}`).join("");
      await sh(`systemd-run --user --quiet ${unit} /opt/node/node ${WATCHDOG} watch --json${settings}`);
      await until("a watcher that has seen it serve", () => lines().some(({ details }) => details?.condition === "serving"));
    },
    async remembered() {
      const dir = join(box.home, WATCHDOG_DIR);
      const copies = () => (existsSync(join(dir, "copies")) ? readdirSync(join(dir, "copies"), { recursive: true }).length : 0);
      await until("a kept copy, and what served", () => existsSync(join(dir, "served.json")) && copies() > 1);
    },
    async injure(script) {
      const pid = sights().at(-1)?.pid ?? 0;
      const restarts = Number(await show("NRestarts"));
      const atMs = Number((await sh(`date +%s%3N; {\n${script}\n} >&2`, 120_000)).split("\n")[0]);
      return { atMs, pid, restarts };
    },
    async healthyAgain({ atMs, pid }, withinMs = 90_000) {
      const find = () => sights().find((sight) => sight.healthy && sight.atMs >= atMs && sight.pid !== pid);
      await until("another process that serves", () => find() !== undefined, withinMs);
      return find() ?? never();
    },
    async line(event, since, withinMs) {
      const find = () => lines(since).find((line) => line.event === event);
      await until(`the log's ${event}`, () => find() !== undefined, withinMs);
      return find() ?? never();
    },
    async mend() {
      await sh(`
        systemctl --user unmask ${UNIT}
        rm -rf ~/.config/systemd/user/${UNIT}.d ~/cause ~/starts
        cp -p --remove-destination kept/${UNIT} ~/.config/systemd/user/
        cp -p kept/openclaw.json ~/.openclaw/
        systemctl --user daemon-reload
        systemctl --user --quiet enable ${UNIT}
        systemctl --user reset-failed ${UNIT} || true
        systemctl --user start ${UNIT}`);
      await until("a gateway that serves", healthyNow, SERVES_WITHIN_MS);
    },
  };
}

/** Processes of the whole machine that are this gateway. Its port is a random one, and the host's own CLI does not have it in its words. */
export function gatewaysOn(port: number): readonly number[] {
  return processesWith(`gateway\0--port\0${port}\0`);
}

/** Processes of the whole machine with these words, each with a NUL behind it, in their command line. */
export function processesWith(words: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandOf(pid).includes(words))
    .map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ESRCH") return "";
    throw error;
  }
}

/** Whole lines only: the last may be in the making. */
export function jsonLines(file: string): ReturnType<typeof JSON.parse>[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function never(): never {
  throw new Error("what was there a moment ago is gone");
}
