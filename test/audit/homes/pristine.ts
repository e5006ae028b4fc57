import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { MEMORY_FILE } from "../../../rescue-profile/audit/memory.ts";
import { startGatewayHome, startSupervised, waitReady } from "../../support/gateway.ts";
import { OPENCLAW, openclaw } from "../../support/home.ts";

/** Planted where the host keeps secrets; a test looks for them in everything that is printed. */
export const CANARIES = {
  hooks: "canary-hooks-7f3b9a64c1d2e8f05b6a",
  provider: "sk-canary4242424242424242424242424242",
  channel: "123456789:AAcanaryCANARYcanaryCANARYcanaryCANA",
  stored: "sk-canary9999999999999999999999999999",
  code: "CANARYCODE",
} as const;

type Config = Record<string, unknown>;

/** A home that the real host made, and that is put back as it was after each damage. */
export interface PristineHome {
  readonly home: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly databasePath: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where our own state of the profile lies. */
  readonly dir: string;
  readonly port: number;
  /** Of the gateway: another secret that must not be printed. */
  readonly token: string;
  /** Ids of the jobs by name. */
  readonly jobs: Readonly<Record<"report" | "wake" | "tidy", string>>;
  /** What the local model server answers. */
  readonly server: { answer: "models" | "500" | "silent"; models: string[]; readonly port: number };
  /** Changes the configuration as the host does when it accepts a change: with its copy of what was good last. `accepted` false: only the file. */
  config(change: (config: Config) => void, accepted?: boolean): void;
  /** Our own settings of the profile. */
  settings(settings: object): void;
  sql(statements: string): void;
  /** Ends the gateway, which still runs when the home is handed over, and remembers what then lies there. */
  settle(): Promise<void>;
  /** Everything as it was when it was settled. */
  restore(): void;
  dispose(): Promise<void>;
}

const KEPT = ["openclaw.json", "openclaw.json.last-good", "state", "agents", "logs", "extensions", "workspace"];

/**
 * Onboards, boots once, and lets the host write what a used installation has: three jobs, a provider on this machine, a key in its store, hooks with a token, a
 * Telegram channel that is switched off. About 40 s.
 */
export async function pristineHome(): Promise<PristineHome> {
  const started = await startGatewayHome();
  const { home, stateDir, configPath, port, env } = started;
  const databasePath = path.join(stateDir, "state", "openclaw.sqlite");
  const dir = path.join(home, ".local", "state", "rescue-watchdog", "default");
  const server = await modelServer();
  const readConfig = () => JSON.parse(readFileSync(configPath, "utf8")) as Config;
  const writeConfig = (config: Config, accepted = true) => {
    const text = JSON.stringify(config, null, 2);
    writeFileSync(configPath, text, { mode: 0o600 });
    if (accepted) writeFileSync(`${configPath}.last-good`, text, { mode: 0o600 });
  };
  const change = (edit: (config: Config) => void, accepted = true) => {
    const config = readConfig();
    edit(config);
    writeConfig(config, accepted);
  };
  change((config) => used(config, home, server.port), false);
  const { supervisor } = startSupervised(started);
  await waitReady(port);
  await storeKey(CANARIES.stored, env);
  const jobs = await addJobs(env);
  await openclaw(["config", "set", "agents.defaults.maxConcurrent", "4", "--strict-json"], env);
  await until(() => existsSync(`${configPath}.last-good`), "the host's copy of what was good last");
  const accepted = () =>
    until(() => readFileSync(`${configPath}.last-good`, "utf8") === readFileSync(configPath, "utf8"), "the host's copy of the last change");
  await accepted();
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  mkdirSync(path.join(stateDir, "logs"), { recursive: true });
  const snapshot = `${home}-snapshot`;
  return {
    home,
    stateDir,
    configPath,
    databasePath,
    env: { ...env, RESCUE_WATCHDOG_OPENCLAW: OPENCLAW },
    dir,
    port,
    token: (JSON.parse(readFileSync(configPath, "utf8")) as { gateway: { auth: { token: string } } }).gateway.auth.token,
    jobs,
    server,
    config: change,
    settings: (settings) => writeFileSync(path.join(dir, "config.json5"), JSON.stringify(settings), { mode: 0o600 }),
    sql(statements) {
      const database = new DatabaseSync(databasePath);
      database.exec(statements);
      database.close();
    },
    async settle() {
      await accepted();
      supervisor.kill("SIGTERM");
      await until(() => supervisor.exitCode !== null || supervisor.signalCode !== null, "the gateway's end");
      for (const name of KEPT) copy(path.join(stateDir, name), path.join(snapshot, name));
    },
    restore() {
      for (const name of KEPT) {
        rmSync(path.join(stateDir, name), { recursive: true, force: true });
        copy(path.join(snapshot, name), path.join(stateDir, name));
      }
      // But for what audits remember: a configuration that the host found valid is not asked about again.
      for (const name of readdirSync(dir)) if (name !== MEMORY_FILE) rmSync(path.join(dir, name), { recursive: true });
      server.answer = "models";
      server.models = ["qwen3-coder"];
    },
    async dispose() {
      server.close();
      await started.dispose();
      rmSync(snapshot, { recursive: true, force: true });
    },
  };
}

/** With its times, which some checks go by. */
function copy(from: string, to: string): void {
  if (existsSync(from)) cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

function used(config: Config, home: string, serverPort: number): void {
  const model = { id: "qwen3-coder", name: "Qwen3 Coder", contextWindow: 32_000, maxTokens: 4_096, reasoning: false, input: ["text"] };
  config["models"] = {
    mode: "merge",
    providers: {
      local: {
        baseUrl: `http://127.0.0.1:${serverPort}/v1`,
        apiKey: CANARIES.provider,
        api: "openai-completions",
        models: [{ ...model, cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } }],
      },
    },
  };
  const agents = config["agents"] as { defaults: Config };
  agents.defaults["model"] = { primary: "local/qwen3-coder" };
  agents.defaults["models"] = { "local/qwen3-coder": { alias: "coder" } };
  config["hooks"] = { enabled: true, token: CANARIES.hooks, allowedAgentIds: ["main"] };
  config["channels"] = { telegram: { enabled: false, botToken: CANARIES.channel } };
  // Not in /tmp/openclaw, where the logs of everybody else's gateways lie.
  config["logging"] = { file: path.join(home, "gateway-log", "gateway.log") };
}

async function addJobs(env: NodeJS.ProcessEnv): Promise<PristineHome["jobs"]> {
  const add = async (...args: string[]) =>
    String((JSON.parse((await openclaw(["cron", "add", ...args, "--json"], env)).stdout) as { id: string }).id);
  const report = ["--name", "report", "--every", "6h", "--message", "write the report", "--model", "coder", "--session", "isolated"];
  return {
    report: await add(...report, "--timeout-seconds", "600", "--no-deliver"),
    wake: await add("--name", "wake", "--cron", "0 4 * * *", "--system-event", "wake up", "--session", "main"),
    tidy: await add("--name", "tidy", "--every", "12h", "--command-argv", '["/bin/true"]', "--no-deliver"),
  };
}

/** Into the host's own store, as a person pastes it. */
async function storeKey(key: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [OPENCLAW, "models", "auth", "paste-api-key", "--provider", "openai"], {
    env,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin.end(`${key}\n`);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the host did not take the key: exit ${String(code)}`);
}

/** An OpenAI-compatible one, as far as an audit asks. */
async function modelServer(): Promise<PristineHome["server"] & { close(): void }> {
  const state = { answer: "models" as PristineHome["server"]["answer"], models: ["qwen3-coder"] };
  const server = http.createServer((_, response) => {
    if (state.answer === "silent") return;
    response.statusCode = state.answer === "500" ? 500 : 200;
    response.end(JSON.stringify({ object: "list", data: state.models.map((id) => ({ id, object: "model", owned_by: "vllm" })) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}

async function until(condition: () => boolean, what: string, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${withinMs} ms`);
    await sleep(50);
  }
}
