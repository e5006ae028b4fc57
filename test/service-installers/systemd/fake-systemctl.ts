import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemErrorCode } from "../../../src/shared/errors.ts";

/** Prints the file of its verb, tells the file `VERB.err` on stderr and ends with 1 if that exists, and notes what it was asked. */
const PROGRAM = `#!/bin/sh
echo "$*" >> "$HOME/asked"
for verb in show reset-failed start stop restart none; do
  case " $* " in *" $verb "*) break ;; esac
done
if [ -f "$HOME/$verb.err" ]; then cat "$HOME/$verb.err" >&2; exit 1; fi
[ ! -f "$HOME/$verb" ] || cat "$HOME/$verb"
`;

/** A directory with a `systemctl` that answers what it is told to, and an environment in which it is the one that is found. */
export function fakeSystemctl() {
  const home = mkdtempSync(join(tmpdir(), "systemctl-test-"));
  mkdirSync(join(home, "bin"));
  writeFileSync(join(home, "bin", "systemctl"), PROGRAM, { mode: 0o755 });
  return {
    home,
    env: { PATH: `${join(home, "bin")}:/usr/bin:/bin`, HOME: home, XDG_RUNTIME_DIR: home },
    says: (verb: string, text: string) => writeFileSync(join(home, verb), text),
    fails: (verb: string, complaint: string) => writeFileSync(join(home, `${verb}.err`), complaint),
    /** What it was asked to do, without the looks and the options. */
    orders: () =>
      readLines(join(home, "asked"))
        .map((line) => line.replaceAll(/--\S+ ?/g, "").trim())
        .filter((line) => !line.startsWith("show ")),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trim().split("\n");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
