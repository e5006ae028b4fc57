// @ts-check
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** A failure of the set-up that a person can act on: one sentence what, one what to do. */
export class SetupError extends Error {
  exitCode = 1;
}

/** Somebody pressed Ctrl-C, or asked us to end by another signal. */
export class Interrupted extends SetupError {
  /** @override */
  exitCode = 128 + constants.signals.SIGINT;
}

/** @param {string} line */
export const say = (line) => void process.stderr.write(`[setup] ${line}\n`);

/** npm repeats to us the signal that the terminal sent us already; a person is never this fast. */
const REPEAT_MS = 300;
/** What a program that is asked to end at its deadline may take before it is killed: tests end their gateways in it. */
const GRACE_MS = 30_000;
/** npm takes half a minute to undo what the next run does anew anyway. */
const IMPATIENT_MS = 2_000;
const FORWARDED = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * @typedef {object} RunOptions
 * @property {string} cwd
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} [capture]
 * @property {boolean} [expendable] what it leaves half done is done anew: signals go to its children as well, and it is soon killed
 * @property {number} [deadlineMs] after this it is asked to end, and after a grace killed; what it left in its group is always killed
 * @property {(pid: number) => void} [onStart]
 */

/**
 * Runs a program to its end, out of the terminal's foreground group, so that a Ctrl-C reaches it exactly once, through us, and we
 * outlive it. stdin is empty; stdout and stderr are ours unless `capture` is set, then both are shown on stderr.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @returns {Promise<{ code: number, interrupted: boolean, timedOut: boolean, tail: string }>} `code`: the exit code, or 128 + signal
 *   number; `tail`: the last 20 kB of what it wrote, when captured. Throws the system error when it could not be started.
 */
export function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: options.capture ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
    });
    let tail = "";
    let interrupted = false;
    let lastSignalAtMs = Number.NEGATIVE_INFINITY;

    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      const nowMs = performance.now();
      if (nowMs - lastSignalAtMs < REPEAT_MS || child.pid === undefined) return;
      lastSignalAtMs = nowMs;
      interrupted = true;
      signalProcess(options.expendable ? -child.pid : child.pid, signal);
      if (options.expendable) timers.push(setTimeout(kill, IMPATIENT_MS));
    };
    for (const signal of FORWARDED) process.on(signal, forward);

    let timedOut = false;
    /** @type {NodeJS.Timeout[]} */
    const timers = [];
    const kill = () => child.pid !== undefined && signalProcess(-child.pid, "SIGKILL");
    if (options.deadlineMs !== undefined) {
      const end = () => {
        timedOut = child.pid !== undefined && signalProcess(child.pid, "SIGTERM");
        timers.push(setTimeout(kill, GRACE_MS));
      };
      timers.push(setTimeout(end, options.deadlineMs));
    }
    const settle = () => {
      for (const timer of timers) clearTimeout(timer);
      for (const signal of FORWARDED) process.off(signal, forward);
    };

    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        tail = (tail + chunk).slice(-20_000);
        process.stderr.write(chunk);
      });
    }
    child.once("spawn", () => options.onStart?.(/** @type {number} */ (child.pid)));
    child.once("error", (error) => {
      settle();
      reject(error);
    });
    child.once("close", (code, signal) => {
      settle();
      // Whatever of its group outlives a bounded program was meant to end with it.
      if (options.deadlineMs !== undefined) kill();
      resolve({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), interrupted, timedOut, tail });
    });
  });
}

/**
 * @param {number} pid negative for a process group
 * @param {NodeJS.Signals | 0} signal
 * @returns {boolean} false when it is gone already
 */
export function signalProcess(pid, signal) {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) === "ESRCH") return false;
    throw error;
  }
}

/** @param {unknown} error @returns {string | undefined} a Node system error's code */
export function codeOf(error) {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
