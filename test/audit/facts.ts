import type { Facts } from "../../rescue-profile/audit/facts.ts";
import type { Answer, Check, Problem } from "../../rescue-profile/audit/finding.ts";
import { seen, unseen } from "../../rescue-profile/observe/reading.ts";

/** Noon of 2026-11-27, UTC. */
export const NOW_MS = Date.UTC(2026, 10, 27, 12);

type Looks = { readonly [K in keyof Facts as Facts[K] extends () => unknown ? K : never]: Facts[K] };
type Values = { readonly [K in keyof Looks]?: ValueOf<Looks[K]> };
type ValueOf<Look> = Look extends () => Promise<infer R> ? (R extends { readonly ok: true; readonly value: infer V } ? V : never) : never;

const LOOKS = [
  "config",
  "validation",
  "lastGood",
  "configModes",
  "token",
  "listening",
  "service",
  "hostProgram",
  "pairings",
  "plugins",
  "models",
  "cronJobs",
  "databases",
  "disk",
  "declared",
  "logs",
  "network",
  "modelServers",
  "lint",
] as const satisfies readonly (keyof Looks)[];

/** Facts for a check: these values; everything else cannot be looked at, so that a check which needs it says so. */
export function factsOf(values: Values): Facts {
  const looks = LOOKS.map((name) => {
    const value = values[name];
    return [name, async () => (value === undefined ? unseen(`${name} was not given`) : seen(value))] as const;
  });
  const place = { profile: "default", home: "/home/ada", stateDir: "/home/ada/.openclaw", configPath: "/home/ada/.openclaw/openclaw.json" };
  return { ...place, nowMs: NOW_MS, ...Object.fromEntries(looks) } as Facts;
}

/** What the check finds. Throws when it could not look. */
export async function problemsOf(check: Check, values: Values): Promise<readonly Problem[]> {
  const answer: Answer = await check.look(factsOf(values));
  if (!answer.ok) throw new Error(`could not look: ${answer.why}`);
  return answer.value;
}
