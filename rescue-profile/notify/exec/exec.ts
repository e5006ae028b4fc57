import { runCommand } from "../../../src/shared/run-command.ts";
import type { NewsKind, Severity } from "../../core/event.ts";
import type { Receiver } from "../alert.ts";

export interface ExecOptions {
  readonly name: string;
  readonly argv: readonly string[];
  readonly least: Severity;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const TIMEOUT_MS = 30_000;
const HEARD: ReadonlySet<NewsKind> = new Set<NewsKind>(["opened", "told", "closed"]);

/** A program of the user's: the alert as JSON on its standard input; exit 0 means that it took it. No shell, nothing of the alert in its arguments. */
export function execReceiver({ name, argv, least, env }: ExecOptions): Receiver {
  return {
    name,
    edits: false,
    least,
    kinds: HEARD,
    send: async (alert, _remote, id) => {
      const result = await runCommand(argv, {
        timeoutMs: TIMEOUT_MS,
        env,
        input: `${JSON.stringify({ id: Number(id), ...alert })}\n`,
        maxBytes: 4_096,
      });
      if (result.exitCode === 0) return { outcome: "sent" };
      const why =
        result.notStarted ?? (result.timedOut ? `not done within ${TIMEOUT_MS / 1000} s` : `exit ${result.exitCode ?? result.signal}`);
      return { outcome: "later", why: `${argv[0]}: ${why}` };
    },
  };
}
