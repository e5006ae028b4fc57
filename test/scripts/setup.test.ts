import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { satisfies } from "../../scripts/setup/node.mjs";
import { identify, isAlive } from "../../scripts/setup/process.mjs";
import { build, dependencies } from "../../scripts/setup/steps.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const LOCK = join(root, "scripts/setup/lock.mjs");
const CHILD = join(root, "scripts/setup/child.mjs");

let scratch: string;
const started: ChildProcess[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "rescue-setup-"));
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
});

/** Runs `body` in a process of its own, with `withLock`, `run`, the lock's path and a log at hand. */
function start(body: string): ChildProcess {
  const text = `
    import { appendFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { withLock } from ${JSON.stringify(LOCK)};
    import { run } from ${JSON.stringify(CHILD)};
    const lock = ${JSON.stringify(join(scratch, "lock"))};
    const log = (line) => appendFileSync(${JSON.stringify(join(scratch, "log"))}, line + "\\n");
    ${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: ["ignore", "ignore", "pipe"] });
  started.push(child);
  return child;
}

const logged = () => (existsSync(join(scratch, "log")) ? readFileSync(join(scratch, "log"), "utf8").trim().split("\n") : []);

describe("the lock of the set-up", () => {
  it("lets one process in at a time, whoever comes", async () => {
    const body = 'await withLock(lock, "test", async () => { log("in"); await sleep(30); log("out"); });';
    await Promise.all(Array.from({ length: 5 }, () => once(start(body), "exit")));
    expect(logged()).toEqual(Array.from({ length: 5 }, () => ["in", "out"]).flat());
    expect(existsSync(join(scratch, "lock"))).toBe(false);
  });

  it("is taken over from a holder that was killed, by one of all who wait, after its orphan was ended", async () => {
    const holder = start(`await withLock(lock, "first", (onStart) =>
      run(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { cwd: "/", env: process.env, onStart: (pid) => { onStart(pid); log("orphan " + pid); } }));`);
    await vi.waitFor(() => expect(logged().join()).toContain("orphan"), { timeout: 10_000 });
    const orphan = identify(Number(logged()[0]?.split(" ")[1]));
    if (orphan === undefined) throw new Error("the holder's child is not there");
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect(isAlive(orphan)).toBe(true);

    const body = 'await withLock(lock, "next", async () => { log("in"); await sleep(30); log("out"); });';
    await Promise.all([1, 2, 3].map(() => once(start(body), "exit")));
    expect(logged().slice(1)).toEqual(["in", "out", "in", "out", "in", "out"]);
    expect(isAlive(orphan)).toBe(false);
  });

  it("tells whoever waits what it waits for", async () => {
    start('await withLock(lock, "npm test", async () => { log("in"); await sleep(60_000); });');
    await vi.waitFor(() => expect(logged()).toEqual(["in"]), { timeout: 10_000 });
    const waiting = start('await withLock(lock, "demo", async () => {});');
    const [chunk] = await once(waiting.stderr ?? waiting, "data");
    expect(String(chunk)).toContain('waiting for the set-up of "npm test"');
  });
});

describe("a program that is run", () => {
  it("gets the Ctrl-C once, though npm repeats it, and is waited for", async () => {
    const program =
      "let n = 0; process.on('SIGINT', () => { n++; setTimeout(() => process.exit(40 + n), 200); }); setInterval(() => {}, 1000)";
    const runner = start(`const { code, interrupted } = await run(process.execPath, ["-e", ${JSON.stringify(program)}],
      { cwd: "/", env: process.env, onStart: () => setTimeout(() => log("up"), 500) }); log(code + " " + interrupted);`);
    await vi.waitFor(() => expect(logged()).toEqual(["up"]), { timeout: 10_000 });
    runner.kill("SIGINT");
    runner.kill("SIGINT");
    await once(runner, "exit");
    expect(logged()).toEqual(["up", "41 true"]);
  });

  it("is soon killed with its children after a Ctrl-C, when its work is expendable", async () => {
    const program = `process.on("SIGINT", () => {}); setInterval(() => {}, 1000);
      console.log(require("node:child_process").spawn(process.execPath, ["-e", "process.on('SIGINT', () => {}); setInterval(() => {}, 1000)"]).pid);`;
    const runner = start(`const { code, tail } = await run(process.execPath, ["-e", ${JSON.stringify(program)}],
      { cwd: "/", env: process.env, capture: true, expendable: true, onStart: () => setTimeout(() => log("up"), 500) }); log(code + " " + tail);`);
    await vi.waitFor(() => expect(logged()).toEqual(["up"]), { timeout: 10_000 });
    runner.kill("SIGINT");
    await once(runner, "exit");
    const [code, child] = logged()[1]?.split(" ").map(Number) ?? [];
    expect(code).toBe(137);
    expect(identify(child ?? 0)).toBeUndefined();
  });

  it("is ended at its deadline", async () => {
    const runner = start(`const { code, timedOut } = await run(process.execPath, ["-e", "setInterval(() => {}, 1000)"],
      { cwd: "/", env: process.env, deadlineMs: 300 }); log(code + " " + timedOut);`);
    await once(runner, "exit");
    expect(logged()).toEqual(["143 true"]);
  });
});

describe("what is done already", () => {
  const files = { "package.json": "{}", "package-lock.json": "{}", "tsconfig.json": "{}", "tsconfig.build.json": "{}", "src/a.ts": "" };
  beforeEach(() => {
    for (const dir of ["src", "dist", "node_modules"]) mkdirSync(join(scratch, dir));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(scratch, name), text);
  });

  it("is not built again until a source, its name or a compiler setting changes", () => {
    build({ root: scratch }).adopt();
    expect(build({ root: scratch }).done()).toBe(true);
    for (const [name, text] of Object.entries({ "src/a.ts": "export {};", "src/b.ts": "", "tsconfig.json": "{ }" })) {
      writeFileSync(join(scratch, name), text);
      expect(build({ root: scratch }).done(), name).toBe(false);
      build({ root: scratch }).adopt();
    }
  });

  it("is installed again after a change of the lockfile or another major Node, not after one of the scripts", () => {
    const step = (nodeVersion = "24.21.0") => dependencies({ root: scratch, nodeVersion });
    step().adopt();
    writeFileSync(join(scratch, "package.json"), '{ "scripts": { "a": "b" } }');
    expect(step("24.99.0").done()).toBe(true);
    expect(step("26.1.0").done()).toBe(false);
    writeFileSync(join(scratch, "package-lock.json"), '{ "lockfileVersion": 3 }');
    expect(step().done()).toBe(false);
  });

  it("is done again after it was interrupted", async () => {
    const step = build({ root: scratch });
    step.adopt();
    const context = { root: scratch, toolchain: scratch, node: "/nonexistent", nodeVersion: "24.21.0", env: {}, onStart: () => undefined };
    await expect(step.run(context)).rejects.toThrow("ENOENT");
    expect(step.done()).toBe(false);
  });
});

it("knows which Node the host accepts", () => {
  const range = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node;
  const accepted = ["20.20.2", "24.15.9", "24.16.0", "24.21.0", "25.0.0", "26.0.9", "26.1.0", "28.0.0"].filter((version) =>
    satisfies(version, range),
  );
  expect(accepted).toEqual(["24.16.0", "24.21.0", "26.1.0", "28.0.0"]);
  expect(range).toBe(JSON.parse(readFileSync(join(root, "node_modules/openclaw/package.json"), "utf8")).engines.node);
});
