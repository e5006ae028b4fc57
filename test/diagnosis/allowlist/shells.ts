import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RECORDER = [
  'note() { printf "%s\\0" "$#" "$@"; }',
  ...["openclaw", "systemctl", "rm", "kill", "lsof", "ss"].map((name) => `${name}() { note ${name} "$@"; }`),
  'at=0; while [ "$at" -lt "$2" ]; do printf "%s\\0" "script"; . "$1/$at"; at=$((at + 1)); done',
].join("\n");

/**
 * What a real shell runs for each script: every allowed program is a function that notes its words, nothing else can be found, and the directory is empty. Only for scripts
 * that were accepted.
 */
export function whatIsRun(shell: "bash" | "dash", scripts: readonly string[]): readonly (readonly (readonly string[])[])[] {
  const directory = mkdtempSync(join(tmpdir(), "allowlist-shell-"));
  try {
    for (const [at, script] of scripts.entries()) writeFileSync(join(directory, String(at)), script);
    const empty = join(directory, "empty");
    mkdirSync(empty);
    const options = shell === "bash" ? ["--norc", "--noprofile"] : [];
    const said = execFileSync(`/bin/${shell}`, [...options, "-c", RECORDER, shell, directory, String(scripts.length)], {
      cwd: empty,
      env: { PATH: empty, HOME: "/home/op", LC_ALL: "C.UTF-8" },
      maxBuffer: 268_435_456,
      stdio: ["ignore", "pipe", "inherit"],
    });
    return read(said.toString("utf8").split("\0").slice(0, -1));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function read(fields: readonly string[]): readonly (readonly (readonly string[])[])[] {
  const scripts: string[][][] = [];
  for (let at = 0; at < fields.length; ) {
    if (fields[at] === "script") {
      scripts.push([]);
      at += 1;
      continue;
    }
    const count = Number(fields[at]);
    scripts.at(-1)?.push(fields.slice(at + 1, at + 1 + count));
    at += 1 + count;
  }
  return scripts;
}
