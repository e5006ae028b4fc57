import { readFileSync, statSync } from "node:fs";
import { dirname, relative } from "node:path";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { readConfigFiles } from "../../src/shared/gateway-config.ts";
import type { ConfigFinding } from "../core/findings.ts";
import { sha256 } from "./entry.ts";

export interface Fingerprint {
  readonly state: ConfigFinding["state"];
  /** SHA-256 over the file and everything it includes; null when it cannot be read through. */
  readonly fingerprint: string | null;
  /** The file and everything it includes, the file last; as far as it could be read through. */
  readonly files: readonly string[];
  /** One sentence without content. */
  readonly why?: string;
}

/** What lies at a configuration's place. No state of the files makes it throw, and it never repeats what is in them. */
export function fingerprintOf(configPath: string): Fingerprint {
  return readThrough(configPath).print;
}

/** The same together with the bytes that it was computed from: each file is read once, so that both are of one moment. */
export function readThrough(configPath: string): { readonly print: Fingerprint; readonly files: ReadonlyMap<string, Buffer> } {
  const nothing = (state: Fingerprint["state"], why: string) => ({
    print: { state, fingerprint: null, files: [configPath], why },
    files: new Map<string, Buffer>(),
  });
  try {
    const stat = statSync(configPath);
    // Reading a pipe would wait for ever.
    if (!stat.isFile()) return nothing("unreadable", `${configPath} is no file`);
    if (readFileSync(configPath, "utf8").trim() === "") return nothing("empty", `${configPath} is empty`);
    const files = readConfigFiles(configPath, missing);
    return { print: { state: "there", fingerprint: hashOf(files, dirname(configPath)), files: [...files.keys()] }, files };
  } catch (error) {
    if (error instanceof RescueError) return nothing(STATES[error.code] ?? "unreadable", error.message);
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    return code === "ENOENT" ? nothing("missing", missing(configPath).message) : nothing("unreadable", `${code} reading ${configPath}`);
  }
}

const STATES: { readonly [code: string]: Fingerprint["state"] } = {
  "profile-missing": "missing",
  "config-invalid": "unparsable",
  "not-readable": "unreadable",
};

function missing(file: string): RescueError {
  return new RescueError("profile-missing", `${file} does not exist`);
}

function hashOf(files: ReadonlyMap<string, Buffer>, directory: string): string {
  const lines = [...files].map(([path, bytes]) => `${relative(directory, path)}\0${sha256(bytes)}\n`);
  return sha256(Buffer.from(lines.sort().join("")));
}
