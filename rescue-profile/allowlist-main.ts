import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RescueError } from "../src/shared/errors.ts";
import { derivedGatewayPort } from "../src/shared/openclaw-home.ts";
import { watchdogDir } from "../src/shared/rescue-home.ts";
import type { SlotFacts } from "./diagnosis/action.ts";
import { type Allowlist, textOf } from "./diagnosis/allowlist.ts";
import { loadAllowlist } from "./diagnosis/allowlist-file.ts";
import { type JudgedPlan, judgePlan, refusedPlan } from "./diagnosis/judge.ts";
import { parseFacts } from "./diagnosis/judge-facts.ts";
import { commandsOf, parseProposal } from "./diagnosis/plan-json.ts";
import { readScript } from "./diagnosis/script.ts";

export { textOf };

interface Place {
  readonly profile: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly packageRoot: string | undefined;
}

/** The entries in force for this profile's watchdog. Throws what {@link loadAllowlist} throws. */
export function allowlistFor({ profile, home, env, packageRoot }: Place): Allowlist {
  return loadAllowlist(shippedFile(packageRoot), watchdogDir(profile, home, env));
}

/** Below the package, which lies above these sources and above `dist/`. */
function shippedFile(packageRoot: string | undefined): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = packageRoot === undefined ? [dirname(here), dirname(dirname(here))] : [packageRoot];
  const file = places.map((place) => join(place, "config", "allowlist.yaml")).find((each) => existsSync(each));
  if (file === undefined)
    throw new RescueError("internal", "config/allowlist.yaml is missing from the package", { fix: "install it again" });
  return file;
}

/** Judges a script, or a plan in JSON when it begins with `{`. Reads nothing but the allowlist and, where there is one, the configuration; runs nothing. */
export async function checkAllowlist(
  text: string,
  options: Place & { readonly context?: { readonly text: string; readonly file: string } },
): Promise<JudgedPlan> {
  const allowlist = allowlistFor(options);
  const known = await factsWithoutProof(options);
  const facts = options.context === undefined ? known : parseFacts(options.context.text, options.context.file, known);
  if (text.trimStart().startsWith("{")) {
    const parsed = parseProposal(text.trim());
    if ("refusal" in parsed) return refusedPlan(parsed.refusal);
    return judgePlan(commandsOf(parsed.proposal), allowlist, facts, { onRejected: "reject-plan" });
  }
  const script = readScript(text);
  return "refusal" in script ? refusedPlan(script.refusal) : judgePlan(script.commands, allowlist, facts, { onRejected: "reject-plan" });
}

/** What follows from the profile alone. A process and a stale lock must be proven, so there are none. */
async function factsWithoutProof({ profile, home, env }: Place): Promise<SlotFacts> {
  const { serviceNames } = await import("../src/service-installers/names.ts");
  return {
    profile,
    unit: process.platform === "linux" ? serviceNames(profile).systemdUnit : null,
    port: await portOf({ profile, home, env }),
    pid: null,
    staleLocks: [],
    home,
  };
}

async function portOf(place: Pick<Place, "profile" | "home" | "env">): Promise<number> {
  const { resolveTarget } = await import("./observe/target.ts");
  try {
    return (await resolveTarget(place)).port;
  } catch (error) {
    // A list can be judged where there is no gateway yet, and when its configuration is what is broken.
    if (error instanceof RescueError) return derivedGatewayPort(place.profile);
    throw error;
  }
}
