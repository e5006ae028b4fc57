import { RescueError } from "../../src/shared/errors.ts";
import type { SlotFacts } from "./action.ts";
import { SHAPE } from "./allowlist.ts";

const MOST_LOCKS = 1_000;
const MOST_CHARACTERS = 1_048_576;

/** For each fact what it may be, and in words. */
const FACTS: { readonly [K in keyof SlotFacts]: { readonly is: (value: unknown) => value is SlotFacts[K]; readonly words: string } } = {
  profile: { is: (value): value is string => isShaped(value, SHAPE.profile), words: "a profile's name" },
  unit: { is: (value): value is string | null => value === null || isShaped(value, SHAPE.unit), words: "a unit's name, or null" },
  port: { is: (value): value is number => isWhole(value, 1, 65_535), words: "a number from 1 to 65535" },
  pid: { is: (value): value is number | null => value === null || isWhole(value, 2, 4_194_304), words: "a process id above 1, or null" },
  staleLocks: { is: areLocks, words: `a list of at most ${MOST_LOCKS} absolute paths` },
  home: { is: isPath, words: "an absolute path" },
};

/**
 * Reads facts as a person gives them: one object with any of `profile`, `unit`, `port`, `pid`, `staleLocks`, `home`, over `known`. Throws `config-invalid` naming the file and
 * the fact for anything else.
 */
export function parseFacts(text: string, file: string, known: SlotFacts): SlotFacts {
  const invalid = (what: string, fix: string) => new RescueError("config-invalid", `${file}: ${what}`, { fix });
  if (text.length > MOST_CHARACTERS) throw invalid(`has more than ${MOST_CHARACTERS} characters`, "shorten it");
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new RescueError("config-invalid", `${file}: is not JSON`, {
      fix: 'write one object, as {"pid": 4711, "staleLocks": []}',
      cause: error,
    });
  }
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw invalid("is no object", 'write {"pid": 4711, "staleLocks": []}');
  const { profile, unit, port, pid, staleLocks, home, ...others } = { ...known, ...given };
  const [stranger] = Object.keys(others);
  if (stranger !== undefined)
    throw invalid(`has the unknown fact ${JSON.stringify(stranger)}`, `use only ${Object.keys(FACTS).join(", ")}`);
  const must = <K extends keyof SlotFacts>(name: K, value: unknown): SlotFacts[K] => {
    if (!FACTS[name].is(value)) throw invalid(`${name} is not ${FACTS[name].words}`, "correct it, or leave it away");
    return value;
  };
  return {
    profile: must("profile", profile),
    unit: must("unit", unit),
    port: must("port", port),
    pid: must("pid", pid),
    staleLocks: must("staleLocks", staleLocks),
    home: must("home", home),
  };
}

function isShaped(value: unknown, shape: RegExp): value is string {
  return typeof value === "string" && shape.test(value);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

function isPath(value: unknown): value is string {
  return typeof value === "string" && /^\/[^/]/.test(value) && !value.includes("\0");
}

function areLocks(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MOST_LOCKS && value.every(isPath);
}
