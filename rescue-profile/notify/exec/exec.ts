import { runCommand } from "../../../src/shared/run-command.ts";
import type { Severity } from "../../core/event.ts";
import { isPush, type Receiver } from "../alert.ts";
import { asJson } from "../as-json.ts";

export interface ExecOptions {
  readonly name: string;
  readonly argv: readonly string[];
  readonly least: Severity;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const TIMEOUT_MS = 30_000;

/** A program of the user's: the alert as JSON on its standard input; exit 0 means that it took it. No shell, nothing of the alert in its arguments. */
export function execReceiver({ name, argv, least, env }: ExecOptions): Receiver {
  return {
    name,
    edits: false,
    least,
    wants: isPush,
    send: async (alert, _remote, id) => {
      const result = await runCommand(argv, {
        timeoutMs: TIMEOUT_MS,
        env,
        input: `${asJson(alert, id)}\n`,
        maxBytes: 4_096,
      });
      if (result.exitCode === 0) return { outcome: "sent" };
      const why =
        result.notStarted ?? (result.timedOut ? `not done within ${TIMEOUT_MS / 1000} s` : `exit ${result.exitCode ?? result.signal}`);
      return { outcome: "later", why: `${argv[0]}: ${why}` };
    },
  };
}
