import { readIfThere } from "../src/shared/secure-file.ts";

/** From package.json, which lies one level up from the sources and two from `dist/plugin`. */
export const VERSION = readVersion(["../package.json", "../../package.json"]);

function readVersion(candidates: readonly string[]): string {
  for (const candidate of candidates) {
    const text = readIfThere(new URL(candidate, import.meta.url));
    const parsed: unknown = text === undefined ? undefined : JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "name" in parsed && parsed.name === "rescue-watchdog" && "version" in parsed) {
      return String(parsed.version);
    }
  }
  return "unknown";
}
