import { readFileSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { RescueError, systemErrorCode } from "../src/shared/errors.ts";
import type { Target } from "./observe/target.ts";

/** What was resolved the last time, so that a watcher that starts while the gateway's config is broken still knows whom to watch. No secrets. */
export function rememberTarget(dir: string, target: Target): void {
  const text = `${JSON.stringify(target, null, 2)}\n`;
  if (readIfThere(fileIn(dir)) !== text) writeFileAtomic.sync(fileIn(dir), text, { mode: 0o600 });
}

export function recallTarget(dir: string): Target | undefined {
  const text = readIfThere(fileIn(dir));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Target;
  } catch (error) {
    throw new RescueError("journal", `${fileIn(dir)} is not valid JSON`, { fix: `remove ${fileIn(dir)}`, cause: error });
  }
}

const fileIn = (dir: string) => join(dir, "target.json");

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
