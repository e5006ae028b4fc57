import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../src/shared/errors.ts";
import { profileOfProcess } from "../../src/shared/openclaw-home.ts";
import { stepRan } from "./ending.ts";

/**
 * `openclaw onboard --auth-choice OTHER … --rescue-watchdog`: the host accepts the flag and never calls our step. But it imports this module in every
 * onboarding of a profile that has the plugin (as `doctor-contract-api`, for its rules of configuration repair), so the wish is noticed here, and
 * fulfilled when the onboarding has ended well: by the same setup in a process of its own, whose exit code becomes the onboarding's.
 */
export const legacyConfigRules: readonly never[] = [];

export interface FlagSeen {
  readonly service: "managed" | "none";
  readonly remote: boolean;
}

/** What the command line of this process asks for, or undefined when that is nothing of ours. Pure. */
export function flagOf(argv: readonly string[]): FlagSeen | undefined {
  const words = argv.slice(2);
  if (!words.includes("onboard") || !words.includes("--rescue-watchdog")) return undefined;
  const mode = words.includes("--mode=remote") || words[words.indexOf("--mode") + 1] === "remote";
  return {
    service: words.includes("--skip-daemon") || words.includes("--no-install-daemon") ? "none" : "managed",
    remote: words.some((word) => word.startsWith("--mode")) && mode,
  };
}

const seen = flagOf(process.argv);
if (seen !== undefined) {
  let done = false;
  const once = (code: number) => {
    if (done || code !== 0 || stepRan()) return;
    done = true;
    const failed = setUp(seen);
    if (failed !== 0) process.exitCode = failed;
  };
  // The first fires when the host has nothing left to do and its leases are gone; a host that calls exit() leaves only the second.
  process.once("beforeExit", once);
  process.once("exit", once);
}

function setUp({ service, remote }: FlagSeen): number {
  if (remote) {
    process.stderr.write(
      "rescue-watchdog: --rescue-watchdog does nothing with --mode remote; run openclaw rescue setup on the gateway's machine\n",
    );
    return 1;
  }
  const profile = profileHere();
  if (profile === undefined) return 1;
  process.stderr.write("rescue-watchdog: this onboarding used another --auth-choice; setting up the rescue gateway now\n");
  const bin = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../cli/bin.ts" : "../cli/bin.js", import.meta.url));
  const args = [bin, "setup", "--profile", profile, "--yes", ...(service === "none" ? ["--no-service"] : [])];
  const host = process.argv[1];
  const { status, error } = spawnSync(process.execPath, args, {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ...(host === undefined ? {} : { RESCUE_WATCHDOG_OPENCLAW: realpathSync(host) }) },
  });
  if (error !== undefined) process.stderr.write(`rescue-watchdog: setup could not be started: ${error.message}\n`);
  return status ?? 1;
}

function profileHere(): string | undefined {
  try {
    return profileOfProcess(process.env, homedir());
  } catch (error) {
    process.stderr.write(`rescue-watchdog: ${messageOf(error)}; the rescue gateway was not set up\n`);
    return undefined;
  }
}
