import { existsSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { parseEnv } from "node:util";
import { nativeControl } from "../../src/service-installers/select.ts";
import { messageOf, RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { asObject, type JsonObject, readConfigFiles, readHostConfig } from "../../src/shared/gateway-config.ts";
import { runHost } from "../../src/shared/openclaw-cli.ts";
import { gatewayLockDir, profileStateDir, stateDatabasePath } from "../../src/shared/openclaw-home.ts";
import { readIfThere, readPlain } from "../../src/shared/secure-file.ts";
import type { DiskFacts, Facts } from "../audit/facts.ts";
import type { PolicySettings } from "../config.ts";
import { fingerprintOf } from "../copies/fingerprint.ts";
import { listCopies } from "../copies/ring.ts";
import type { Reading } from "../core/model.ts";
import { findGatewayHost, type GatewayHost, hostPackage } from "../gateway-host.ts";
import { logFileOf, writtenBy } from "../observe/config-finding.ts";
import { parseValidation } from "../observe/config-validation.ts";
import { readDatabases } from "../observe/database-finding.ts";
import { readGatewayLog } from "../observe/gateway-log.ts";
import { environmentOf } from "../observe/maintenance.ts";
import { readPluginIndex } from "../observe/plugins.ts";
import { readProcess } from "../observe/process.ts";
import { seen, unseen } from "../observe/reading.ts";
import { parseServed } from "../observe/served.ts";
import { resolveTarget } from "../observe/target.ts";
import { bundledPlugins } from "./bundled-plugins.ts";
import { readCronJobs } from "./cron-jobs.ts";
import { readDeclared } from "./declared.ts";
import { readDisk } from "./disk.ts";
import { describeHostProgram } from "./host-program.ts";
import { parseLint } from "./lint.ts";
import { readListening } from "./listening.ts";
import { readLogs } from "./logs.ts";
import { readModelServers } from "./model-servers.ts";
import { describeModels, readSignedIn } from "./models.ts";
import { once } from "./once.ts";
import { readPairings } from "./pairings.ts";
import { describePlugins } from "./plugins.ts";
import { readService } from "./service.ts";
import { describeToken } from "./token.ts";

export interface FactsOptions {
  readonly profile: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where our own things of this profile lie (`watchdogDir`). */
  readonly dir: string;
  readonly settings: PolicySettings["audit"];
  readonly nowMs: number;
  /** Log files that a rotation of ours covers. */
  readonly rotated: readonly string[];
  /** By what earlier audits saw; null: not known. */
  readonly daysLeft: (disk: Omit<DiskFacts, "daysLeft">) => number | null;
  /** What the host found valid at an earlier time, by fingerprint and host, and is not asked again. */
  readonly validated: { has(key: string): boolean; add(key: string): void };
}

const LOOK_MS = 5_000;
/** The host's CLI needs seconds to answer, on a busy machine many. */
const HOST_MS = 60_000;
const DECLARED_MS = 60_000;
const LINT_MS = 180_000;
const SERVICE_LINES = 200;
const NO_CLI = "the openclaw command is not on PATH, and no service names it";

/** The real facts of one profile. Nothing of the host's is written, and no address beyond this machine is asked. */
export function auditFacts(options: FactsOptions): Facts {
  const { profile, home, env, dir, settings, nowMs } = options;
  const stateDir = profileStateDir(profile, { home, env });
  const configPath = path.join(stateDir, "openclaw.json");
  const databasePath = stateDatabasePath(stateDir);
  const missing = (file: string) => new RescueError("config-invalid", `${file} does not exist`);

  const config = once<JsonObject>("the configuration", LOOK_MS, () => seen(readHostConfig(configPath, missing)));
  const target = once("the gateway", LOOK_MS, async () => seen(await resolveTarget({ profile, home, env })));
  const host = once("the host", LOOK_MS, async () => seen(await findGatewayHost({ profile, home, env })));
  const index = once("the list of plugins", LOOK_MS, async () => {
    if (existsSync(databasePath)) return readPluginIndex(databasePath);
    // It has never run, so its list is what comes with the host.
    const found = await host();
    const root = found.ok ? hostPackage(found.value.cli?.command.at(-1))?.root : undefined;
    return root === undefined ? unseen("the gateway has never run, and the host's package was not found") : seen(bundledPlugins(root));
  });
  const living = once("the gateway's process", LOOK_MS, async () => {
    const lockPath = path.join(gatewayLockDir(stateDir), "gateway.state.lock");
    const process = await readProcess({ lockPath, databasePath });
    return process.ok ? seen(process.value.state === "alive" ? process.value.identity.pid : null) : process;
  });
  const environment = once("the gateway's environment", LOOK_MS, async () => {
    const given = await environmentFor(await living(), await host());
    const files = dotEnvs([stateDir, home]);
    // What is known of it, for what is there; that something is missing can only be said when all of it is known.
    return seen({ known: { ...files.variables, ...given }, whole: given !== null && files.whole });
  });
  const log = once("the gateway's log", LOOK_MS, async () => {
    const file = await config();
    const own = file.ok ? logFileOf(file.value) : undefined;
    const serviceLines = async () => (await nativeControl({ profile, env, platform: process.platform })?.logs(SERVICE_LINES)) ?? [];
    const { lines } = await readGatewayLog({
      profile,
      home,
      stateDir,
      serviceLines,
      living: false,
      wallMs: nowMs,
      ...(own === undefined ? {} : { file: own }),
    });
    return seen(lines);
  });
  const withConfig =
    <T>(look: (config: JsonObject) => Promise<Reading<T>> | Reading<T>): (() => Promise<Reading<T>>) =>
    async () => {
      const read = await config();
      return read.ok ? look(read.value) : read;
    };

  return {
    profile,
    home,
    stateDir,
    configPath,
    nowMs,
    config,
    validation: once("the validation of the configuration", HOST_MS + LOOK_MS, async () => {
      const { state, fingerprint, why } = fingerprintOf(configPath);
      if (state !== "there")
        return state === "unreadable" ? unseen(why ?? "") : seen({ valid: false, problems: [{ path: "", message: why ?? state }] });
      const found = await host();
      if (!found.ok) return found;
      const { cli: command, version } = found.value;
      const read = await config();
      const valid = { valid: true, problems: [] };
      // What the gateway of just this host has served with, or found good, need not be asked again: beside a gateway its CLI is a burden (issues 72929, 101290).
      const sameHost = version !== undefined && read.ok && writtenBy(read.value) === version;
      if (sameHost && (listCopies(dir).copies.some((copy) => copy.fingerprint === fingerprint) || isHostsLastGood(configPath)))
        return seen(valid);
      if (command === undefined) return unseen(NO_CLI);
      const key = `${fingerprint} ${version}`;
      if (version !== undefined && options.validated.has(key)) return seen(valid);
      // The host is asked about just this file, also where OPENCLAW_HOME moved it.
      const cli = { ...command, home: path.dirname(stateDir) };
      const answer = parseValidation(await runHost(cli, profile, ["config", "validate", "--json"], { timeoutMs: HOST_MS }));
      if (answer === undefined) return unseen("openclaw config validate did not answer");
      if (fingerprintOf(configPath).fingerprint !== fingerprint) return unseen("the configuration was changed while the host looked at it");
      if (answer.valid && version !== undefined) options.validated.add(key);
      return seen(answer);
    }),
    lastGood: once("the copies of the configuration", LOOK_MS, () =>
      seen({ hosts: existsSync(`${configPath}.last-good`), ours: listCopies(dir).copies.length }),
    ),
    configModes: once("the permissions of the configuration", LOOK_MS, () => {
      if (process.platform === "win32") return seen([]);
      const files = [...readConfigFiles(configPath, missing).keys()];
      return seen(files.map((file) => ({ path: file, mode: statSync(file).mode & 0o777 })));
    }),
    token: once(
      "the gateway's token",
      LOOK_MS,
      withConfig(async (read) => {
        const given = await environment();
        return seen(describeToken(read, { configPath, home: path.dirname(stateDir), environment: given.ok ? given.value.known : null }));
      }),
    ),
    listening: once("the gateway's port", LOOK_MS, async () => {
      const found = await target();
      return found.ok ? readListening(found.value.port) : found;
    }),
    service: once("the service manager", 4 * LOOK_MS, () => readService(profile, env)),
    hostProgram: once("the installed host", LOOK_MS, async () => {
      const found = await host();
      if (!found.ok) return found;
      const read = await config();
      return seen(await describeHostProgram(found.value.cli?.command, read.ok ? read.value : undefined));
    }),
    pairings: once("the pairing requests", LOOK_MS, () => readPairings(databasePath, nowMs)),
    plugins: once(
      "the plugins",
      2 * LOOK_MS,
      withConfig(async (read) => {
        const [where, listed, lines] = [await target(), await index(), await log()];
        if (!where.ok) return where;
        if (!listed.ok) return listed;
        return seen(describePlugins(where.value, read, home, listed.value, lines.ok ? lines.value : []));
      }),
    ),
    models: once(
      "the models",
      LOOK_MS,
      withConfig(async (read) => {
        const [listed, signedIn, given] = [await index(), readSignedIn(databasePath, read), await environment()];
        if (!listed.ok) return listed;
        if (!signedIn.ok) return signedIn;
        const variables = given.ok && given.value.whole ? { ...variablesIn(read), ...given.value.known } : null;
        return seen(describeModels({ config: read, index: listed.value, signedIn: signedIn.value, environment: variables }));
      }),
    ),
    cronJobs: once("the scheduled jobs", LOOK_MS, () => readCronJobs(databasePath)),
    databases: once("the databases", 4 * LOOK_MS, async () => {
      const where = await target();
      if (!where.ok) return where;
      const lines = await log();
      // Reading one through while the gateway writes holds nobody up: its log is shared.
      return readDatabases(where.value, {
        served: parseServed(readIfThere(path.join(dir, "served.json")) ?? ""),
        living: false,
        agents: null,
        log: lines.ok ? lines.value : [],
      });
    }),
    disk: once("the disk", LOOK_MS, async () => {
      const disk = await readDisk(stateDir);
      return seen({ ...disk, daysLeft: options.daysLeft(disk) });
    }),
    declared: once("what the settings declare", DECLARED_MS, async () => seen(await readDeclared(settings, home, nowMs))),
    logs: once("the logs", LOOK_MS, async () => {
      const read = await config();
      const file = read.ok ? logFileOf(read.value) : undefined;
      const { rotated } = options;
      return seen(
        readLogs({ profile, home, stateDir, nowMs, rotated, maxBytes: settings.maxLogBytes, ...(file === undefined ? {} : { file }) }),
      );
    }),
    network: once("the network interfaces", LOOK_MS, () => {
      try {
        return seen({ interfaces: Object.keys(networkInterfaces()).length });
      } catch (error) {
        // Measured by users in hardened containers: uv_interface_addresses fails, and whoever does not expect that crashes.
        if (systemErrorCode(error) === undefined) throw error;
        return unseen(`${systemErrorCode(error)}: ${messageOf(error)}`);
      }
    }),
    lint: once("the host's lint", LINT_MS + LOOK_MS, async () => {
      const found = await host();
      if (!found.ok) return found;
      if (found.value.cli === undefined) return unseen(NO_CLI);
      const cli = { ...found.value.cli, home: path.dirname(stateDir) };
      return parseLint(await runHost(cli, profile, ["doctor", "--lint", "--json"], { timeoutMs: LINT_MS }));
    }),
    modelServers: once(
      "the model servers",
      4 * LOOK_MS,
      withConfig(async (read) => seen(await readModelServers(read, settings.modelServers, { home, env }))),
    ),
  };
}

/** The host copies what it loaded and found good (measured); only of a configuration in one file is that all of it. */
function isHostsLastGood(configPath: string): boolean {
  const files = readConfigFiles(configPath, (file) => new RescueError("config-invalid", `${file} does not exist`));
  return files.size === 1 && readIfThere(configPath) === readIfThere(`${configPath}.last-good`);
}

/** What the living process was given, else what its service would give it; null: neither is known. */
async function environmentFor(
  living: Reading<number | null>,
  host: Reading<GatewayHost>,
): Promise<Readonly<Record<string, string | undefined>> | null> {
  const definition = host.ok ? host.value.definition : null;
  const given = living.ok && living.value !== null && process.platform === "linux" ? environmentOf(living.value) : undefined;
  return given === undefined && definition === null ? null : { ...definition?.environment, ...given };
}

/** The configuration's own `env` block sets variables, too. */
function variablesIn(config: JsonObject): Record<string, string> {
  const env = asObject(config["env"]);
  const all = { ...env, ...asObject(env["vars"]) };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** `whole` false: one of them cannot be read without waiting (a FIFO that 1Password mounts), so that there may be more. A directory of that name is none. */
function dotEnvs(directories: readonly string[]): { readonly variables: NodeJS.Dict<string>; readonly whole: boolean } {
  const texts = directories.map((directory) => {
    const file = path.join(directory, ".env");
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat === undefined || stat.isDirectory() ? "" : stat.isFile() ? (readPlain(file) ?? "") : undefined;
  });
  return { variables: Object.assign({}, ...texts.map((text) => parseEnv(text ?? ""))), whole: !texts.includes(undefined) };
}
