// @ts-check
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Interrupted, run, SetupError, say } from "./child.mjs";
import { npm, requireRoom } from "./npm.mjs";
import { readIfThere } from "./process.mjs";

/**
 * A step of the set-up: done when its stamp holds the hash of what it was made from. The stamp lies inside what the step makes, so it
 * goes when that is deleted; it is removed before the work begins and written after it ended, so an interrupted step is done again.
 * @typedef {{ root: string, toolchain: string, node: string, nodeVersion: string, env: NodeJS.ProcessEnv, onStart: (pid: number) => void }} Context
 */

/** @param {Pick<Context, "root" | "nodeVersion">} context */
export function dependencies({ root, nodeVersion }) {
  const made = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { dependencies, devDependencies, optionalDependencies, peerDependencies, overrides, allowScripts } = made;
  const asked = { dependencies, devDependencies, optionalDependencies, peerDependencies, overrides, allowScripts };
  const platform = `${process.platform}-${process.arch}-${nodeVersion.split(".")[0]}`;
  const wanted = hash([platform, JSON.stringify(asked), readFileSync(join(root, "package-lock.json"))]);
  return step(join(root, "node_modules", ".setup-stamp"), wanted, installDependencies);
}

/** @param {Context} context */
async function installDependencies({ root, toolchain, node, env, onStart }) {
  requireRoom(root, 1500, "install the dependencies");
  say("installing the dependencies of the lockfile (about 0.9 GB, a minute or so) …");
  const cache = join(toolchain, "npm-cache");
  await npm("install the dependencies", ["ci", "--prefix", root, "--include=dev", "--loglevel", "error"], {
    cwd: root,
    node,
    cache,
    env,
    onStart,
  });
  // Kept after a failure, so that the next try goes on; worth nothing after success.
  rmSync(cache, { recursive: true, force: true });
}

/** @param {Pick<Context, "root">} context */
export function build({ root }) {
  const sources = ["plugin", "rescue-profile", "src"].flatMap((room) => filesUnder(join(root, room)));
  const files = [...sources, ...["package-lock.json", "tsconfig.json", "tsconfig.build.json"].map((name) => join(root, name))];
  const wanted = hash(files.flatMap((file) => [file.slice(root.length), readFileSync(file)]));
  return step(join(root, "dist", ".build-stamp"), wanted, compile);
}

/** @param {Context} context */
async function compile({ root, toolchain, node, env, onStart }) {
  say("building dist/ …");
  const fresh = join(toolchain, "dist-new");
  const old = join(toolchain, "dist-old");
  for (const dir of [fresh, old]) rmSync(dir, { recursive: true, force: true });
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", fresh];
  const { code, interrupted } = await run(node, args, { cwd: root, env, onStart, capture: true, expendable: true });
  if (interrupted) throw new Interrupted("interrupted while building; the next run builds again");
  if (code !== 0) throw new SetupError("the sources do not compile (see above).");
  const bin = join(fresh, "plugin", "cli", "bin.js");
  if (existsSync(bin)) chmodSync(bin, 0o755);
  // The host looks for it there, by this name.
  writeFileSync(join(fresh, "doctor-contract-api.js"), 'export { legacyConfigRules } from "./plugin/onboard/contract.js";\n');
  // The old build serves until the new one is complete.
  if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), old);
  renameSync(fresh, join(root, "dist"));
  rmSync(old, { recursive: true, force: true });
}

/**
 * @param {string} stamp
 * @param {string} wanted
 * @param {(context: Context) => Promise<void>} work
 */
function step(stamp, wanted, work) {
  return {
    done: () => readIfThere(stamp) === wanted,
    /** Declares it done as it stands. */
    adopt: () => writeFileSync(stamp, wanted),
    /** @param {Context} context */
    async run(context) {
      rmSync(stamp, { force: true });
      await work(context);
      writeFileSync(`${stamp}.new`, wanted);
      renameSync(`${stamp}.new`, stamp);
    },
  };
}

/** @param {readonly (string | Buffer)[]} parts */
function hash(parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(`${part.length}:`).update(part);
  return sum.digest("hex");
}

/** @param {string} dir @returns {string[]} sorted; none when the directory does not exist */
function filesUnder(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(join(dir, entry.name)) : entry.isFile() ? [join(dir, entry.name)] : []));
}
