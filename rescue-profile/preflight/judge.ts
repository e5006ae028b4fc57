import type { CommandResult } from "../../src/shared/run-command.ts";
import type { HttpReading, Reading } from "../core/model.ts";

/** Why the command is not run. `*_unknown`: could not look, which is no permission. */
export type Reason =
  | "gateway_unreachable"
  | "gateway_unhealthy"
  | "gateway_foreign"
  | "gateway_unknown"
  | "pairing_pending"
  | "pairing_unknown"
  | "config_missing"
  | "config_invalid"
  | "config_unknown"
  | "disk_low"
  | "disk_unknown"
  | "custom_failed"
  | "custom_unknown"
  | "interpreter_missing"
  | "interpreter_not_executable"
  | "interpreter_unknown"
  | "entrypoint_missing"
  | "entrypoint_not_executable"
  | "entrypoint_unknown"
  | "model_missing"
  | "model_incomplete"
  | "model_unknown"
  | "port_in_use"
  | "port_unusable"
  | "port_unknown"
  | "gpu_memory_low"
  | "gpu_unknown"
  | "command_not_found"
  | "command_not_executable";

export interface Failure {
  readonly reason: Reason;
  /** Keys are written as they are: small letters and _ only. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** One sentence for people. */
  readonly detail: string;
}

/** Requests that somebody still has to answer. */
export interface PendingPairings {
  readonly devices: number;
  readonly nodes: number;
  readonly channels: number;
}

export type ConfigLook =
  | { readonly state: "valid" }
  | { readonly state: "missing"; readonly why: string }
  | { readonly state: "invalid"; readonly why: string };

export function judgeGateway(look: Reading<{ readonly port: number; readonly health: Reading<HttpReading> }>): Failure | undefined {
  if (!look.ok) return { reason: "gateway_unknown", facts: {}, detail: look.why };
  const { port, health } = look.value;
  const failed = (reason: Reason, detail: string): Failure => ({ reason, facts: { port }, detail });
  if (!health.ok) return failed("gateway_unknown", health.why);
  const answer = health.value;
  switch (answer.state) {
    case "refused":
      return failed("gateway_unreachable", `nothing listens on 127.0.0.1:${port}`);
    case "silent":
      return failed("gateway_unreachable", `/healthz gave no complete answer within ${answer.afterMs} ms`);
    case "foreign":
      return failed("gateway_foreign", `what answers on 127.0.0.1:${port} is no gateway (HTTP ${answer.status})`);
    case "answered":
      return answer.status === 200 ? undefined : failed("gateway_unhealthy", `/healthz answered with HTTP ${answer.status}`);
  }
}

export function judgePairing(look: Reading<PendingPairings>): Failure | undefined {
  if (!look.ok) return { reason: "pairing_unknown", facts: {}, detail: look.why };
  const { devices, nodes, channels } = look.value;
  const pending = devices + nodes + channels;
  if (pending === 0) return undefined;
  const each = `devices ${devices}, capabilities of nodes ${nodes}, senders in channels ${channels}`;
  return { reason: "pairing_pending", facts: { pending }, detail: `requests wait to be approved or rejected: ${each}` };
}

export function judgeConfig(look: Reading<ConfigLook>): Failure | undefined {
  if (!look.ok) return { reason: "config_unknown", facts: {}, detail: look.why };
  switch (look.value.state) {
    case "valid":
      return undefined;
    case "missing":
      return { reason: "config_missing", facts: {}, detail: look.value.why };
    case "invalid":
      return { reason: "config_invalid", facts: {}, detail: look.value.why };
  }
}

/** `look`: bytes that this user may still use. */
export function judgeDisk(look: Reading<number>, minFreeMb: number, stateDir: string): Failure | undefined {
  if (!look.ok) return { reason: "disk_unknown", facts: {}, detail: look.why };
  const freeMb = Math.floor(look.value / 1e6);
  if (freeMb >= minFreeMb) return undefined;
  return {
    reason: "disk_low",
    facts: { free_mb: freeMb, min_mb: minFreeMb },
    detail: `less than ${minFreeMb} MB free where ${stateDir} is`,
  };
}

type Ended = Pick<CommandResult, "exitCode" | "signal" | "timedOut" | "notStarted">;

/** A program of the user's: 0 passes. `said`: the first line of its output as it may be shown, or "". `timeoutMs`: its deadline. */
export function judgeCustom(check: string, ended: Ended, said: string, timeoutMs: number): Failure | undefined {
  const unknown = (detail: string): Failure => ({ reason: "custom_unknown", facts: { check }, detail });
  if (ended.notStarted !== undefined) return unknown(`it cannot be started: ${ended.notStarted}`);
  if (ended.timedOut) return unknown(`it did not end within ${timeoutMs} ms, and was killed`);
  if (ended.exitCode === 0) return undefined;
  const end = ended.exitCode === null ? { signal: ended.signal ?? "unknown" } : { exit: ended.exitCode };
  return { reason: "custom_failed", facts: { check, ...end }, detail: said === "" ? "it said nothing" : said };
}

/** A command that could not be started, by spawn's error code, with the exit code that shells use for it. */
export function judgeStart(command: string, code: string): { readonly failure: Failure; readonly exitCode: 126 | 127 } {
  return code === "ENOENT"
    ? { failure: { reason: "command_not_found", facts: { command }, detail: "there is no such program" }, exitCode: 127 }
    : { failure: { reason: "command_not_executable", facts: { command }, detail: `it cannot be started: ${code}` }, exitCode: 126 };
}
