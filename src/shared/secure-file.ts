import { readFileSync } from "node:fs";
import writeFileAtomic from "write-file-atomic";
import { systemErrorCode } from "./errors.ts";

/** Replaces a file that holds no secret, atomically, mode 0600. It follows links: never for credentials or service definitions. */
export function writePlainFile(file: string, text: string): void {
  writeFileAtomic.sync(file, text, { mode: 0o600 });
}

/** The text of a file, or undefined when there is none. Every other failure is thrown: "could not look" is not "not there". */
export function readIfThere(file: string | URL): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
