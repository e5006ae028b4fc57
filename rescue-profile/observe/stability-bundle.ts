import path from "node:path";
import { asObject } from "../../src/shared/gateway-config.ts";
import type { LogLine } from "./log-line.ts";

/** Measured: `[openclaw] wrote stability bundle: ~/.openclaw/logs/stability/openclaw-stability-TIME-PID-uncaught_exception.json`. */
const WROTE = /wrote stability bundle: (\S+\.json)$/;

/**
 * The log with the stacks that the host keeps out of it: of an uncaught exception it says only the reason, and where a report lies whose
 * `error.stack` has the rest (measured under systemd, 2026.9.6). Only reports of this state directory are read; `readText` gives undefined for what
 * is not there or too long.
 */
export function withStacks(
  lines: readonly LogLine[],
  { stateDir, home }: { readonly stateDir: string; readonly home: string },
  readText: (file: string) => string | undefined,
): readonly LogLine[] {
  return lines.flatMap((line) => {
    const named = WROTE.exec(line.text.trimEnd())?.[1];
    if (named === undefined) return [line];
    const file = path.resolve(named.replace(/^~(?=\/)/, () => home).replace(/^\$OPENCLAW_STATE_DIR(?=\/)/, () => stateDir));
    const ours = path.dirname(file) === path.join(stateDir, "logs", "stability");
    const stack = ours ? stackIn(readText(file) ?? "") : undefined;
    return stack === undefined ? [line] : [line, { ...line, text: stack }];
  });
}

function stackIn(text: string): string | undefined {
  try {
    const stack = asObject(asObject(JSON.parse(text))["error"])["stack"];
    return typeof stack === "string" ? stack : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
