import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const OPENCLAW = fileURLToPath(new URL("../../node_modules/openclaw/openclaw.mjs", import.meta.url));

/** A temporary home with a freshly onboarded OpenClaw profile in it. */
export interface GatewayHome {
  readonly home: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly port: number;
  /** HOME and PATH for the host and for us; nothing that redirects to another gateway. */
  readonly env: NodeJS.ProcessEnv;
  /** The pid in the gateway's own lock. Throws when there is none. */
  gatewayPid(): number;
  /** Lets a frozen gateway go on, so that it can be ended in an orderly way. Does nothing when there is none. */
  thaw(): void;
  /** Removes the home. End what runs in it first. */
  dispose(): Promise<void>;
}

export interface GatewayHomeOptions {
  readonly profile?: string;
  /** Directories of plugins to load. */
  readonly plugins?: readonly string[];
  /** Reuse this home for a further profile. */
  readonly home?: string;
}

const run = promisify(execFile);

const ONBOARD =
  "onboard --non-interactive --accept-risk --auth-choice skip --mode local --gateway-bind loopback --gateway-auth token --skip-daemon " +
  "--skip-channels --skip-skills --skip-search --skip-hooks --skip-ui --skip-health --skip-bootstrap --json --gateway-port";

/** Onboards a profile without a network: 4 to 8 s. */
export async function createGatewayHome(options: GatewayHomeOptions = {}): Promise<GatewayHome> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), "rescue-home-"));
  const port = await freePort();
  const env: NodeJS.ProcessEnv = {
    HOME: home,
    PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
    ...(process.env["LANG"] === undefined ? {} : { LANG: process.env["LANG"] }),
  };
  const profile = options.profile ?? "default";
  const select = profile === "default" ? [] : ["--profile", profile];
  await onboard([...select, ...ONBOARD.split(" "), String(port)], env).catch((error: unknown) => {
    if (options.home === undefined) rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    throw error;
  });
  const stateDir = join(home, profile === "default" ? ".openclaw" : `.openclaw-${profile}`);
  const configPath = join(stateDir, "openclaw.json");
  if (options.plugins !== undefined) allowPlugins(configPath, options.plugins);
  const lockPath = join(stateDir, "tmp", `openclaw-${process.getuid?.() ?? ""}`, "gateway.state.lock");
  const gatewayPid = () => Number((JSON.parse(readFileSync(lockPath, "utf8")) as { pid: number }).pid);
  return {
    home,
    stateDir,
    configPath,
    port,
    env,
    gatewayPid,
    thaw: () => {
      try {
        process.kill(gatewayPid(), "SIGCONT");
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
    dispose: async () => {
      endApart(home);
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** What a watcher of this home has started in a session of its own, a report or a repair, would write into it for seconds yet. */
function endApart(home: string): void {
  if (!existsSync("/proc/self/environ")) return;
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    try {
      const isOurs = readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(`HOME=${home}`);
      if (isOurs && /\/rescue-profile\/\S+-main\.[jt]s\0/.test(readFileSync(`/proc/${name}/cmdline`, "utf8")))
        process.kill(Number(name), "SIGKILL");
    } catch (error) {
      if (!isGone(error) && !isForbidden(error)) throw error;
    }
  }
}

/** On a starved machine the host's onboarding has once not ended within three minutes; a second run completes what the first one left. */
async function onboard(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const program = [OPENCLAW, ...args];
  const options = { env, cwd: env["HOME"], maxBuffer: 16 * 1024 * 1024 };
  await run(process.execPath, program, { ...options, timeout: 60_000, killSignal: "SIGKILL" }).catch(() =>
    run(process.execPath, program, { ...options, timeout: 120_000 }),
  );
}

/** Runs the host's CLI once. Rejects with its output when it exits other than 0. */
export async function openclaw(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, [OPENCLAW, ...args], { env, cwd: env["HOME"], timeout: 180_000, maxBuffer: 16 * 1024 * 1024 });
}

/** A port on which nothing listens, below those that the kernel gives to others, who could be given it before it is used. The host derives further ports up to 110 above it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new Error("no port is free");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function allowPlugins(configPath: string, directories: readonly string[]): void {
  const config = JSON.parse(readFileSync(configPath, "utf8")) as { plugins?: Record<string, unknown> };
  const ids = directories.map((directory) =>
    String((JSON.parse(readFileSync(join(directory, "openclaw.plugin.json"), "utf8")) as { id: string }).id),
  );
  const entries = config.plugins?.["entries"];
  config.plugins = {
    ...config.plugins,
    entries: { ...(typeof entries === "object" ? entries : {}), ...Object.fromEntries(ids.map((id) => [id, { enabled: true }])) },
    load: { paths: directories },
  };
  writeFileSync(configPath, JSON.stringify(config, null, 2));
}

const isGone = (error: unknown) => hasCode(error, "ESRCH", "ENOENT");
/** Another account's process. */
const isForbidden = (error: unknown) => hasCode(error, "EACCES", "EPERM");

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => error.code === code);
}
