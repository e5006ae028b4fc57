import path from "node:path";
import { parseDuration } from "../../src/shared/duration.ts";
import { RescueError } from "../../src/shared/errors.ts";

/** In the order in which failures are told; those of the user's own programs come behind them. */
export const CHECKS = ["gateway", "pairing", "config", "disk"] as const;
export type CheckName = (typeof CHECKS)[number];

const DEFAULT_MIN_FREE_MB = 200;
const DEFAULT_CUSTOM_MS = 10_000;
const MAX_CUSTOM_MS = 3_600_000;

/** A program of the user's that is started without arguments: its exit code 0 passes. */
export interface CustomCheck {
  readonly name: string;
  /** Absolute. */
  readonly program: string;
}

export interface CustomWishes {
  /** Each name once. */
  readonly custom: readonly CustomCheck[];
  readonly customTimeoutMs: number;
}

export interface Wishes extends CustomWishes {
  /** Each once; none only when there are programs of the user's. */
  readonly checks: readonly CheckName[];
  /** Millions of bytes. */
  readonly minFreeMb: number;
}

export interface GivenCustom {
  /** `NAME=/absolute/path`, each. */
  readonly custom: readonly string[];
  readonly customTimeout: string | undefined;
}

export interface Given extends GivenCustom {
  readonly checks: string | undefined;
  readonly minFreeMb: string | undefined;
}

/** The options as they were typed; undefined: not given. Throws `usage`: a check that was meant and not made would let the command run. */
export function parseWishes(given: Given): Wishes {
  const custom = parseCustomWishes(given);
  const checks = given.checks === undefined ? CHECKS : parseChecks(given.checks, custom.custom.length > 0);
  if (given.minFreeMb === undefined) return { checks, minFreeMb: DEFAULT_MIN_FREE_MB, ...custom };
  if (!checks.includes("disk")) throw new RescueError("usage", "--min-free-mb is for the check disk, which --checks leaves out");
  return { checks, minFreeMb: wholeNumber("--min-free-mb", "megabytes", given.minFreeMb), ...custom };
}

/** At most nine digits. Throws `usage`. */
export function wholeNumber(option: string, unit: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RescueError("usage", `${option} wants a whole number of ${unit}, not ${JSON.stringify(text)}`);
  return Number(text);
}

function parseChecks(text: string, hasCustom: boolean): readonly CheckName[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => name !== "custom" && !CHECKS.some((check) => check === name));
  if (unknown !== undefined) {
    throw new RescueError("usage", `--checks does not know ${JSON.stringify(unknown)}`, { fix: `choose from ${CHECKS.join(",")},custom` });
  }
  if (names.includes("custom") && !hasCustom) {
    throw new RescueError("usage", "--checks names custom, and no --custom says which program", {
      fix: "--custom NAME=/path/of/a/program",
    });
  }
  return CHECKS.filter((check) => names.includes(check));
}

/** Throws `usage` for anything that is not a name and an absolute path, and for a name that is given twice. */
export function parseCustomWishes(given: GivenCustom): CustomWishes {
  const custom = given.custom.map(parseCustom);
  const twice = custom.find(({ name }, index) => custom.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new RescueError("usage", `--custom has two programs of the name ${twice.name}`);
  if (given.customTimeout === undefined) return { custom, customTimeoutMs: DEFAULT_CUSTOM_MS };
  if (custom.length === 0) throw new RescueError("usage", "--custom-timeout is for the programs of --custom, and there is none");
  const customTimeoutMs = parseDuration(given.customTimeout, "--custom-timeout");
  if (customTimeoutMs > MAX_CUSTOM_MS) throw new RescueError("usage", `--custom-timeout is at most 1h, not ${given.customTimeout}`);
  return { custom, customTimeoutMs };
}

function parseCustom(text: string): CustomCheck {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(at, 0));
  const program = text.slice(at + 1);
  const fix = "--custom NAME=/path/of/a/program, without arguments: what needs some is a script of yours";
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(name)) {
    throw new RescueError("usage", `--custom wants NAME=PROGRAM with a NAME of a-z, 0-9, _ and -, not ${JSON.stringify(text)}`, { fix });
  }
  if (!path.isAbsolute(program)) {
    throw new RescueError("usage", `--custom ${name} wants the absolute path of a program, not ${JSON.stringify(program)}`, { fix });
  }
  return { name, program };
}
