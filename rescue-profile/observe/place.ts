import { stat } from "node:fs/promises";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import { seen, unseenBecause } from "./reading.ts";
import type { Target } from "./target.ts";

/**
 * By what is known again what it serves from: device and inode of its state directory and state database, and of its configuration also when it was
 * written and how long it is; `-` for what is not there. A gateway whose state directory was renamed away, whose database was deleted or whose
 * configuration was broken goes on serving from what it has open (measured, 2026.9.6), and does not come back when it ends.
 */
export async function readPlace(target: Pick<Target, "stateDir" | "databasePath" | "configPath">): Promise<Reading<string>> {
  const { stateDir, databasePath, configPath } = target;
  try {
    return seen((await Promise.all([stampOf(stateDir), stampOf(databasePath), stampOf(configPath, true)])).join(" "));
  } catch (error) {
    return unseenBecause(error, `looking at ${stateDir}`);
  }
}

async function stampOf(path: string, content = false): Promise<string> {
  try {
    const { dev, ino, mtimeNs, size } = await stat(path, { bigint: true });
    return content ? `${dev}:${ino}:${mtimeNs}:${size}` : `${dev}:${ino}`;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "-";
    throw error;
  }
}
