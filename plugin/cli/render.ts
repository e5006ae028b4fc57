import { stripVTControlCharacters } from "node:util";
import type { Style } from "./command.ts";

/** Text from logs, journals and other programs, made harmless for a terminal: no escape sequences, no control characters. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, " ");
}

/** The same on one line, so that nothing that was logged can look like a line of its own. */
function oneLine(text: string): string {
  return plainText(text).replaceAll(/[\n\u2028\u2029]/g, " ");
}

/** A JSON log line as a person reads it; a line that is no JSON as it is. */
export function logLine(line: string, style: Style): string {
  const entry = parseLine(line);
  if (entry === undefined) return `${oneLine(line)}\n`;
  const time = oneLine(String(entry["timestamp"] ?? "").slice(11, 23));
  const level = String(entry["level"]);
  const colour = level === "error" ? "red" : level === "warn" ? "yellow" : "dim";
  const said = (key: string, words: (value: unknown) => string) =>
    entry[key] === null || entry[key] === undefined ? "" : words(entry[key]);
  const facts = [
    said("incident", (value) => `incident ${String(value)}`),
    said("cause", String),
    said("tier", (value) => `tier ${String(value)}`),
    said("duration_ms", (value) => `${String(value)} ms`),
    said("details", describe),
  ].filter((fact) => fact !== "");
  return `${style("dim", time)} ${style(colour, oneLine(String(entry["event"])).padEnd(18))} ${oneLine(facts.join(" · "))}\n`;
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function describe(details: unknown): string {
  if (typeof details !== "object" || details === null) return String(details);
  return Object.entries(details)
    .filter(([, value]) => value !== null)
    .map(
      ([key, value]) =>
        `${key}: ${Array.isArray(value) ? value.join("; ") : typeof value === "object" ? JSON.stringify(value) : String(value)}`,
    )
    .join(", ");
}
