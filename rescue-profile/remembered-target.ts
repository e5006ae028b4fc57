import { join } from "node:path";
import { RescueError } from "../src/shared/errors.ts";
import { readIfThere, writePlainFile } from "../src/shared/secure-file.ts";
import type { Target } from "./observe/target.ts";

/** What was resolved the last time, so that a watcher that starts while the gateway's config is broken still knows whom to watch. No secrets. */
export function rememberTarget(dir: string, target: Target): void {
  const text = `${JSON.stringify(target, null, 2)}\n`;
  if (readIfThere(fileIn(dir)) !== text) writePlainFile(fileIn(dir), text);
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
