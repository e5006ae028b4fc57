import { join } from "node:path";
import type { SlotFacts } from "../../../rescue-profile/diagnosis/action.ts";
import { loadAllowlist } from "../../../rescue-profile/diagnosis/allowlist-file.ts";
import { type JudgedPlan, judgePlan, refusedPlan } from "../../../rescue-profile/diagnosis/judge.ts";
import { commandsOf, parseProposal } from "../../../rescue-profile/diagnosis/plan-json.ts";
import { readScript } from "../../../rescue-profile/diagnosis/script.ts";

const root = join(import.meta.dirname, "../../..");

/** As the package ships it. */
export const SHIPPED = join(root, "config", "allowlist.yaml");
export const ALLOWLIST = loadAllowlist(SHIPPED, "/nonexistent");

export const LOCK = "/home/op/.openclaw/agents/main/sessions/a1.jsonl.lock";

export const FACTS: SlotFacts = {
  profile: "default",
  unit: "openclaw-gateway.service",
  port: 18789,
  pid: 4242,
  staleLocks: [LOCK, "/home/op/.openclaw/tmp/openclaw-1000/gateway.state.lock"],
  home: "/home/op",
};

export const WORK: SlotFacts = { ...FACTS, profile: "work", unit: "openclaw-gateway-work.service", port: 24810 };

export function judgeScript(text: string, facts: SlotFacts = FACTS, onRejected: "reject-plan" | "skip-line" = "reject-plan"): JudgedPlan {
  const script = readScript(text);
  return "refusal" in script ? refusedPlan(script.refusal) : judgePlan(script.commands, ALLOWLIST, facts, { onRejected });
}

export function judgeJson(text: string, facts: SlotFacts = FACTS): JudgedPlan {
  const parsed = parseProposal(text);
  if ("refusal" in parsed) return refusedPlan(parsed.refusal);
  return judgePlan(commandsOf(parsed.proposal), ALLOWLIST, facts, { onRejected: "reject-plan" });
}

/** A plan whose commands are these. */
export function planOf(...argvs: readonly (readonly string[])[]): string {
  return JSON.stringify({ diagnosis: "d", confidence: 0.5, commands: argvs.map((argv) => ({ argv, why: "w" })), human: "h" });
}
