import { cut } from "../../../src/shared/cut.ts";
import { seenText } from "../context/clean.ts";
import { shapedSecrets } from "../context/secret-shapes.ts";

const MAX_LENGTH = 200;

/** What a program said, for a sentence of ours: one line, no secret of a known shape, 200 characters; "" when it said nothing. */
export function said(text: string): string {
  const seen = seenText(text.slice(0, 4_000));
  const shown = shapedSecrets(seen).reduce((line, secret) => line.replaceAll(secret, "***"), seen);
  return cut(shown.replaceAll(/\s+/g, " ").trim(), MAX_LENGTH);
}

/** Does one of the words stand in it? Without case; a number only by itself. */
export function says(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.some((word) => (/^\d+$/.test(word) ? new RegExp(`(?<!\\d)${word}(?!\\d)`).test(lower) : lower.includes(word.toLowerCase())));
}
