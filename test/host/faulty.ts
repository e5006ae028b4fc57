import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endProcess, type StartedHome, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";

const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));
const PLUGIN = fileURLToPath(new URL("../fixtures/fault-plugin", import.meta.url));
const DIR = ".local/state/rescue-watchdog/default";

export type Config = Record<string, Record<string, unknown>>;

/** A line of the watchdog's log. */
export interface Line {
  readonly atMs: number;
  readonly event: string;
  readonly cause: string | null;
  readonly tier: number | null;
  readonly details: ReturnType<typeof JSON.parse>;
}

/** A real gateway under a real supervisor with our watchdog beside it, to be harmed. One home for a whole file; `fresh` puts it back between faults. */
export interface FaultyGateway {
  readonly port: number;
  readonly stateDir: string;
  readonly configPath: string;
  readonly lockPath: string;
  readonly env: NodeJS.ProcessEnv;
  readonly pristine: Config;
  /** The configuration's bytes before anything was done to it. */
  readonly pristineText: string;
  holder: Server | undefined;
  config(): Config;
  edit(change: (config: Config) => void): void;
  plugin(mode: "good" | "exit" | "block" | "heap"): void;
  hold(server: Server): void;
  /** Stops it in an orderly way, does what is to be done while it is down, and has it started again. Does not wait for it to serve. */
  restart(whileDown: () => unknown): Promise<void>;
  /** SIGKILL, and waits until another process serves. */
  killed(): Promise<void>;
  gatewayPid(): number;
  /** Files of this name in the incidents' folders, and broken configurations beside the configuration. */
  kept(name: string): readonly string[];
  brokenCopies(): readonly string[];
  /** A gateway that serves as on the first day, and a watchdog with an empty journal that has seen it do so and has kept what it needs. */
  fresh(options: { readonly set: readonly string[]; readonly leaked: Readonly<Record<string, string>> }): Promise<void>;
  /** The log since then. */
  lines(sinceMs?: number): readonly Line[];
  line(what: string, matches: (line: Line) => boolean, withinMs: number, sinceMs: number): Promise<Line>;
  dispose(): Promise<void>;
}

export async function faultyGateway(): Promise<FaultyGateway> {
  const home = await prepared();
  try {
    return await opened(home);
  } catch (error) {
    // A gateway that is left behind takes the machine from all that follow.
    await home.dispose();
    throw error;
  }
}

interface Prepared extends StartedHome {
  /** Where the plugin's mode stands. */
  readonly mode: string;
}

async function prepared(): Promise<Prepared> {
  const plugin = mkdtempSync(join(tmpdir(), "rescue-fault-plugin-"));
  cpSync(PLUGIN, plugin, { recursive: true });
  const mode = join(plugin, "mode.txt");
  writeFileSync(mode, "good\n");
  const home = await startGatewayHome({ plugins: [plugin] });
  return {
    ...home,
    mode,
    dispose: async () => {
      await home.dispose();
      rmSync(plugin, { recursive: true, force: true });
    },
  };
}

async function opened(home: Prepared): Promise<FaultyGateway> {
  const { mode } = home;
  const env = { ...home.env, RESCUE_FAULT_MODE: mode };
  const { stateDir, configPath, port } = home;
  const dir = join(home.home, DIR);
  // The host's log is one file for all gateways of an account.
  const logged = { ...read(configPath), logging: { file: join(home.home, "gateway.log") } };
  writeFileSync(configPath, JSON.stringify(logged, null, 2));
  const kept = join(home.home, "pristine");
  // The first boot completes the state directory.
  let supervisor = await boot(home, env);
  await waitReady(port);
  await endProcess(supervisor);
  cpSync(stateDir, kept, { recursive: true, preserveTimestamps: true });
  const pristineText = readFileSync(configPath, "utf8");

  let watcher: ChildProcess | undefined;
  let lines: Line[] = [];

  const gateway: FaultyGateway = {
    port,
    stateDir,
    configPath,
    env,
    pristineText,
    lockPath: join(stateDir, "tmp", `openclaw-${process.getuid?.() ?? ""}`, "gateway.state.lock"),
    pristine: JSON.parse(pristineText),
    holder: undefined,
    config: () => read(configPath),
    edit: (change) => {
      const config = read(configPath);
      change(config);
      writeFileSync(configPath, JSON.stringify(config, null, 2));
    },
    plugin: (what) => {
      writeFileSync(mode, `${what}\n`);
      // As an update would: only files of its code count as a change of a plugin.
      utimesSync(join(dirname(mode), "index.js"), new Date(), new Date());
    },
    hold: (server) => {
      gateway.holder = server;
    },
    async restart(whileDown) {
      await endProcess(supervisor);
      await whileDown();
      supervisor = await boot(home, env);
    },
    async killed() {
      const pid = home.gatewayPid();
      process.kill(pid, "SIGKILL");
      await until("another process", () => existsSync(gateway.lockPath) && home.gatewayPid() !== pid, 60_000);
      await waitReady(port);
    },
    gatewayPid: () => home.gatewayPid(),
    kept: (name) => (existsSync(join(dir, "incidents")) ? all(join(dir, "incidents")).filter((path) => path.includes(name)) : []),
    brokenCopies: () => readdirSync(stateDir).filter((name) => name.startsWith("openclaw.json.broken-")),
    async fresh({ set, leaked }) {
      if (watcher !== undefined) await endProcess(watcher);
      home.thaw();
      await endProcess(supervisor);
      await new Promise<void>((resolve) => (gateway.holder?.listening === true ? gateway.holder.close(() => resolve()) : resolve()));
      gateway.holder = undefined;
      gateway.plugin("good");
      for (const path of [stateDir, dir]) rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      cpSync(kept, stateDir, { recursive: true, preserveTimestamps: true });
      supervisor = await boot(home, env);
      await waitReady(port);
      lines = [];
      watcher = watch(home, { ...env, ...leaked }, ["watch.surveySeconds=1", "verify.holdSeconds=3", ...set], (line) => lines.push(line));
      await until(
        "a copy of the configuration and what served",
        () => existsSync(join(dir, "served.json")) && all(join(dir, "copies")).length > 1,
        60_000,
      );
    },
    lines: (sinceMs = 0) => lines.filter(({ atMs }) => atMs >= sinceMs),
    async line(what, matches, withinMs, sinceMs) {
      const find = () => gateway.lines(sinceMs).find(matches);
      await until(
        `${what}: ${JSON.stringify(gateway.lines(sinceMs))}`,
        () => find() !== undefined,
        withinMs,
        () => JSON.stringify(gateway.lines(sinceMs), null, 1),
      );
      return find() ?? never();
    },
    async dispose() {
      gateway.holder?.close();
      await home.dispose();
    },
  };
  return gateway;
}

async function boot(home: StartedHome, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  return startSupervised({ ...home, env }).supervisor;
}

function watch(home: StartedHome, env: NodeJS.ProcessEnv, set: readonly string[], on: (line: Line) => void): ChildProcess {
  const args = [BIN, "watch", "--profile", "default", "--json", ...set.flatMap((each) => ["--set", each])];
  const child = spawn(process.execPath, args, { env, cwd: home.home, stdio: ["ignore", "pipe", "inherit"] });
  home.adopt(child);
  createInterface({ input: child.stdout }).on("line", (text) => on({ ...JSON.parse(text), atMs: performance.now() }));
  return child;
}

async function until(what: string, so: () => boolean, withinMs: number, situation = () => ""): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!so()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what} ${situation()}`);
    await sleep(20);
  }
}

function all(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name)) : [];
}

function read(path: string): Config {
  return JSON.parse(readFileSync(path, "utf8"));
}

function never(): never {
  throw new Error("what was there a moment ago is gone");
}
