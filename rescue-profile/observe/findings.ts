import { statSync } from "node:fs";
import type { DefinitionReading } from "../../src/service-installers/installer.ts";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import type { Findings, Sign } from "../core/findings.ts";
import type { Reading } from "../core/model.ts";
import { type ConfigContext, logFileOf, readConfig, readConfigFinding } from "./config-finding.ts";
import { readDatabases } from "./database-finding.ts";
import { readDeadLock } from "./dead-lock.ts";
import { readFailingJobs } from "./failing-jobs.ts";
import { type GatewayLog, readGatewayLog } from "./gateway-log.ts";
import { readLockedOut } from "./locked-out.ts";
import { environmentOf } from "./maintenance.ts";
import { readMissingPrograms } from "./missing-programs.ts";
import { suspectPlugins } from "./plugin-findings.ts";
import { externalPlugins } from "./plugins.ts";
import { seen, unseen, unseenBecause, within } from "./reading.ts";
import { freeRatio } from "./resources.ts";
import type { Served } from "./served.ts";
import { findSigns } from "./signs.ts";
import type { Target } from "./target.ts";

/** What a deep look needs besides the place: what the caller knows already, and questions that others answer. */
export interface FindingsContext extends Omit<ConfigContext, "environment"> {
  readonly serving: boolean;
  /** The gateway's process, if one lives. */
  readonly pid?: number;
  /** What the service manager would start; null: no such service, or it could not be asked. */
  readonly definition: DefinitionReading | null;
  /** The newest lines that the service manager keeps of it, oldest first. */
  readonly serviceLines: () => Promise<readonly string[]>;
  /** What was remembered while it served; null: nothing yet. */
  readonly served: Served | null;
  readonly wallMs: () => number;
  /** Of each part; the host's validation, which takes 2 to 11 s, has its own bound in `validate`. */
  readonly timeoutMs: number;
}

const VALIDATION_MS = 60_000;

/** A deep look: every part once, side by side, each bounded and each by itself. Never rejects for a state of the gateway. */
export async function readFindings(target: Target, about: FindingsContext): Promise<Findings> {
  const { timeoutMs, served, definition } = about;
  const living = about.pid !== undefined;
  const config = readConfig(target.configPath);
  const environment = environmentFor(about);
  const log = readLog(target, about, config);
  const part = <T>(what: string, look: () => Reading<T> | Promise<Reading<T>>) => within(timeoutMs, what, async () => look());

  const [stateDir, configFinding, databases, lockedOut, deadLock, signs, plugins, missingPrograms, diskFreeRatio, failingJobs] =
    await Promise.all([
      part("the state directory", () => readStateDir(target.stateDir)),
      within(timeoutMs + VALIDATION_MS, "the configuration", async () => seen(await readConfigFinding(target, { ...about, environment }))),
      part("the databases", async () => readDatabases(target, { served, living, agents: agentsOf(config), log: (await log).lines })),
      part("the owners of the files", () => readLockedOut(target)),
      part("the lock", () => readDeadLock(target)),
      part("the gateway's log", async () => signsIn(await log)),
      part("the plugins", async () => seen(suspectPlugins(externalPlugins(target, config, about.home), (await log).lines, served))),
      part("the service's programs", () => readMissingPrograms(definition)),
      part("the disk", () => readDisk(target.stateDir)),
      about.serving ? part("the scheduled jobs", () => readFailingJobs(target.databasePath)) : undefined,
    ]);
  const jobs = failingJobs === undefined ? {} : { failingJobs };
  return { stateDir, config: configFinding, databases, lockedOut, deadLock, signs, plugins, missingPrograms, diskFreeRatio, ...jobs };
}

/** A living process tells what it was given; systemd hands its services more than their definition says. */
function environmentFor({ definition, pid }: FindingsContext): Readonly<Record<string, string>> | null {
  const given = pid !== undefined && process.platform === "linux" ? environmentOf(pid) : undefined;
  if (given === undefined && definition === null) return null;
  return { ...definition?.environment, ...given };
}

async function readLog(target: Target, about: FindingsContext, config: JsonObject | undefined): Promise<GatewayLog> {
  const file = config === undefined ? about.served?.logFile : logFileOf(config);
  const temporary = about.definition?.environment["TMPDIR"];
  return readGatewayLog({
    profile: target.profile,
    home: about.home,
    stateDir: target.stateDir,
    serviceLines: about.serviceLines,
    living: about.pid !== undefined,
    wallMs: about.wallMs(),
    ...(file === undefined ? {} : { file }),
    ...(temporary === undefined ? {} : { temporary }),
  });
}

/** What was found counts; nothing found in a log of which a part could not be read says nothing. */
function signsIn({ lines, blind }: GatewayLog): Reading<readonly Sign[]> {
  const signs = findSigns(lines);
  return signs.length === 0 && blind !== undefined ? unseen(blind) : seen(signs);
}

/** `agents.entries`, in older files `agents.list`, names them; a configuration without any has the agent `main`. */
function agentsOf(config: JsonObject | undefined): readonly string[] | null {
  if (config === undefined) return null;
  const { entries, list } = asObject(config["agents"]);
  const listed = (Array.isArray(list) ? list : []).map((each) => asObject(each)["id"]).filter((id) => typeof id === "string");
  const names = [...Object.keys(asObject(entries)), ...listed];
  return names.length === 0 ? ["main"] : names;
}

function readStateDir(stateDir: string): Reading<boolean> {
  try {
    return seen(statSync(stateDir).isDirectory());
  } catch (error) {
    return systemErrorCode(error) === "ENOENT" ? seen(false) : unseenBecause(error, `looking at ${stateDir}`);
  }
}

async function readDisk(stateDir: string): Promise<Reading<number>> {
  try {
    return seen(await freeRatio(stateDir));
  } catch (error) {
    return unseenBecause(error, `looking at the disk of ${stateDir}`);
  }
}
