import { createHash } from "node:crypto";
import { RescueError } from "../../src/shared/errors.ts";
import { readConfigFiles } from "../../src/shared/gateway-config.ts";

/** SHA-256 of each file of the configuration, includes too; none where it cannot be read as one, so that nothing is changed in it. */
export function configHashes(configPath: string): ReadonlyMap<string, string> {
  try {
    const files = readConfigFiles(configPath, (file) => new RescueError("config-invalid", `${file} does not exist`));
    return new Map([...files].map(([file, bytes]) => [file, createHash("sha256").update(bytes).digest("hex")]));
  } catch (error) {
    if (error instanceof RescueError) return new Map();
    throw error;
  }
}
