import { accessSync, constants, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../../../src/shared/errors.ts";
import { scrubbedEnv } from "../../../src/shared/openclaw-home.ts";
import { type CommandResult, runCommand } from "../../../src/shared/run-command.ts";
import type { EnginePrompt } from "../prompt.ts";
import { readAnswer } from "./answer.ts";
import { askEndpoint } from "./endpoint.ts";
import { ANSWER_BYTES, type CommandEngine, type Engine, type EngineOutcome } from "./engine.ts";
import { heard, quoted, refusal } from "./heard.ts";
import { said, says } from "./said.ts";

export interface AskOptions {
  /** At most; an engine's own limit may be shorter. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** The account's; an engine gets a small part of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The account's home, for the engine's login. */
  readonly home: string;
  /** A directory of ours, 0700, in which an empty one is made for each question and removed again. */
  readonly cwd: string;
}

const VERSION_MS = 15_000;
/** The kernel takes no single argument of 128 kB (MAX_ARG_STRLEN). */
const ARGUMENT_BYTES = 120_000;

/**
 * Asks one engine once. Never rejects for anything that it does. A program runs in a group of its own that is killed whole at the deadline, with the children that left it; in an
 * empty directory; without a terminal, its standard input closed behind the prompt; with the variables of {@link engineEnv}; of what it says 1 MiB is kept.
 */
export async function askEngine(engine: Engine, prompt: EnginePrompt, options: AskOptions): Promise<EngineOutcome> {
  const timeoutMs = Math.min(engine.timeoutMs, options.timeoutMs);
  if (engine.kind === "endpoint") return askEndpoint(engine, prompt, { ...options, timeoutMs });
  const binary = findBinary(engine.binary, options.env["PATH"]);
  if (binary === undefined) return { outcome: "not-installed", why: `${engine.binary} is not installed, or not on PATH` };
  const text = `${prompt.system}\n\n${prompt.user}`;
  if (engine.input === "argument" && Buffer.byteLength(text) > ARGUMENT_BYTES) {
    return {
      outcome: "failed",
      why: `${engine.id} takes its prompt as an argument, and this one has more than ${ARGUMENT_BYTES / 1000} kB`,
    };
  }
  const directory = await mkdtemp(join(options.cwd, "engine-"));
  try {
    for (const [name, content] of Object.entries(engine.files ?? {}))
      writeFileSync(join(directory, name), content, { mode: 0o600, flag: "wx" });
    const result = await runCommand([binary, ...argumentsOf(engine, text)], {
      timeoutMs,
      cwd: directory,
      env: engineEnv(engine, options),
      input: engine.input === "stdin" ? text : "",
      maxBytes: ANSWER_BYTES,
      ...(options.signal === undefined ? {} : { stop: options.signal }),
    });
    return judged(engine, result, timeoutMs, options.signal?.aborted === true);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Its version as it says it; undefined when it is not installed or cannot say. */
export async function engineVersion(engine: CommandEngine, options: Pick<AskOptions, "env" | "home" | "cwd">): Promise<string | undefined> {
  const binary = findBinary(engine.binary, options.env["PATH"]);
  if (binary === undefined) return undefined;
  const result = await runCommand([binary, ...engine.versionArgs], {
    timeoutMs: VERSION_MS,
    cwd: options.cwd,
    env: engineEnv(engine, options),
    maxBytes: 4_096,
  });
  return result.exitCode === 0 ? said(result.stdout.trim().split("\n").at(-1) ?? "") : undefined;
}

/**
 * What an engine gets of the environment: what every program needs, proxies and certificates, what its catalog entry passes. Nothing that points a host's command at a gateway, and
 * no secret that a gateway's service was given for something else.
 */
export function engineEnv(engine: CommandEngine, { env, home }: Pick<AskOptions, "env" | "home">): Record<string, string> {
  const names = [...EVERYONE, ...engine.passes];
  const passes = (name: string) => names.some((each) => (each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : name === each));
  const passed = Object.entries(scrubbedEnv(env)).filter(([name]) => passes(name.toUpperCase()) && name.toUpperCase() !== "OPENCLAW_HOME");
  return { ...Object.fromEntries(passed), HOME: home, TERM: "dumb", NO_COLOR: "1", ...engine.env };
}

const EVERYONE = [
  ...[
    "PATH",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
  ],
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"],
  // Windows.
  ...[
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "COMSPEC",
    "PATHEXT",
    "WINDIR",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "TEMP",
    "TMP",
    "PROGRAMFILES*",
  ],
];

/** Only absolute directories of PATH count: what lies in a working directory is nobody's program. */
export function findBinary(binary: string, path: string | undefined): string | undefined {
  const candidates = isAbsolute(binary)
    ? [binary]
    : (path ?? "")
        .split(delimiter)
        .filter(isAbsolute)
        .map((directory) => join(directory, binary));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      return false;
    }
  });
}

function argumentsOf(engine: CommandEngine, prompt: string): string[] {
  const { model } = engine;
  const args = [...engine.args, ...(model === undefined ? [] : (engine.modelArgs ?? []))];
  // One pass, so that a prompt that contains {model} stays as it is.
  return args.map((argument) =>
    argument.replaceAll(/\{(prompt|model)\}/g, (_, slot: string) => (slot === "prompt" ? prompt : (model ?? ""))),
  );
}

function judged(engine: CommandEngine, result: CommandResult, timeoutMs: number, stopped: boolean): EngineOutcome {
  const { id } = engine;
  if (stopped) return { outcome: "failed", why: `${id} was stopped` };
  if (result.timedOut)
    return { outcome: "timed-out", why: `${id} gave no answer within ${Math.round(timeoutMs / 1000)} s, and was killed` };
  if (result.notStarted !== undefined) return { outcome: "not-installed", why: `${id} cannot be started: ${result.notStarted}` };
  if (Buffer.byteLength(result.stdout) >= ANSWER_BYTES) return { outcome: "too-long", why: `${id} said more than 1 MB` };
  const answer = readAnswer(engine.answer, result.stdout);
  if (answer.is === "refused") return { outcome: "refused", why: refusal(id, answer.said) };
  if (answer.is === "text" && result.exitCode === 0) return heard(id, answer.text);
  const trouble = answer.is === "trouble" ? answer.said : "";
  // Beside a text its words are the model's, and no word about a login.
  const words = `${trouble}\n${result.stderr}\n${answer.is === "nothing" ? result.stdout.slice(0, 4_000) : ""}`;
  if (says(words, engine.needsLogin))
    return { outcome: "needs-login", why: `${id} needs a login or a key${quoted(trouble || lastLine(result.stderr))}` };
  if (result.exitCode !== 0)
    return { outcome: "failed", why: `${id} ended with ${result.exitCode ?? result.signal}${quoted(trouble || lastLine(result.stderr))}` };
  if (answer.is === "trouble") return { outcome: "failed", why: `${id} failed${quoted(trouble)}` };
  return { outcome: "nonsense", why: `${id} gave no answer in its own format` };
}

/** Of what it complained; warnings come before. */
function lastLine(stderr: string): string {
  return (
    stderr
      .trim()
      .split("\n")
      .findLast((line) => /\w/.test(line)) ?? ""
  );
}
