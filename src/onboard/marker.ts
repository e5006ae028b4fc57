import { join } from "node:path";
import { RescueError } from "../shared/errors.ts";
import { WATCHDOG_DIR } from "../shared/rescue-home.ts";
import { readIfThere, writeSecret } from "../shared/secure-file.ts";

/** Says that this plugin made a rescue profile, and for whom. A profile without it is somebody else's and is never touched. */
export interface Marker {
  readonly format: 1;
  readonly madeBy: "rescue-watchdog";
  readonly primary: string;
  readonly primaryStateDir: string;
  readonly port: number;
  readonly createdAt: string;
  /** Setup put the plugin into the primary; uninstall takes it out again. */
  readonly installedPlugin: boolean;
}

export function markerPath(rescueStateDir: string): string {
  return join(rescueStateDir, WATCHDOG_DIR, "owner.json");
}

/** Undefined when there is none. Throws `refused` when there is one that cannot be understood, and system errors other than "not there". */
export function readMarker(rescueStateDir: string): Marker | undefined {
  const file = markerPath(rescueStateDir);
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const parsed = parse(text);
  if (parsed?.["madeBy"] !== "rescue-watchdog" || parsed["format"] !== 1 || typeof parsed["primary"] !== "string") {
    throw new RescueError("refused", `${file} is not an ownership mark of this version`, { fix: "look at the file; nothing was changed" });
  }
  return {
    format: 1,
    madeBy: "rescue-watchdog",
    primary: parsed["primary"],
    primaryStateDir: String(parsed["primaryStateDir"]),
    port: Number(parsed["port"]),
    createdAt: String(parsed["createdAt"]),
    installedPlugin: parsed["installedPlugin"] === true,
  };
}

export async function writeMarker(rescueStateDir: string, marker: Marker): Promise<void> {
  await writeSecret(rescueStateDir, markerPath(rescueStateDir), `${JSON.stringify(marker, null, 2)}\n`);
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
