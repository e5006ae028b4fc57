import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Facts, Json, TokenFacts } from "../facts.ts";
import type { Check, Cure, Problem } from "../finding.ts";
import { judged, together } from "../judging/answer.ts";
import { shapeOfSecret, valueAt } from "../judging/config-shape.ts";
import { sharedSecretMode, weaknessOf } from "../judging/secrets.ts";

/** Never a fix: who changes a token locks out everything that has the old one. */
export const gatewayToken: Check = {
  id: "gateway-token",
  group: "gateway",
  question: "Is the gateway's token or password long, random and used by this gateway alone?",
  look: async (facts) => {
    const [token, config, listening] = await Promise.all([facts.token(), facts.config(), facts.listening()]);
    const known = judged(token, (value) => [...strength(value, facts), ...reuse(value, facts)]);
    if (!token.ok || token.value.length !== null || token.value.placeholder) return known;
    const runs = listening.ok && listening.value.length > 0;
    return together(
      known,
      judged(config, (value) => absence(token.value.mode, value, runs, facts)),
    );
  },
};

function strength(token: TokenFacts, facts: Facts): readonly Problem[] {
  const mode = sharedSecretMode(token.mode);
  const weakness = weaknessOf(token);
  if (mode === undefined || weakness === undefined) return [];
  return [
    {
      subject: "",
      severity: token.placeholder ? "critical" : "warning",
      title: token.placeholder
        ? `The gateway's ${mode} is a placeholder that anybody can guess`
        : `The gateway's ${mode} is easily guessed`,
      evidence: [{ fact: `the ${mode} ${weakness}`, from: `openclaw.json gateway.auth.${mode}` }],
      cure: rotation(mode, facts),
    },
  ];
}

/** Without one the host makes a token for one run where it listens on loopback, and does not start elsewhere; but its environment may give one. */
function absence(written: string, config: Json, runs: boolean, { profile }: Facts): readonly Problem[] {
  const mode = sharedSecretMode(written);
  if (mode === undefined || shapeOfSecret(valueAt(config, `gateway.auth.${mode}`)).given !== "none") return [];
  const bind = valueAt(config, "gateway.bind");
  const starts = runs || (mode === "token" && (bind === undefined || bind === "loopback" || bind === "auto"));
  const variable = `OPENCLAW_GATEWAY_${mode.toUpperCase()}`;
  const consequence = starts ? "and each start may make another that no client knows" : "and does not start without one";
  return [
    {
      subject: "",
      severity: starts ? "warning" : "critical",
      title: `The gateway has no ${mode} in its configuration, ${consequence}`,
      evidence: [{ fact: `there is no ${mode}`, from: `openclaw.json gateway.auth.${mode}` }],
      cure: {
        text: `Give it one; where ${variable} of the service's environment does, write a reference to that variable there, so that every client finds it.`,
        commands: [
          hostCommand(profile, mode === "token" ? "doctor --fix --generate-gateway-token" : "configure --section gateway"),
          hostCommand(profile, "gateway restart"),
        ],
      },
    },
  ];
}

function reuse(token: TokenFacts, facts: Facts): readonly Problem[] {
  const mode = sharedSecretMode(token.mode);
  if (mode === undefined) return [];
  return token.sharedWith.map((profile) => ({
    subject: profile,
    severity: "warning",
    title: `The gateway of profile ${profile} has the same ${mode}`,
    evidence: [{ fact: `profiles ${facts.profile} and ${profile} have the same ${mode}`, from: `openclaw.json gateway.auth.${mode}` }],
    cure: rotation(mode, facts),
  }));
}

/** Doctor generates a token only where there is none, so this asks a person for it. */
function rotation(mode: "token" | "password", { profile }: Facts): Cure {
  return {
    text: `Set a new random ${mode} (openssl rand -hex 32 makes one), and give it to everything that connects: after the restart the old one opens nothing.`,
    commands: [hostCommand(profile, "configure --section gateway"), hostCommand(profile, "gateway restart")],
  };
}
