import { RescueError } from "../../src/shared/errors.ts";
import { hostJson } from "../../src/shared/openclaw-cli.ts";
import type { Host } from "./mending.ts";

export interface Validation {
  readonly valid: boolean;
  /** In dots, empty for the root. The host's messages stay out of it: they may quote values. */
  readonly problemPaths: readonly string[];
  /** Full paths, in dots, of the keys that the host says it does not know. */
  readonly unknownKeys: readonly string[];
}

/** 1 to 5 s on a quiet machine, 19 s on a busy one. */
export const VALIDATE_MS = 30_000;

/** What the host says of the configuration as it lies there now. Throws when it says nothing that can be understood: that is not "invalid". */
export async function validateConfig(host: Host): Promise<Validation> {
  const result = await host(["config", "validate", "--json"], { timeoutMs: VALIDATE_MS });
  const answer = hostJson(result.stdout);
  const valid = field(answer, "valid");
  if (typeof valid !== "boolean") {
    const why = result.notStarted ?? (result.timedOut ? "no answer in time" : `exit ${result.exitCode ?? result.signal}`);
    throw new RescueError("not-running", `the host's config validate did not answer: ${why}`, { fix: "openclaw config validate" });
  }
  const issues = field(answer, "issues");
  const problems = Array.isArray(issues) ? issues.map(problemOf) : [];
  return { valid, problemPaths: problems.map(({ path }) => path), unknownKeys: problems.flatMap(({ unknown }) => unknown) };
}

/** The host words it `Unrecognized key: "a"` or `Unrecognized keys: "a", "b"`, at the path of the object that has them. */
function problemOf(issue: unknown): { readonly path: string; readonly unknown: readonly string[] } {
  const at = field(issue, "path");
  const message = field(issue, "message");
  const path = typeof at === "string" && at !== "<root>" ? at : "";
  if (typeof message !== "string" || !/^Unrecognized keys?:/.test(message)) return { path, unknown: [] };
  const keys = [...message.matchAll(/"([^"]*)"/g)].map(([, key = ""]) => key);
  return { path, unknown: keys.map((key) => (path === "" ? key : `${path}.${key}`)) };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
