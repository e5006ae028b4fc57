import { messageOf, RescueError } from "../../shared/errors.ts";
import { type Clock, createChildRunner, type Log } from "./child.ts";
import { controlSocketPath, prepareDirectories, recordPath } from "./control-path.ts";
import { serveControl } from "./control-server.ts";
import { DEFAULT_SUPERVISE_POLICY, type SupervisePolicy } from "./policy.ts";
import { isRunning } from "./processes.ts";
import { type Answer, type Operation, PROTOCOL_VERSION, statusOf } from "./protocol.ts";
import { openRecord, type SuperviseRecord, sqliteCode } from "./record.ts";
import { type Effect, initialSupervision, reduce, type SuperviseEvent, type Timer } from "./state.ts";

export interface SuperviseOptions {
  /** The command in the foreground and its arguments: `["openclaw", "gateway", "run"]`. */
  readonly argv: readonly string[];
  /** The watched profile's state directory: where the lock, the memory and the control socket are. Not passed to the child. */
  readonly stateDir: string;
  /** The child's environment, before the host's contract is added to it. */
  readonly env: NodeJS.ProcessEnv;
  /** Structured progress. Must not throw. */
  readonly log: Log;
  readonly policy?: Partial<SupervisePolicy>;
  readonly clock?: Clock;
  /** Where signals come from: `process` outside of tests. */
  readonly signals?: SignalSource;
}

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  removeListener(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

const TERMINATING = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** SIGUSR2 restarts the gateway. Without a listener of ours SIGUSR1 would open Node's inspector in the supervisor. */
const FORWARDED = ["SIGUSR1", "SIGUSR2"] as const;

const systemClock: Clock = {
  nowMs: () => Number(process.hrtime.bigint() / 1_000_000n),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Keeps one foreground child alive until SIGTERM, SIGINT or SIGHUP, and obeys the control socket meanwhile. See README.md here.
 * A child that a dead supervisor left running is adopted: proved by pid, start time, boot and pid namespace.
 * @returns 0 after an intended stop, also when the child had to be killed at the deadline.
 * @throws RescueError `busy`: another supervisor has this state directory · `usage`: the command cannot be run at all · `timeout`:
 * the child outlived SIGKILL and is left to the next supervisor · `refused`, `profile-missing`, `not-readable`: see the directories.
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { stateDir, argv } = options;
  if (process.platform === "win32") throw new RescueError("refused", "The supervisor is not supported on Windows; use a scheduled task");
  if (argv.length === 0)
    throw new RescueError("usage", "No command to supervise", { fix: "rescue-watchdog supervise -- openclaw gateway run" });
  prepareDirectories(stateDir);
  const record = openRecord(recordPath(stateDir));
  if (record === null) throw new RescueError("busy", `Another supervisor already keeps the gateway of ${stateDir}`);
  try {
    return await run(options, record);
  } finally {
    record.close();
  }
}

async function run(options: SuperviseOptions, record: SuperviseRecord): Promise<number> {
  const { argv, env, stateDir, log, clock = systemClock, signals = process } = options;
  const policy: SupervisePolicy = { ...DEFAULT_SUPERVISE_POLICY, ...options.policy };
  const finished = Promise.withResolvers<Finish>();
  const timers = new Map<Timer, () => void>();
  const waiting: SuperviseEvent[] = [];
  let state = initialSupervision(policy);
  let applying = false;

  /** An effect may dispatch in turn (a spawn does): that event waits until the effects before it are applied. */
  const dispatch = (event: SuperviseEvent): string | undefined => {
    waiting.push(event);
    if (applying) return undefined;
    applying = true;
    let refused: string | undefined;
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const step = reduce(state, next, clock.nowMs(), policy);
        state = step.state;
        refused ??= step.refused;
        for (const effect of step.effects) apply(effect);
      }
    } catch (error) {
      // Better to end than to go on with a state that does not match the world: the next supervisor adopts the child.
      finished.reject(error);
    } finally {
      applying = false;
    }
    return refused;
  };

  const child = createChildRunner({ argv, env, policy, clock, log, dispatch });

  const arm = (timer: Timer, afterMs: number) => {
    timers.get(timer)?.();
    timers.set(
      timer,
      clock.after(afterMs, () => dispatch({ kind: "timer", timer })),
    );
  };
  const apply = (effect: Effect): void => {
    if (effect.kind === "spawn") child.spawn();
    else if (effect.kind === "watch-adopted") child.watchAdopted(effect.child);
    else if (effect.kind === "ask-to-end") child.askToEnd(effect.child);
    else if (effect.kind === "kill-group") child.killGroup(effect.child);
    else if (effect.kind === "sweep") child.sweep(effect.child);
    else if (effect.kind === "record") remember(record, effect.child, log);
    else if (effect.kind === "arm") arm(effect.timer, effect.afterMs);
    else if (effect.kind === "disarm") timers.get(effect.timer)?.();
    else if (effect.kind === "tell") log(effect.event, effect.details);
    else finished.resolve(effect);
  };

  const answer = (operation: Operation): Answer => {
    if (operation !== "status") log("control-request", { op: operation });
    const message = operation === "status" ? undefined : dispatch({ kind: "request", verb: operation });
    if (message !== undefined) return { v: PROTOCOL_VERSION, ok: false, code: "refused", message };
    return { v: PROTOCOL_VERSION, ok: true, status: statusOf(state, policy, process.pid) };
  };
  const onTerminate = (signal: NodeJS.Signals) => void dispatch({ kind: "terminate", signal });
  const onForward = (signal: NodeJS.Signals) => {
    if (state.phase.is === "up" || state.phase.is === "ending") child.forward(state.phase.child, signal);
  };

  const path = controlSocketPath(stateDir);
  const server = await serveControl(path, answer, (error) => log("control-failed", { why: messageOf(error) }));
  try {
    for (const signal of TERMINATING) signals.on(signal, onTerminate);
    for (const signal of FORWARDED) signals.on(signal, onForward);
    log("control-listening", { path, pid: process.pid });
    const { previous } = record;
    dispatch({ kind: "begin", adopt: previous !== null && isRunning(previous) ? previous : null });
    return exitCodeOf(await finished.promise, argv);
  } finally {
    for (const cancel of timers.values()) cancel();
    child.release();
    await server.close();
    for (const signal of TERMINATING) signals.removeListener(signal, onTerminate);
    for (const signal of FORWARDED) signals.removeListener(signal, onForward);
    log("left", {});
  }
}

type Finish = Extract<Effect, { kind: "finish" }>;

function exitCodeOf({ outcome, why }: Finish, argv: readonly string[]): number {
  switch (outcome) {
    case "stopped":
      return 0;
    case "cannot-start":
      throw new RescueError("usage", `Cannot run ${argv[0]}: ${why}`);
    case "outlived-kill":
      throw new RescueError("timeout", `The child was not ended: ${why}`);
  }
}

/** A full disk costs the next supervisor its memory of this child, which is less than the child itself. */
function remember(record: SuperviseRecord, child: Parameters<SuperviseRecord["write"]>[0], log: Log): void {
  try {
    record.write(child);
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
    log("record-failed", { why: messageOf(error) });
  }
}
