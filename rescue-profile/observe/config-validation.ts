import { hostJson } from "../../src/shared/openclaw-cli.ts";
import type { CommandResult } from "../../src/shared/run-command.ts";
import type { ConfigValidation } from "../core/findings.ts";
import { showable } from "./mask.ts";

/** Measured: `Unrecognized key: "bogusKey"`, and in the plural with commas. Every word between the quotes is a key. */
const UNKNOWN_KEYS = /^Unrecognized keys?: ("(?:[^"\\]|\\.)*"(?:, )?)+$/;
const ROOT = "<root>";

/**
 * What `config validate --json` said: `{valid, issues: [{path, message}]}`, exit 1 when it is not valid. Undefined when it could not answer
 * (did not start, took too long, said something else): then nothing is known of the content.
 */
export function parseValidation(result: CommandResult): ConfigValidation | undefined {
  if (result.notStarted !== undefined || result.timedOut) return undefined;
  const answer = hostJson(result.stdout);
  const valid = field(answer, "valid");
  if (typeof valid !== "boolean") return undefined;
  const issues = field(answer, "issues");
  const problems = (Array.isArray(issues) ? issues : []).flatMap((issue: unknown) => {
    const [path, message] = [field(issue, "path"), field(issue, "message")];
    if (typeof path !== "string" || typeof message !== "string") return [];
    return [{ path: path === ROOT ? "" : path, message }];
  });
  const unknown = problems.every(({ message }) => UNKNOWN_KEYS.test(message)) ? problems.flatMap(keysOf) : [];
  return {
    valid,
    problems: problems.map(({ path, message }) => ({ path, message: showable(message) })),
    ...(valid || unknown.length === 0 ? {} : { onlyUnknownKeys: unknown }),
  };
}

function keysOf({ path, message }: { readonly path: string; readonly message: string }): string[] {
  return [...message.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, key = ""]) => (path === "" ? key : `${path}.${key}`));
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
