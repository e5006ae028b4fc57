import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { ConfigValidation } from "../../core/findings.ts";
import type { Reading } from "../../core/model.ts";
import type { Facts } from "../facts.ts";
import type { Check, Cure, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

const SHOWN = 5;

export const configValid: Check = {
  id: "config-valid",
  group: "gateway",
  question: "Would the gateway start with the configuration that lies there?",
  look: async (facts) => {
    const [validation, lastGood] = await Promise.all([facts.validation(), facts.lastGood()]);
    return judged(validation, (value) => (value.valid ? [] : [invalid(value, lastGood, facts)]));
  },
};

function invalid({ problems, onlyUnknownKeys }: ConfigValidation, lastGood: Copies, facts: Facts): Problem {
  const shown = problems.slice(0, SHOWN).map(({ path, message }) => ({ fact: message, from: `openclaw.json ${path}`.trimEnd() }));
  const left = problems.length - shown.length;
  const more = left > 0 ? [{ fact: `${left} more`, from: "openclaw config validate" }] : [];
  const [first = { fact: "the host finds it invalid", from: "openclaw config validate" }, ...rest] = [...shown, ...more];
  return {
    subject: "",
    severity: "critical",
    title: "The host refuses this configuration: the gateway's next start ends with exit code 78",
    evidence: [first, ...rest],
    cure: cureOf(onlyUnknownKeys !== undefined && onlyUnknownKeys.length > 0, lastGood, facts),
  };
}

type Copies = Reading<{ readonly hosts: boolean; readonly ours: number }>;

function cureOf(onlyUnknown: boolean, lastGood: Copies, { profile, configPath }: Facts): Cure {
  const repair = onlyUnknown ? " All that is wrong are keys that it does not know, which its doctor removes." : "";
  const hosts = lastGood.ok && lastGood.value.hosts ? ` What the host last found good is ${configPath}.last-good.` : "";
  const ours =
    lastGood.ok && lastGood.value.ours > 0 ? " The watchdog has a copy that served, and puts it there when the gateway is down." : "";
  return {
    text: `Correct it before the gateway is restarted.${repair}${hosts}${ours}`,
    commands: [hostCommand(profile, "config validate"), ...(onlyUnknown ? [hostCommand(profile, "doctor --fix")] : [])],
  };
}
