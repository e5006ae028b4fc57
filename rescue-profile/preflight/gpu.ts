import type { Reading } from "../core/model.ts";

export interface GpuMemory {
  /** MiB, one for each GPU that says it. */
  readonly freeMib: readonly number[];
  /** How many do not (`[N/A]`: some share the machine's memory). */
  readonly silent: number;
}

/** On a machine with many GPUs, and nothing that keeps their driver loaded, it takes seconds. */
const ASK_MS = 8_000;
const QUERY = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"] as const;

/** What nvidia-smi, found on PATH, says. Not ok, with a sentence: it is not there, failed, was late, or knows of no GPU. */
export async function readGpuMemory(env: NodeJS.ProcessEnv, stop: AbortSignal): Promise<Reading<GpuMemory>> {
  const { runCommand } = await import("../../src/shared/run-command.ts");
  const asked = await runCommand(QUERY, { timeoutMs: ASK_MS, env, stop, maxBytes: 65_536 });
  if (asked.notStarted === "ENOENT") {
    return { ok: false, why: "nvidia-smi is not on PATH: without it the free memory of a GPU cannot be known" };
  }
  if (asked.notStarted !== undefined) return { ok: false, why: `nvidia-smi cannot be started: ${asked.notStarted}` };
  if (asked.timedOut) return { ok: false, why: `nvidia-smi did not answer within ${ASK_MS} ms` };
  if (asked.exitCode !== 0) {
    const [said = ""] = `${asked.stdout}\n${asked.stderr}`.trim().split("\n");
    return { ok: false, why: `nvidia-smi ended with ${asked.exitCode ?? asked.signal}: ${said}` };
  }
  return parseGpuMemory(asked.stdout);
}

/** A line for each GPU, as `--format=csv,noheader,nounits` writes it. Pure. */
export function parseGpuMemory(output: string): Reading<GpuMemory> {
  const lines = output.split("\n").map((line) => line.trim());
  const told = lines.filter((line) => line !== "");
  if (told.length === 0) return { ok: false, why: "nvidia-smi names no GPU" };
  const strange = told.find((line) => !/^(\d{1,9}|\[.*\])$/.test(line));
  if (strange !== undefined) return { ok: false, why: `nvidia-smi answered ${JSON.stringify(strange.slice(0, 80))} instead of a number` };
  const freeMib = told.filter((line) => /^\d/.test(line)).map(Number);
  return { ok: true, value: { freeMib, silent: told.length - freeMib.length } };
}
