/**
 * Every failure that reaches a person. `code` is closed, so that callers switch on it instead of matching text;
 * `message` is one sentence naming what and where; `fix` is what to do, as a command where there is one.
 */
export type RescueErrorCode =
  | "usage"
  | "profile-missing"
  | "not-readable"
  | "config-invalid"
  | "port-foreign"
  | "not-running"
  | "busy"
  | "refused"
  | "journal"
  | "service-control"
  | "timeout"
  | "preflight-failed"
  | "interrupted"
  | "internal";

/** Documented in `--help` and README; never renumber. 0 is success, 1 is "looked, and something is wrong". */
export const EXIT_CODES = {
  usage: 2,
  "profile-missing": 3,
  "not-readable": 4,
  "config-invalid": 5,
  "port-foreign": 6,
  "not-running": 7,
  busy: 8,
  refused: 9,
  journal: 10,
  "service-control": 11,
  timeout: 12,
  "preflight-failed": 75,
  interrupted: 130,
  internal: 70,
} as const satisfies Record<RescueErrorCode, number>;

export class RescueError extends Error {
  override readonly name = "RescueError";
  readonly code: RescueErrorCode;
  readonly fix: string | undefined;

  constructor(code: RescueErrorCode, message: string, options: { fix?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.fix = options.fix;
  }
}

/** The `code` of a Node system error (`ENOENT`, `EACCES`, …), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}

/** One line for logs and evidence: the message without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
