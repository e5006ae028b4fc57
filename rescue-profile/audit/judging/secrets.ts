import type { TokenFacts } from "../facts.ts";

/** As the host's own audit counts. */
export const MIN_SECRET_LENGTH = 24;
const MIN_DISTINCT = 10;

/** Modes in which one shared secret opens the gateway; it stands at `gateway.auth.MODE`. */
export function sharedSecretMode(mode: string): "token" | "password" | undefined {
  return mode === "token" || mode === "password" ? mode : undefined;
}

/** Why the secret in use is easily guessed, as the end of a sentence about it; undefined: it is not, or only the host knows it. */
export function weaknessOf({ placeholder, length, distinct }: TokenFacts): string | undefined {
  if (placeholder) return "is somebody's placeholder";
  if (length !== null && length < MIN_SECRET_LENGTH) return `has ${length} characters, fewer than ${MIN_SECRET_LENGTH}`;
  if (distinct !== null && distinct < MIN_DISTINCT) return `has only ${distinct} different characters`;
  return undefined;
}
