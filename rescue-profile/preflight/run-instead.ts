import { spawn } from "node:child_process";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { SignalEar } from "./signals.ts";

export type End =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signalled"; readonly signal: NodeJS.Signals }
  /** `code`: spawn's system error. */
  | { readonly kind: "not-started"; readonly code: string };

/**
 * Runs a program as if it stood here instead of us: our terminal, group, directory and environment, no shell. Resolves with its end, whatever
 * keeps its output open. Node calls an end by a real-time signal exit 0 (measured, 24.21); nothing public tells them apart.
 */
export async function runInstead(argv: readonly string[], env: NodeJS.ProcessEnv, signals: SignalEar): Promise<End> {
  const [command = "", ...args] = argv;
  // Node throws for an empty name; a shell says "not found".
  if (command === "") return { kind: "not-started", code: "ENOENT" };
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => {
      const code = systemErrorCode(error);
      if (code === undefined) reject(error);
      else resolve({ kind: "not-started", code });
    };
    try {
      const child = spawn(command, args, { stdio: "inherit", env });
      if (child.pid !== undefined) signals.passTo(child);
      // Once it runs, an error is a signal that it could not be given (sudo is another account's): it still runs.
      child.on("error", (error) => (child.pid === undefined ? failed(error) : undefined));
      child.once("exit", (code, signal) => resolve(signal === null ? { kind: "exited", code: code ?? 0 } : { kind: "signalled", signal }));
    } catch (error) {
      // Some of spawn(2)'s errors (E2BIG, ENOMEM) are thrown, the others emitted.
      failed(error);
    }
  });
}
