import type { ParseArgsOptionsConfig } from "node:util";

/** One subcommand. `run` resolves to the exit code; failures are thrown as RescueError. */
export interface Command {
  readonly name: string;
  /** One line for the overview. */
  readonly summary: string;
  /** What follows the command's name. */
  readonly usage: string;
  /** The long help: what it does, when to use it, its exit codes. */
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  /** How many words it takes besides its options; default none. */
  readonly words?: number;
  /** Its words are another program's: only `--profile`, `--json` and `--help` are ours, and everything else arrives in `rest`. */
  readonly verbatim?: boolean;
  readonly run: (call: Call) => Promise<number>;
}

export interface Call {
  readonly profile: string;
  readonly json: boolean;
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
  /** What stood behind `--`; of a verbatim command all words but `--profile NAME`. */
  readonly rest: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly packageRoot: string | undefined;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly style: Style;
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export type Style = (format: "red" | "green" | "yellow" | "dim" | "bold", text: string) => string;

/** A string option, or undefined. */
export function text(call: Call, name: string): string | undefined {
  const value = call.values[name];
  return typeof value === "string" ? value : undefined;
}

export function printJson(call: Call, value: unknown): void {
  call.out(`${JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0)}\n`);
}
