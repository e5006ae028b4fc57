// @ts-check
import { accessSync, constants, realpathSync, statfsSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { codeOf, Interrupted, run, SetupError } from "./child.mjs";

/** What npm prints when a registry cannot be reached, as codes of Node and of npm's own fetch. */
const NETWORK = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR)\b/;
const TLS = /\b(SELF_SIGNED_CERT\w*|UNABLE_TO_\w*CERT\w*|CERT_\w+|ERR_TLS\w*)\b/;

/** About 15 s until a dead network is called dead; npm's own patience is more than a minute of silence. */
const RETRIES = ["--fetch-retries", "3", "--fetch-retry-factor", "3", "--fetch-retry-mintimeout", "1000"];

/**
 * Runs npm with the given Node, its cache inside the clone, its output on stderr. Throws {@link SetupError} with what to do.
 *
 * @param {string} purpose "install the dependencies": ends the sentence "could not …"
 * @param {readonly string[]} args
 * @param {{ cwd: string, node: string, cache: string, env: NodeJS.ProcessEnv, onStart?: (pid: number) => void }} options
 */
export async function npm(purpose, args, options) {
  const cli = findNpm(options.env);
  const all = [...args, "--cache", options.cache, "--no-audit", "--no-fund", "--no-update-notifier", ...RETRIES];
  // npm as a script is run by the Node that we name; a wrapper finds it first on PATH.
  const [command, argv] = cli.endsWith(".js") ? [options.node, [cli, ...all]] : [cli, all];
  const { code, interrupted, tail } = await run(command, argv, { ...options, capture: true, expendable: true });
  if (interrupted) throw new Interrupted(`interrupted while npm was to ${purpose}; the next run completes it`);
  if (code !== 0) throw new SetupError(`could not ${purpose}: ${explain(tail, code)}`);
}

/** @param {string} output @param {number} code @returns {string} */
function explain(output, code) {
  if (/\bENOSPC\b/.test(output)) return "the disk is full. Free about 2 GB and run the same command again.";
  const network = NETWORK.exec(output) ?? TLS.exec(output);
  if (network) {
    return `the npm registry cannot be reached (${network[0]}). Check the network, or npm's registry, proxy and cafile settings, and run the same command again.`;
  }
  if (/\bE40[13]\b/.test(output))
    return "the npm registry refuses access. Check npm's registry and login settings, and run the same command again.";
  if (/\b(E404|ETARGET)\b/.test(output)) return "the npm registry lacks a package that the lockfile names (npm's message is above).";
  if (/\bEUSAGE\b/.test(output))
    return "package-lock.json and package.json do not fit together: npm install, then node scripts/lockfile.ts.";
  if (/\bEINTEGRITY\b/.test(output))
    return "a package differs from what the lockfile promises (npm's message is above). Don't use that registry.";
  if (/\b(EACCES|EPERM|EROFS)\b/.test(output))
    return "npm may not write into this clone. Make it writable for you and run the same command again.";
  return `npm ended with ${code} (its message is above).`;
}

/** @param {NodeJS.ProcessEnv} env @returns {string} npm-cli.js where possible, else a program */
function findNpm(env) {
  const own = env["npm_execpath"];
  if (own !== undefined && basename(own) === "npm-cli.js") return own;
  for (const dir of (env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== "")) {
    try {
      const path = join(dir, "npm");
      accessSync(path, constants.X_OK);
      return realpathSync(path);
    } catch (error) {
      // Not in this directory, or not for us to run: the next one may have it, as in a shell.
      if (!["ENOENT", "EACCES", "ENOTDIR"].includes(codeOf(error) ?? "")) throw error;
    }
  }
  throw new SetupError("npm was not found. Install it (on Debian: apt-get install npm) and run the same command again.");
}

/**
 * @param {string} dir
 * @param {number} megabytes
 * @param {string} purpose
 */
export function requireRoom(dir, megabytes, purpose) {
  const { bavail, bsize } = statfsSync(dir);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free < megabytes) throw new SetupError(`no room to ${purpose}: ${dir} has ${free} MB free and needs ${megabytes} MB.`);
}
