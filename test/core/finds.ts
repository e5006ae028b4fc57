import type { ConfigFinding, Findings, PluginFinding, SignName } from "../../rescue-profile/core/findings.ts";
import { ok, unseen } from "./looks.ts";

/** A deep look in which everything is in order, but for the parts that a test names. */
export function findings(parts: Partial<Findings> = {}): Findings {
  return {
    stateDir: ok(true),
    config: ok(config()),
    databases: ok([]),
    lockedOut: ok([]),
    deadLock: ok(null),
    signs: ok([]),
    plugins: ok([]),
    missingPrograms: ok([]),
    diskFreeRatio: ok(0.5),
    ...parts,
  };
}

export function config(parts: Partial<ConfigFinding> = {}): ConfigFinding {
  return {
    path: "/h/.openclaw/openclaw.json",
    state: "there",
    fingerprint: "f1",
    sinceServed: "same",
    copies: 1,
    booted: parts.sinceServed === undefined || parts.sinceServed === "same",
    validation: { valid: true, problems: [] },
    missingVariables: [],
    ...parts,
  };
}

export const sign = (name: SignName, line = `… ${name} …`) => ok([{ name, line }]);
export const plugin = (suspicion: PluginFinding["suspicion"], id = "weather") => ok([{ id, suspicion, why: `${id} is ${suspicion}` }]);
const invalid = (message: string) => ({ valid: false, problems: [{ path: "gateway", message }] });

/** Deep looks by name, for scenarios. */
export const FINDS = {
  nothing: findings(),
  unknown: findings({ config: unseen("EACCES"), databases: unseen("EACCES"), signs: unseen("EACCES") }),
  "config-empty": findings({ config: ok(config({ state: "empty", fingerprint: null, sinceServed: "changed" })) }),
  "config-empty-without-copy": findings({ config: ok(config({ state: "empty", fingerprint: null, sinceServed: "unknown", copies: 0 })) }),
  "config-invalid": findings({ config: ok(config({ sinceServed: "changed", validation: invalid("mode is missing") })) }),
  "config-unknown-keys": findings({
    config: ok(config({ sinceServed: "changed", validation: { ...invalid("Unrecognized key"), onlyUnknownKeys: ["gateway.bogus"] } })),
  }),
  "config-changed": findings({ config: ok(config({ sinceServed: "changed" })) }),
  "database-corrupt": findings({ databases: ok([{ path: "/h/.openclaw/state/openclaw.sqlite", state: "corrupt", why: "malformed" }]) }),
  "database-missing": findings({ databases: ok([{ path: "/h/.openclaw/state/openclaw.sqlite", state: "missing", why: "it was there" }]) }),
  "lock-dead": findings({ deadLock: ok("/h/.openclaw/tmp/openclaw-1000/gateway.state.lock") }),
  "plugin-named": findings({ plugins: plugin("named") }),
  "plugin-only": findings({ plugins: plugin("only") }),
  "disk-full": findings({ diskFreeRatio: ok(0.002) }),
  "disk-low": findings({ diskFreeRatio: ok(0.03) }),
  "model-unknown": findings({ signs: sign("model-unknown") }),
  "state-gone": findings({ stateDir: ok(false) }),
} as const satisfies Record<string, Findings>;
