import path from "node:path";
import type { Reading } from "../core/model.ts";
import type { GpuMemory } from "./gpu.ts";
import type { Failure } from "./judge.ts";
import type { LaunchLook } from "./launch.ts";
import type { ModelLook } from "./model-files.ts";
import type { Entrypoint } from "./model-wishes.ts";
import type { PortLook } from "./port.ts";

/** A process that holds the port. */
export interface Holder {
  readonly pid: number;
  /** As it may be shown: one line, no secret. "" when nothing is known of it. */
  readonly program: string;
  readonly command: string;
}

/** What is wrong with interpreter and entrypoint, in this order; at most one failure of each. */
export function judgeLaunch({ interpreter, entrypoint }: LaunchLook, wanted: Entrypoint): readonly Failure[] {
  return [interpreter === undefined ? undefined : judgeInterpreter(interpreter), judgeEntrypoint(entrypoint, wanted)].filter(
    (failure) => failure !== undefined,
  );
}

function judgeInterpreter(look: NonNullable<LaunchLook["interpreter"]>): Failure | undefined {
  if (!look.ok) return { reason: "interpreter_unknown", facts: {}, detail: look.why };
  switch (look.value.state) {
    case "none":
    case "found":
      return undefined;
    case "missing": {
      const where = look.value.name.includes("/") ? "there is no such program" : "there is no such program on PATH";
      return { reason: "interpreter_missing", facts: { interpreter: look.value.name }, detail: where };
    }
    case "not-executable":
      return {
        reason: "interpreter_not_executable",
        facts: { interpreter: look.value.name },
        detail: "it is no file that may be executed",
      };
  }
}

function judgeEntrypoint(look: LaunchLook["entrypoint"], wanted: Entrypoint): Failure | undefined {
  if (look === undefined) return undefined;
  const facts: Failure["facts"] = wanted.kind === "file" ? { entrypoint: wanted.path } : { module: wanted.name };
  if (!look.ok) return { reason: "entrypoint_unknown", facts, detail: look.why };
  switch (look.value.state) {
    case "there":
      return undefined;
    case "missing": {
      const detail = wanted.kind === "file" ? "there is no such file" : "the interpreter finds nothing that -m could run under this name";
      return { reason: "entrypoint_missing", facts, detail };
    }
    case "not-executable":
      return { reason: "entrypoint_not_executable", facts, detail: "it is a program, and may not be executed" };
  }
}

export function judgeModel(look: Reading<ModelLook>, modelPath: string): Failure | undefined {
  if (!look.ok) return { reason: "model_unknown", facts: {}, detail: look.why };
  switch (look.value.state) {
    case "complete":
      return undefined;
    case "missing":
      return { reason: "model_missing", facts: { path: modelPath }, detail: "there is no such file or directory" };
    case "incomplete": {
      const [first, ...others] = look.value.problems;
      const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
      const detail = `${first.file} ${first.what}${more}`;
      return { reason: "model_incomplete", facts: { path: modelPath, file: first.file, problems: others.length + 1 }, detail };
    }
  }
}

/** `holder`: of a port that is taken, when it could be found. */
export function judgePort(look: Reading<PortLook>, host: string, port: number, holder: Holder | undefined): Failure | undefined {
  if (!look.ok) return { reason: "port_unknown", facts: { port }, detail: look.why };
  switch (look.value.state) {
    case "free":
      return undefined;
    case "unusable":
      return { reason: "port_unusable", facts: { port, code: look.value.code }, detail: `this account cannot listen there, on ${host}` };
    case "taken": {
      if (holder === undefined) {
        const detail = `something listens there already (${host}); another account's, or only on an address that this one overlaps`;
        return { reason: "port_in_use", facts: { port, listener: "unknown" }, detail };
      }
      const listener = holder.program === "" ? `pid ${holder.pid}` : `${holder.program} (pid ${holder.pid})`;
      const detail = holder.command === "" ? `it listens there already, on ${host}` : `listens there already: ${holder.command}`;
      return { reason: "port_in_use", facts: { port, listener }, detail };
    }
  }
}

/** One GPU must have that much: memory of two is not one room. */
export function judgeGpu(look: Reading<GpuMemory>, minMib: number): Failure | undefined {
  if (!look.ok) return { reason: "gpu_unknown", facts: { min_mib: minMib }, detail: look.why };
  const { freeMib, silent } = look.value;
  const free = freeMib.reduce((most, each) => Math.max(most, each), 0);
  if (freeMib.length > 0 && free >= minMib) return undefined;
  if (silent > 0) return { reason: "gpu_unknown", facts: { min_mib: minMib }, detail: `${silent} of the GPUs do not say what is free` };
  const detail = freeMib.length === 1 ? "less than that is free" : `none of the ${freeMib.length} GPUs has that much free`;
  return { reason: "gpu_memory_low", facts: { free_mib: free, min_mib: minMib }, detail };
}

/** Options whose next word is a secret, such as `--api-key`. */
const SECRET_OPTION = /^--?[\w-]*(token|secret|password|passwd|key|auth)$/i;

/** A foreign command line without the words that follow such options; program: its first word without the directory. */
export function namedBy(words: readonly string[]): { readonly program: string; readonly command: string } {
  const shown = words.map((word, index) => (SECRET_OPTION.test(words[index - 1] ?? "") ? "***" : word));
  return { program: path.basename((words[0] ?? "").split(" ")[0] ?? ""), command: shown.join(" ") };
}
