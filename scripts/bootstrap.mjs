#!/usr/bin/env node
// @ts-check
/**
 * Runs a task of package.json in a clone as it is: fetches Node 24 when the current one is too old for the host, installs the
 * lockfile's packages, builds, then runs the task with that Node. Needs Node 18 and npm, no packages. Writes only inside the clone.
 * What is done already is skipped. Its own words go to stderr, so that stdout is the task's alone.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { codeOf, run, SetupError, say } from "./setup/child.mjs";
import { withLock } from "./setup/lock.mjs";
import { chooseNode, fetchNode } from "./setup/node.mjs";
import { build, dependencies } from "./setup/steps.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const toolchain = join(root, ".toolchain");

/** @typedef {{ build?: boolean, run?: readonly string[], env?: Record<string, string> }} Task `run`: arguments of Node */
/** @type {Readonly<Record<string, Task>>} */
const TASKS = {
  demo: { build: true, run: ["bench/demo.ts"] },
  bench: { build: true, run: ["bench/main.ts"] },
  "bench:alerts": { build: true, run: ["bench/alerts.ts"] },
  "bench:audit": { build: true, run: ["bench/audit.ts"] },
  "bench:cost": { build: true, run: ["bench/cost.ts"] },
  test: { build: true, run: ["scripts/test.ts", "check,unit,programs,host,lab"] },
  "test:unit": { run: ["scripts/test.ts", "unit"] },
  "test:host": { build: true, run: ["scripts/test.ts", "host"] },
  "test:lab": { build: true, run: ["scripts/test.ts", "lab"] },
  "test:full": { build: true, run: ["scripts/test.ts", "check,unit,programs,host,lab"], env: { RESCUE_FULL: "1" } },
  check: { run: ["scripts/test.ts", "check"] },
  build: { build: true },
  manifest: { run: ["scripts/manifest.ts"] },
  pack: { build: true, run: ["scripts/pack.ts"] },
};

/** @param {string} name @param {readonly string[]} args @returns {Promise<number>} exit code */
async function main(name, args) {
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (task === undefined) throw new SetupError(`there is no task "${name}". Tasks: ${Object.keys(TASKS).join(", ")}.`);
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const node = chooseNode(toolchain, engines.node);
  const env = environment(node.bin, task.env);
  const pending = () =>
    [dependencies({ root, nodeVersion: node.version }), ...(task.build ? [build({ root })] : [])].filter((step) => !step.done());

  mkdirSync(toolchain, { recursive: true });
  if (!node.ready || pending().length > 0) {
    await withLock(join(toolchain, "lock"), name, async (onStart) => {
      // Looked at again: whoever held the lock before us may have done it.
      if (!chooseNode(toolchain, engines.node).ready) await fetchNode(toolchain, { env, onStart });
      for (const step of pending()) {
        await step.run({ root, toolchain, node: join(node.bin, "node"), nodeVersion: node.version, env, onStart });
      }
    });
  }
  if (task.run === undefined) return 0;
  const { code } = await run(join(node.bin, "node"), [...task.run, ...args], { cwd: root, env });
  return code;
}

/** @param {string} nodeBin @param {Record<string, string>} [extra] @returns {NodeJS.ProcessEnv} */
function environment(nodeBin, extra = {}) {
  const path = [nodeBin, join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
  // A gateway that the developer runs for real must never be reached by a test that forgot to say which one it means.
  const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith("OPENCLAW_"));
  return { ...Object.fromEntries(inherited), PATH: path, ...extra };
}

/** @param {unknown} error @returns {string} */
function explain(error) {
  if (error instanceof SetupError) return error.message;
  const code = codeOf(error);
  if (code === "ENOSPC") return "the disk is full. Free about 2 GB and run the same command again.";
  if (code === "EACCES" || code === "EROFS") return `this clone is not writable for you (${error}).`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const [name = "", ...rest] = process.argv.slice(2);
try {
  process.exitCode = await main(name, rest[0] === "--" ? rest.slice(1) : rest);
} catch (error) {
  say(explain(error));
  process.exitCode = error instanceof SetupError ? error.exitCode : 1;
}
