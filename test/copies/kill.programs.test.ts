import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readEntry, restoreFiles, saveFiles } from "../../rescue-profile/copies/entry.ts";
import { keepCopy, listCopies } from "../../rescue-profile/copies/ring.ts";

const [DIES, PROGRAM] = ["copies-dies.mjs", "copies-program.mjs"].map((name) => join(import.meta.dirname, "../fixtures", name));
const text = (number: number) => `{ a: { $include: "./part.json5" }, number: ${number}, token: "s3cr3t-7f81c2e9d04ab65f" }`;

/** Copies of 3, 2 and 1, of which 3 is the newest that booted; then somebody goes back to 1. */
function place() {
  const home = mkdtempSync(join(tmpdir(), "rescue-killed-"));
  const [dir, state] = [join(home, "watchdog"), join(home, ".openclaw")];
  const [config, part] = [join(state, "openclaw.json"), join(state, "part.json5")];
  mkdirSync(state, { mode: 0o700 });
  for (const number of [1, 2, 3]) {
    writeFileSync(part, `{ part: ${number} }`, { mode: 0o600 });
    writeFileSync(config, text(number), { mode: 0o600 });
    keepCopy(dir, config, number === 3 ? "booted" : "validated", number);
  }
  writeFileSync(part, "{ part: 1 }");
  writeFileSync(config, text(1));
  return { home, dir, state, config, part, [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
}

/** Each place means a start of Node. */
const PATIENCE_MS = 120_000;

/** Runs the program in as many fresh places as it has calls, killed at each; `check` sees what is left. Returns how many. */
function killedAtEach(what: string, check: (at: ReturnType<typeof place>, call: number) => void): number {
  for (let call = 1; ; call++) {
    using at = place();
    const run = spawnSync(process.execPath, ["--import", DIES ?? "", PROGRAM ?? "", what, at.dir, at.config], {
      env: { ...process.env, DIES_AT: String(call) },
      encoding: "utf8",
    });
    if (run.signal === null) {
      expect([run.status, run.stderr]).toEqual([0, ""]);
      return call - 1;
    }
    check(at, call);
    for (const name of readdirSync(at.home, { recursive: true, encoding: "utf8" })) {
      const path = join(at.home, name);
      if (statSync(path).isFile()) expect(statSync(path).mode & 0o077, `${call}: ${name}`).toBe(0);
    }
  }
}

const numbers = (dir: string) =>
  listCopies(dir).copies.map(({ files }) => Number(/number: (\d)/.exec(files.at(-1)?.content().toString() ?? "")?.[1]));

it(
  "a copy that is kept is there as a whole or not at all, wherever the process is killed, and the next one cleans up",
  () => {
    const calls = killedAtEach("keep", (at, call) => {
      expect(listCopies(at.dir).damaged, `${call}`).toEqual([]);
      const kept = numbers(at.dir);
      expect(kept, `${call}`).toContain(3);
      expect(["321", "1321", "132", "13"], `${call}`).toContain(kept.join(""));
      keepCopy(at.dir, at.config, "validated", 9_999, 2);
      expect([numbers(at.dir), readdirSync(join(at.dir, "copies")).length], `${call}`).toEqual([[1, 3], 2]);
    });
    expect(calls).toBeGreaterThan(20);
  },
  PATIENCE_MS,
);

it(
  "a configuration that is restored is the old or the new one at each moment, file by file, and the next run ends the same",
  () => {
    const calls = killedAtEach("restore", (at, call) => {
      const now = [readFileSync(at.part, "utf8"), readFileSync(at.config, "utf8")];
      const states = [
        ["{ part: 1 }", text(1)],
        ["{ part: 3 }", text(1)],
        ["{ part: 3 }", text(3)],
      ];
      expect(states, `${call}`).toContainEqual(now);
      const [newest] = listCopies(at.dir).copies;
      if (newest === undefined) throw new Error("no copy");
      restoreFiles(newest);
      expect(readdirSync(at.state).sort(), `${call}`).toEqual(["openclaw.json", "part.json5"]);
      expect([readFileSync(at.part, "utf8"), readFileSync(at.config, "utf8")]).toEqual(states[2]);
    });
    expect(calls).toBeGreaterThan(12);
  },
  PATIENCE_MS,
);

it(
  "saved files are there as a whole or not at all",
  () => {
    const calls = killedAtEach("save", (at, call) => {
      const folder = join(at.dir, "incident", "before");
      const saved = readEntry(folder);
      if (saved !== undefined) expect(saved.files[0]?.content().toString(), `${call}`).toBe(text(1));
      expect(saveFiles(folder, [at.config], 9_999).files[0]?.content().toString()).toBe(text(1));
      expect(readdirSync(join(at.dir, "incident"))).toEqual(["before"]);
    });
    expect(calls).toBeGreaterThan(10);
  },
  PATIENCE_MS,
);
