import { freemem, release, type as systemName, totalmem, userInfo } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { nativeControl } from "../src/service-installers/select.ts";
import { messageOf, RescueError, systemErrorCode } from "../src/shared/errors.ts";
import { readHostConfig } from "../src/shared/gateway-config.ts";
import { runCommand } from "../src/shared/run-command.ts";
import { readPlain } from "../src/shared/secure-file.ts";
import { secretsIn } from "./audit-facts/secrets.ts";
import type { Cause, Reading } from "./core/model.ts";
import type { ContextOptions, ContextParts } from "./diagnosis/context/build.ts";
import { findGatewayHost } from "./gateway-host.ts";
import type { IncidentDetail } from "./journal/read.ts";
import { wallMs } from "./observe/clock.ts";
import { logFileOf, readConfig } from "./observe/config-finding.ts";
import { readGatewayLog } from "./observe/gateway-log.ts";
import { maskSecrets } from "./observe/mask.ts";
import { seen, unseen, within } from "./observe/reading.ts";
import { freeRatio } from "./observe/resources.ts";
import type { Watchdog } from "./open-watchdog.ts";

const LOOK_MS = 5_000;
const LINES = 100;

/** What a model gets to see of an incident, as it is now. Nothing is masked or cut yet: `buildContext` does both. */
export async function gatherContext(dog: Watchdog, incident: IncidentDetail): Promise<ContextParts> {
  const { target, options } = dog;
  const host = await findGatewayHost(options);
  const manager = nativeControl({ profile: options.profile, env: options.env, platform: process.platform });
  const config = readConfig(target.configPath);
  const file = logFileOf(config);
  const part = <T>(what: string, look: () => Promise<Reading<T>>) => within(LOOK_MS, what, look);
  const [gatewayLog, managerLog, processes, listeners, disk] = await Promise.all([
    part("the gateway's log", async () => {
      const { lines } = await readGatewayLog({
        profile: options.profile,
        home: options.home,
        stateDir: target.stateDir,
        serviceLines: async () => [],
        living: false,
        earlier: true,
        wallMs: wallMs(),
        ...(file === undefined ? {} : { file }),
      });
      return seen(lines.map(({ text }) => text));
    }),
    part("the service manager's log", async () => seen((await manager?.logs(LINES)) ?? [])),
    part("the processes", () => linesOf(["ps", "-eo", "pid,ppid,stat,etimes,args", "--sort=-etimes"])),
    part("the ports", () => linesOf(["ss", "-ltnp"])),
    part("the disk", async () => seen([`${target.stateDir}: ${(100 * (await freeRatio(target.stateDir))).toFixed(1)} % free`])),
  ]);
  return {
    wallMs: wallMs(),
    versions: { openclaw: host.version ?? "not known", node: process.version, system: `${systemName()} ${release()}` },
    classification: { cause: incident.cause as Cause, confidence: "likely", evidence: incident.evidence },
    attempts: incident.repairs.map(({ startedAt, ...repair }) => ({ ...repair, startedWallMs: startedAt })),
    gatewayLog,
    managerLog,
    processes,
    listeners,
    disk,
    memory: seen([`${Math.round(freemem() / 1e6)} MB of ${Math.round(totalmem() / 1e6)} MB free`]),
    config: configOf(target.configPath),
  };
}

/** Who is to be hidden, and what is known of secrets besides the configuration's: those of the `.env` files and of the service's environment. */
export async function contextOptions({ options, target }: Pick<Watchdog, "options" | "target">, boundary: string): Promise<ContextOptions> {
  const { definition } = await findGatewayHost(options);
  const files = [target.stateDir, options.home].map((directory) => envIn(join(directory, ".env")));
  const secrets = [definition?.environment, ...files].flatMap((variables) => secretsIn(variables));
  return { boundary, home: options.home, user: userInfo().username, mask: maskSecrets, secrets };
}

/** Nothing, where it is no plain file: then its secrets are not known, and only what looks like one is hidden. */
function envIn(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readPlain(file) ?? "");
  } catch (error) {
    if (!(error instanceof RescueError) && systemErrorCode(error) === undefined) throw error;
    return {};
  }
}

async function linesOf(argv: readonly string[]): Promise<Reading<readonly string[]>> {
  const result = await runCommand(argv, { timeoutMs: LOOK_MS, maxBytes: 262_144 });
  return result.exitCode === 0
    ? seen(result.stdout.trim().split("\n"))
    : unseen(`${argv[0]}: ${result.notStarted ?? `exit ${result.exitCode}`}`);
}

function configOf(configPath: string): Reading<unknown> {
  try {
    return seen(readHostConfig(configPath, (file) => new RescueError("config-invalid", `${file} does not exist`)));
  } catch (error) {
    if (error instanceof RescueError) return unseen(messageOf(error));
    throw error;
  }
}
