import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

/** A program on a pseudo-terminal, driven by keystrokes: waits for words on the screen, never for time. */
export interface Terminal {
  /** Everything shown so far, without control characters. */
  screen(): string;
  /** Waits until the text is shown after what was last waited for. */
  shows(text: string, withinMs?: number): Promise<void>;
  type(keys: string): void;
  /** The exit code. */
  ended: Promise<number>;
  kill(): void;
}

export const ENTER = "\r";

/** `script` of util-linux makes the terminal; it is on every Debian, and its exit code is the program's. */
export function openTerminal(argv: readonly string[], options: { env: NodeJS.ProcessEnv; cwd: string }): Terminal {
  const command = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", `stty cols 200 rows 60; exec ${command}`, "/dev/null"], {
    env: { TERM: "xterm", ...options.env, SHELL: "/bin/sh" },
    cwd: options.cwd,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let raw = "";
  let from = 0;
  let look = (): void => undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    raw += text;
    look();
  });
  const ended = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  const screen = () => stripVTControlCharacters(raw);
  return {
    screen,
    ended,
    type: (keys) => void child.stdin.write(keys),
    kill: () => void child.kill("SIGKILL"),
    shows: (text, withinMs = 60_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${JSON.stringify(text)} was not shown; the screen says:\n${screen().slice(-3_000)}`)),
          withinMs,
        );
        look = () => {
          const at = screen().indexOf(text, from);
          if (at === -1) return;
          from = at + text.length;
          clearTimeout(timer);
          look = () => undefined;
          resolve();
        };
        look();
      }),
  };
}
