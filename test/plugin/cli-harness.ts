import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { runCli } from "../../plugin/cli/run.ts";
import type { Action } from "../../rescue-profile/core/event.ts";
import { fakeClock, processAt, scratch, stateWith, TARGET, take } from "../journal/harness.ts";

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A home directory with nothing in it, and the command line in it, in this process. */
export function cliIn() {
  const at = scratch();
  const home = join(at.dir, "home");
  const stateDir = join(at.dir, "state");
  mkdirSync(home);
  const dir = join(stateDir, TARGET);
  return {
    dir,
    home,
    [Symbol.dispose]: () => at[Symbol.dispose](),
    run: (...argv: string[]) => say(argv, home, stateDir),
    /** One commit of a watcher that is no more. */
    commit: (actions: readonly Action[], atMs = Date.now()) => {
      using journal = processAt(dir, fakeClock("boot-1", 5_000_000, atMs), { pid: 11, startTime: 110 });
      return journal.commit(TARGET, take(journal), stateWith({}), actions);
    },
    log: (...lines: string[]) => {
      mkdirSync(join(dir, "logs"), { recursive: true });
      writeFileSync(join(dir, "logs", "watchdog.jsonl"), lines.map((line) => `${line}\n`).join(""));
    },
  };
}

async function say(argv: readonly string[], home: string, stateDir: string): Promise<Said> {
  const said = { out: "", err: "" };
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    said.out += text;
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said.err += text;
    return true;
  });
  try {
    const env = { RESCUE_WATCHDOG_STATE_DIR: stateDir };
    const signal = AbortSignal.timeout(10_000);
    const code = await runCli(argv, { program: "rescue-watchdog", env, home, defaultProfile: TARGET, signal });
    return { code, ...said };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
