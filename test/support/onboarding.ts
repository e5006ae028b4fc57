import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { OPENCLAW } from "./home.ts";

/** A machine's empty home, and the two commands a user has there. */
export interface FreshHome {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** The host's command. */
  openclaw(...args: readonly string[]): Promise<Outcome>;
  /** The same, with something to read on stdin. */
  openclawReads(input: string, ...args: readonly string[]): Promise<Outcome>;
  /** Our command, from the package that a user installed. */
  watchdog(...args: readonly string[]): Promise<Outcome>;
  path(...parts: readonly string[]): string;
  json(...parts: readonly string[]): ReturnType<typeof JSON.parse>;
  dispose(): void;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The last object on stdout, or an empty one. */
  readonly json: ReturnType<typeof JSON.parse>;
}

export function freshHome(packageDir: string): FreshHome {
  const home = mkdtempSync(join(tmpdir(), "rescue-home-"));
  chmodSync(home, 0o700);
  const env: NodeJS.ProcessEnv = {
    HOME: home,
    PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
    RESCUE_WATCHDOG_OPENCLAW: OPENCLAW,
    ...(process.env["LANG"] === undefined ? {} : { LANG: process.env["LANG"] }),
  };
  const run = (entry: string, args: readonly string[], input = "") =>
    new Promise<Outcome>((resolve) => {
      const options = { env, cwd: home, timeout: 180_000, maxBuffer: 16 * 1024 * 1024 };
      const child = execFile(process.execPath, [entry, ...args], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr, json: lastObject(stdout) });
      });
      child.stdin?.end(input);
    });
  const path = (...parts: readonly string[]) => join(home, ...parts);
  return {
    home,
    env,
    openclaw: (...args) => run(OPENCLAW, args),
    openclawReads: (input, ...args) => run(OPENCLAW, args, input),
    watchdog: (...args) => run(join(packageDir, "dist/plugin/cli/bin.js"), args),
    path,
    json: (...parts) => JSON.parse(readFileSync(path(...parts), "utf8")),
    dispose: () => rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }),
  };
}

/** Onboarding without a network, a service and a question; `onboardWords(port)` and a wish or two. */
export function onboardWords(port: number): readonly string[] {
  return (
    "onboard --non-interactive --accept-risk --mode local --gateway-bind loopback --gateway-auth token " +
    `--gateway-port ${port} --skip-channels --skip-skills --skip-search --skip-hooks --skip-ui --skip-health --skip-bootstrap --json`
  ).split(" ");
}

function lastObject(stdout: string): ReturnType<typeof JSON.parse> {
  const lines = stdout.trim().split("\n");
  const last = lines.at(-1) ?? "";
  if (last.startsWith("{")) return JSON.parse(last);
  const start = stdout.search(/^\{/m);
  return start === -1 ? {} : JSON.parse(stdout.slice(start));
}

/** What any command of the host makes or changes: its databases, backups, caches, and two directories that stay empty. */
const CHURN = /(^|\/)(state|tmp|\.cache|agents|migration)(\/|$)|\/extensions$|\.bak(\.\d+)?$|fingerprint\.key$/;

/**
 * Everything in a home: files with a hash of what they hold, directories with their mode. The host's configuration without its own time stamps.
 */
export function snapshot(home: string): Record<string, string> {
  const entries = readdirSync(home, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const full = join(entry.parentPath, entry.name);
    const name = full.slice(home.length + 1);
    if (CHURN.test(name)) return [];
    if (entry.isDirectory()) return [[name, (statSync(full).mode & 0o777).toString(8)]];
    return [[name, entry.name === "openclaw.json" ? withoutStamps(full) : createHash("sha256").update(readFileSync(full)).digest("hex")]];
  });
  return Object.fromEntries(entries);
}

function withoutStamps(file: string): string {
  const { meta, wizard, ...rest } = JSON.parse(readFileSync(file, "utf8"));
  return JSON.stringify(sorted(rest));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, sorted(child)]),
  );
}

/** Files below `root` that hold one of the secrets, by name. */
export function filesWith(root: string, secrets: readonly string[]): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const full = join(entry.parentPath, entry.name);
    const bytes = bytesOf(full);
    return bytes !== undefined && secrets.some((secret) => bytes.includes(secret)) ? [full.slice(root.length + 1)] : [];
  });
}

/** Nothing where the file has gone since it was listed: a gateway that runs moves its staging files about. */
function bytesOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
