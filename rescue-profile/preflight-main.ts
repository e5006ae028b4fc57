import path from "node:path";
import { runHost } from "../src/shared/openclaw-cli.ts";
import { profileConfigPath, profileStateDir, stateDatabasePath } from "../src/shared/openclaw-home.ts";
import { fingerprintOf } from "./copies/fingerprint.ts";
import type { Reading } from "./core/model.ts";
import { findGatewayHost } from "./gateway-host.ts";
import { wallMs } from "./observe/clock.ts";
import { parseValidation } from "./observe/config-validation.ts";
import { probeHttp } from "./observe/http.ts";
import { readPendingPairings } from "./observe/pending-pairings.ts";
import { seen, unseen, unseenBecause, within } from "./observe/reading.ts";
import { freeBytes } from "./observe/resources.ts";
import { resolveTarget } from "./observe/target.ts";
import { type ConfigLook, type Failure, judgeConfig, judgeDisk, judgeGateway, judgePairing, judgeStart } from "./preflight/judge.ts";
import { fieldsOf, renderLine } from "./preflight/line.ts";
import { runInstead } from "./preflight/run-instead.ts";
import { endBy, hearSignals } from "./preflight/signals.ts";
import { type CheckName, parseWishes, type Wishes } from "./preflight/wishes.ts";

export { fieldsOf, parseWishes, renderLine };

const HEALTH_MS = 5_000;
/** The host's CLI needs seconds to answer, on a busy machine many: 18 were seen. */
const VALIDATE_MS = 60_000;
/** What a look takes besides its own deadline. */
const SPARE_MS = 5_000;

interface PreflightOptions {
  readonly profile: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly wishes: Wishes;
  readonly argv: readonly string[];
  /** Told at most once; the command has not run then. */
  readonly tell: (failures: readonly [Failure, ...Failure[]]) => void;
  /** The exit code for a check that failed or could not be made. */
  readonly failedCode: number;
}

/** Runs the checks and then, when all passed, the command. Resolves to the exit code, or ends this process by the signal that ended the command. */
export async function preflight(options: PreflightOptions): Promise<number> {
  const signals = hearSignals();
  try {
    const looked = await Promise.race([check(options), signals.first]);
    const early = signals.heard();
    if (early !== undefined || typeof looked === "string") return await endBy(early ?? "SIGTERM");
    const [first, ...others] = looked;
    if (first !== undefined) {
      options.tell([first, ...others]);
      return options.failedCode;
    }
    const end = await runInstead(options.argv, options.env, signals);
    switch (end.kind) {
      case "exited":
        return end.code;
      case "signalled":
        return await endBy(end.signal);
      case "not-started": {
        const { failure, exitCode } = judgeStart(options.argv[0] ?? "", end.code);
        options.tell([failure]);
        return exitCode;
      }
    }
  } finally {
    signals.release();
  }
}

/** All at once, each with its deadline; in the order of the wishes. */
async function check(options: PreflightOptions): Promise<readonly Failure[]> {
  const found = await Promise.all(options.wishes.checks.map((name) => LOOKS[name](options)));
  return found.filter((failure) => failure !== undefined);
}

const LOOKS: Readonly<Record<CheckName, (options: PreflightOptions) => Promise<Failure | undefined>>> = {
  gateway: async (options) =>
    judgeGateway(
      await within(HEALTH_MS + SPARE_MS, "the gateway", async () => {
        const target = await resolveTarget(options);
        return seen({ port: target.port, health: await probeHttp(target, "/healthz", HEALTH_MS) });
      }),
    ),

  pairing: async (options) => {
    const database = stateDatabasePath(profileStateDir(options.profile, options));
    return judgePairing(await within(SPARE_MS, "the state database", async () => readPendingPairings(database, wallMs())));
  },

  config: async (options) =>
    judgeConfig(await within(VALIDATE_MS + SPARE_MS, "the validation of the configuration", () => lookAtConfig(options))),

  disk: async (options) => {
    const stateDir = profileStateDir(options.profile, options);
    const free = await within(SPARE_MS, "the disk", async () => {
      try {
        return seen(await freeBytes(stateDir));
      } catch (error) {
        return unseenBecause(error, `looking at the disk of ${stateDir}`);
      }
    });
    return judgeDisk(free, options.wishes.minFreeMb, stateDir);
  },
};

/** What lies there by our own reading, and then, because only the host knows its schema, by `config validate`. */
async function lookAtConfig({ profile, home, env }: PreflightOptions): Promise<Reading<ConfigLook>> {
  const configPath = profileConfigPath(profile, { home, env });
  const { state, why = configPath } = fingerprintOf(configPath);
  if (state === "unreadable") return unseen(why);
  if (state === "missing") return seen({ state: "missing", why });
  if (state !== "there") return seen({ state: "invalid", why });
  // The host is asked about just this file, also where OPENCLAW_HOME moved it.
  const { cli } = await findGatewayHost({ profile, env, home: path.dirname(path.dirname(configPath)) });
  if (cli === undefined) return unseen("the openclaw command is not on PATH, and no service names it");
  const answer = parseValidation(await runHost(cli, profile, ["config", "validate", "--json"], { timeoutMs: VALIDATE_MS }));
  if (answer === undefined) return unseen("openclaw config validate did not answer");
  if (answer.valid) return seen({ state: "valid" });
  const [problem] = answer.problems;
  const more = answer.problems.length > 1 ? ` (and ${answer.problems.length - 1} more)` : "";
  return seen({
    state: "invalid",
    why: problem === undefined ? "the host refuses it" : `${problem.path || "(root)"}: ${problem.message}${more}`,
  });
}
