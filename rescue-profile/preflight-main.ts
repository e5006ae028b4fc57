import { readFileSync } from "node:fs";
import path from "node:path";
import { cut } from "../src/shared/cut.ts";
import { RescueError } from "../src/shared/errors.ts";
import { profileConfigPath, profileStateDir, stateDatabasePath } from "../src/shared/openclaw-home.ts";
import { readProcFile } from "../src/shared/proc-files.ts";
import { OWN_COMMAND } from "../src/shared/rescue-home.ts";
import type { Reading } from "./core/model.ts";
import { wallMs } from "./observe/clock.ts";
import { showable } from "./observe/mask.ts";
import { seen, unseen, unseenBecause, within } from "./observe/reading.ts";
import { freeBytes } from "./observe/resources.ts";
import { readGpuMemory } from "./preflight/gpu.ts";
import {
  type ConfigLook,
  type Failure,
  judgeConfig,
  judgeCustom,
  judgeDisk,
  judgeGateway,
  judgePairing,
  judgeStart,
} from "./preflight/judge.ts";
import { findInterpreter, lookAtLaunch } from "./preflight/launch.ts";
import { fieldsOf, renderLine } from "./preflight/line.ts";
import { lookAtModel } from "./preflight/model-files.ts";
import { type Holder, judgeGpu, judgeLaunch, judgeModel, judgePort, namedBy } from "./preflight/model-judge.ts";
import { type ModelWishes, parseModelWishes, parseUnitName, wordsOf } from "./preflight/model-wishes.ts";
import { tryPort } from "./preflight/port.ts";
import { runInstead } from "./preflight/run-instead.ts";
import { endBy, hearSignals } from "./preflight/signals.ts";
import { type CheckName, type CustomWishes, parseWishes, type Wishes } from "./preflight/wishes.ts";

export { fieldsOf, parseModelWishes, parseUnitName, parseWishes, renderLine };

const HEALTH_MS = 5_000;
/** The host's CLI needs seconds to answer, on a busy machine many: 18 were seen. */
const VALIDATE_MS = 60_000;
/** What a look takes besides its own deadline. */
const SPARE_MS = 5_000;

/** Headers of a hundred shards from a cold disk. */
const MODEL_MS = 30_000;
/** A listener's command line is there to be recognised, not to be read. */
const COMMAND_LENGTH = 120;

interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  /** What becomes of us when all checks passed; none: nothing, and the exit code is 0. */
  readonly argv: readonly string[];
  /** Told at most once; the command has not run then. */
  readonly tell: (failures: readonly [Failure, ...Failure[]]) => void;
  /** The exit code for a check that failed or could not be made. */
  readonly failedCode: number;
}

interface PreflightOptions extends RunOptions {
  readonly profile: string;
  readonly home: string;
  readonly wishes: Wishes;
}

interface ModelServerOptions extends RunOptions {
  readonly wishes: ModelWishes;
}

/** Runs the checks and then, when all passed, the command. Resolves to the exit code, or ends this process by the signal that ended the command. */
export async function preflight(options: PreflightOptions): Promise<number> {
  return whenAllPass(options, (stop) => [
    ...options.wishes.checks.map((name) => LOOKS[name](options, stop)),
    ...customChecks(options.wishes, options.env, stop),
  ]);
}

/** The same before a local model server: is what it needs there, and whole? */
export async function preflightModelServer(options: ModelServerOptions): Promise<number> {
  const { wishes, env } = options;
  const { port, minFreeGpuMib } = wishes;
  return whenAllPass(options, (stop) => [
    lookAtLaunch(wishes, env, stop).then((look) => judgeLaunch(look, wishes.entrypoint)),
    within(MODEL_MS, "the model", () => lookAtModel(wishes.modelPath)).then((look) => judgeModel(look, wishes.modelPath)),
    ...(port === undefined ? [] : [checkPort(wishes.host, port)]),
    ...(minFreeGpuMib === undefined ? [] : [readGpuMemory(env, stop).then((look) => judgeGpu(look, minFreeGpuMib))]),
    ...customChecks(wishes, env, stop),
  ]);
}

type Check = Promise<Failure | undefined | readonly Failure[]>;

/** All checks at once, each with its deadline; told in the order in which they stand. `stop`: what they started is to be killed. */
async function whenAllPass(options: RunOptions, checks: (stop: AbortSignal) => readonly Check[]): Promise<number> {
  refuseChangedWords(options.argv);
  const signals = hearSignals();
  const stop = new AbortController();
  try {
    const looked = await Promise.race([Promise.all(checks(stop.signal)), signals.first]);
    const early = signals.heard();
    if (early !== undefined || typeof looked === "string") {
      stop.abort();
      return await endBy(early ?? "SIGTERM");
    }
    const [first, ...others] = looked.flat().filter((failure) => failure !== undefined);
    if (first !== undefined) {
      options.tell([first, ...others]);
      return options.failedCode;
    }
    if (options.argv.length === 0) return 0;
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

/** Node reads its words as UTF-8 and puts U+FFFD for what is none: the command would have another word than the one that was given. Throws `usage`. */
function refuseChangedWords(argv: readonly string[]): void {
  if (process.platform !== "linux" || !argv.some((word) => word.includes("\ufffd"))) return;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(readFileSync("/proc/self/cmdline"));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new RescueError("usage", "a word behind -- is not UTF-8 and would not reach the command as it is", {
      fix: "a script of yours that has the word in it",
      cause: error,
    });
  }
}

/** Without a shell, arguments or input; its output is ours to show one line of. */
function customChecks({ custom, customTimeoutMs }: CustomWishes, env: NodeJS.ProcessEnv, stop: AbortSignal): readonly Check[] {
  return custom.map(async ({ name, program }) => {
    const { runCommand } = await import("../src/shared/run-command.ts");
    const ended = await runCommand([program], { timeoutMs: customTimeoutMs, env, stop, maxBytes: 65_536 });
    const said = `${ended.stdout}\n${ended.stderr}`.split("\n").find((line) => line.trim() !== "") ?? "";
    return judgeCustom(name, ended, showable(said), customTimeoutMs);
  });
}

async function checkPort(host: string, port: number): Promise<Failure | undefined> {
  const look = await within(SPARE_MS, `a port of ${host}`, () => tryPort(host, port));
  return judgePort(look, host, port, look.ok && look.value.state === "taken" ? await holderOf(port) : undefined);
}

/** Who answers on the loopback address at that port, as far as this account may see. */
async function holderOf(port: number): Promise<Holder | undefined> {
  const { observeListener } = await import("./observe/listener.ts");
  const listener = await observeListener(port, []);
  if (!listener.ok || listener.value.state !== "owned") return undefined;
  const { pid } = listener.value;
  const words = process.platform === "linux" ? (readProcFile(pid, "cmdline") ?? "").split("\0").slice(0, -1) : [];
  const { program, command } = namedBy(words);
  return { pid, program: cut(showable(program), 40), command: cut(showable(command), COMMAND_LENGTH) };
}

interface RenderOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly wishes: ModelWishes;
  /** Without `.service`. */
  readonly name: string;
  /** What the server is started with. */
  readonly args: readonly string[];
  readonly packageRoot: string | undefined;
}

/**
 * The unit of a model server, as text. Neither model nor port is looked at; the interpreter is, because a unit has another PATH than whoever
 * renders it. Throws `not-readable` when that cannot be known, `usage` for what no unit can carry, `internal` when our package is not built.
 */
export async function renderModelServer({ env, wishes, name, args, packageRoot }: RenderOptions): Promise<string> {
  refuseChangedWords(args);
  const { entrypoint } = wishes;
  const found = await findInterpreter(wishes, env);
  const fix = "--interpreter PATH";
  if (found === undefined) {
    const file = entrypoint.kind === "file" ? entrypoint.path : entrypoint.name;
    throw new RescueError("not-readable", `${file} cannot be read to see which interpreter it wants`, { fix });
  }
  if (!found.ok) throw new RescueError("not-readable", found.why, { fix });
  if (found.value.state === "missing" || found.value.state === "not-executable") {
    throw new RescueError("not-readable", `the interpreter ${found.value.name} is ${found.value.state.replace("-", " ")}`, { fix });
  }
  const reader = found.value.state === "found" ? found.value : undefined;
  const start = [
    ...(reader === undefined ? [] : [reader.path, ...reader.words]),
    ...(entrypoint.kind === "file" ? [entrypoint.path] : ["-m", entrypoint.name]),
    ...args,
  ];
  if (args[0] !== undefined && start.slice(0, -args.length).includes(args[0])) {
    throw new RescueError("usage", `with --render only the server's arguments stand behind --, and ${args[0]} is what it starts anyway`);
  }
  const { packageHere } = await import("./setup-main.ts");
  const { renderModelUnit } = await import("../src/service-installers/systemd/model-unit.ts");
  const own = [process.execPath, path.join(packageHere(packageRoot), OWN_COMMAND)];
  return renderModelUnit({
    name,
    description: `Local model server ${name}`,
    check: [...own, ...wordsOf(wishes, reader?.path)],
    start,
    checkSeconds: (MODEL_MS + wishes.customTimeoutMs) / 1_000,
  });
}

/** Each loads what it looks with when it looks: a crontab line pays for its own checks only. */
const LOOKS: Readonly<Record<CheckName, (options: PreflightOptions, stop: AbortSignal) => Promise<Failure | undefined>>> = {
  gateway: async (options) =>
    judgeGateway(
      await within(HEALTH_MS + SPARE_MS, "the gateway", async () => {
        const { resolveTarget } = await import("./observe/target.ts");
        const { probeHttp } = await import("./observe/http.ts");
        const target = await resolveTarget(options);
        return seen({ port: target.port, health: await probeHttp(target, "/healthz", HEALTH_MS) });
      }),
    ),

  pairing: async (options) => {
    const database = stateDatabasePath(profileStateDir(options.profile, options));
    return judgePairing(
      await within(SPARE_MS, "the state database", async () => {
        const { readPendingPairings } = await import("./observe/pending-pairings.ts");
        return readPendingPairings(database, wallMs());
      }),
    );
  },

  config: async (options, stop) =>
    judgeConfig(await within(VALIDATE_MS + SPARE_MS, "the validation of the configuration", () => lookAtConfig(options, stop))),

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
async function lookAtConfig({ profile, home, env }: PreflightOptions, stop: AbortSignal): Promise<Reading<ConfigLook>> {
  const configPath = profileConfigPath(profile, { home, env });
  const { fingerprintOf } = await import("./copies/fingerprint.ts");
  const { state, why = configPath } = fingerprintOf(configPath);
  if (state === "unreadable") return unseen(why);
  if (state === "missing") return seen({ state: "missing", why });
  if (state !== "there") return seen({ state: "invalid", why });
  const { findGatewayHost } = await import("./gateway-host.ts");
  const { parseValidation } = await import("./observe/config-validation.ts");
  const { runHost } = await import("../src/shared/openclaw-cli.ts");
  // The host is asked about just this file, also where OPENCLAW_HOME moved it.
  const { cli } = await findGatewayHost({ profile, env, home: path.dirname(path.dirname(configPath)) });
  if (cli === undefined) return unseen("the openclaw command is not on PATH, and no service names it");
  const answer = parseValidation(await runHost(cli, profile, ["config", "validate", "--json"], { timeoutMs: VALIDATE_MS, stop }));
  if (answer === undefined) return unseen("openclaw config validate did not answer");
  if (answer.valid) return seen({ state: "valid" });
  const [problem] = answer.problems;
  const more = answer.problems.length > 1 ? ` (and ${answer.problems.length - 1} more)` : "";
  return seen({
    state: "invalid",
    why: problem === undefined ? "the host refuses it" : `${problem.path || "(root)"}: ${problem.message}${more}`,
  });
}
