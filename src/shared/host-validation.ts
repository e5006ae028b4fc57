import { hostJson } from "./openclaw-cli.ts";
import type { CommandResult } from "./run-command.ts";

/** What the host says of a configuration. */
export interface HostValidation {
  readonly valid: boolean;
  readonly problems: readonly {
    /** In dots, empty for the root. */
    readonly path: string;
    /** As the host words it: it may quote values. */
    readonly message: string;
    /** Full paths, in dots, of keys that the host says it does not know, when that is what is wrong here. */
    readonly unknownKeys: readonly string[];
  }[];
}

/** Measured (2026.9.6): `Unrecognized key: "bogusKey"`, and in the plural with commas, at the path of the object that has them. */
const UNKNOWN_KEYS = /^Unrecognized keys?: ("(?:[^"\\]|\\.)*"(?:, )?)+$/;
const ROOT = "<root>";

/**
 * The answer of `config validate --json`: `{valid, issues: [{path, message}]}`, exit 1 when it is not valid. Undefined when it did not answer
 * (did not start, took too long, said something else): then nothing is known of the content. It lets pass what the start refuses (no
 * gateway.mode, a bind without auth, missing TLS files), so `valid` is no promise.
 */
export function readValidation(result: CommandResult): HostValidation | undefined {
  if (result.notStarted !== undefined || result.timedOut) return undefined;
  const answer = hostJson(result.stdout);
  const valid = field(answer, "valid");
  if (typeof valid !== "boolean") return undefined;
  const issues = field(answer, "issues");
  const problems = (Array.isArray(issues) ? issues : []).flatMap((issue: unknown) => problemOf(issue) ?? []);
  // It could not look itself (seen while its own packages were being replaced): that says nothing of the file.
  if (!valid && problems.some(({ path, message }) => path === "" && message.startsWith("read failed:"))) return undefined;
  return { valid, problems };
}

function problemOf(issue: unknown): HostValidation["problems"][number] | undefined {
  const at = field(issue, "path");
  const message = field(issue, "message");
  if (typeof at !== "string" || typeof message !== "string") return undefined;
  const path = at === ROOT ? "" : at;
  const keys = UNKNOWN_KEYS.test(message) ? [...message.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, key = ""]) => key) : [];
  return { path, message, unknownKeys: keys.map((key) => (path === "" ? key : `${path}.${key}`)) };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
