import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Facts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

export const configLastGood: Check = {
  id: "config-last-good",
  group: "gateway",
  question: "Is there a copy that could bring a broken configuration back?",
  look: async (facts) => {
    const [lastGood, validation] = await Promise.all([facts.lastGood(), facts.validation()]);
    const sound = validation.ok && validation.value.valid;
    return judged(lastGood, ({ hosts, ours }) => (hosts || ours > 0 ? [] : [nothingKept(sound, facts)]));
  },
};

/** `sound`: the host finds what lies there valid; anything else is not worth a copy. */
function nothingKept(sound: boolean, { profile, configPath }: Facts): Problem {
  return {
    subject: "",
    severity: "warning",
    title: "There is no copy of the configuration that is known to be good",
    evidence: [
      { fact: "there is none of the host's", from: `${configPath}.last-good` },
      { fact: "there is none of the watchdog's", from: "the watchdog's copies" },
    ],
    cure: {
      text: sound
        ? "Keep a copy of the one that lies there, which the host finds valid."
        : "First see to it that the host finds it valid; then keep a copy.",
      commands: [
        sound ? `rescue-watchdog audit --profile ${profile} --only config-last-good --fix` : hostCommand(profile, "config validate"),
      ],
    },
    ...(sound ? { fix: { kind: "keep-config" } } : {}),
  };
}
