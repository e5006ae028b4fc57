import { stat } from "node:fs/promises";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import { seen, unseenBecause } from "./reading.ts";
import type { Target } from "./target.ts";

/**
 * By what its state directory and state database are known again: device and inode of each, `-` for what is not there. A gateway whose state directory
 * was renamed away or whose database was deleted goes on serving from what it has open (measured, 2026.9.6), and loses it when it ends.
 */
export async function readPlace({ stateDir, databasePath }: Pick<Target, "stateDir" | "databasePath">): Promise<Reading<string>> {
  try {
    return seen((await Promise.all([stateDir, databasePath].map(inodeOf))).join(" "));
  } catch (error) {
    return unseenBecause(error, `looking at ${stateDir}`);
  }
}

async function inodeOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "-";
    throw error;
  }
}
