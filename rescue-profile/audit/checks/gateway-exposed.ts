import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Reading } from "../../core/model.ts";
import type { Facts, Json, TokenFacts } from "../facts.ts";
import type { Check, Evidence, Problem, Severity } from "../finding.ts";
import { judged, together } from "../judging/answer.ts";
import { shapeOfSecret, valueAt } from "../judging/config-shape.ts";
import { sharedSecretMode, weaknessOf } from "../judging/secrets.ts";

export const gatewayExposed: Check = {
  id: "gateway-exposed",
  group: "gateway",
  question: "Is the gateway open to this machine alone, or well guarded where it is open to others?",
  look: async (facts) => {
    const [config, listening, token] = await Promise.all([facts.config(), facts.listening(), facts.token()]);
    const openings = openingsOf(config, listening);
    const guard = guardOf(token, config, beyond(listening).length > 0);
    const none = () => [];
    return together(
      { ok: true, value: openings.map((opening) => problemOf(opening, guard, facts)) },
      judged(config, none),
      judged(listening, none),
    );
  },
};

interface Opening {
  readonly subject: "bind" | "tailscale";
  readonly title: string;
  readonly evidence: readonly [Evidence, ...Evidence[]];
  /** What it is even with a good secret in front of it. */
  readonly least: Severity;
  /** The key, and the value that closes it. */
  readonly close: string;
}

function openingsOf(config: Reading<Json>, listening: Reading<readonly string[]>): readonly Opening[] {
  const openings = [bindOpening(config, listening), config.ok ? tailscaleOpening(config.value) : undefined];
  return openings.filter((opening) => opening !== undefined);
}

function bindOpening(config: Reading<Json>, listening: Reading<readonly string[]>): Opening | undefined {
  const bind = config.ok ? valueAt(config.value, "gateway.bind") : undefined;
  const loopback = isLoopbackName(bind);
  const heard = beyond(listening).map((address) => ({
    fact: `its port is listened to on ${address}`,
    from: "open sockets of this machine",
  }));
  const configured =
    config.ok && opens(config.value, listening) ? [{ fact: configuredFact(bind), from: "openclaw.json gateway.bind" }] : [];
  const contradicts =
    loopback && heard.length > 0 ? [{ fact: "the configuration asks for loopback", from: "openclaw.json gateway.bind" }] : [];
  const [first, ...rest] = [...configured, ...heard, ...contradicts];
  if (first === undefined) return undefined;
  const title =
    contradicts.length > 0
      ? "The gateway listens beyond loopback, which its configuration does not ask for"
      : "The gateway is open to other machines";
  return {
    subject: "bind",
    title,
    evidence: [first, ...rest],
    least: contradicts.length > 0 ? "warning" : "note",
    close: "gateway.bind loopback",
  };
}

function tailscaleOpening(config: Json): Opening | undefined {
  const mode = valueAt(config, "gateway.tailscale.mode");
  if (mode !== "funnel" && mode !== "serve") return undefined;
  const whom = mode === "funnel" ? "the whole internet" : "the tailnet";
  return {
    subject: "tailscale",
    title: `Tailscale opens the gateway to ${whom}`,
    evidence: [{ fact: `the mode is ${mode}`, from: "openclaw.json gateway.tailscale.mode" }],
    least: "note",
    close: "gateway.tailscale.mode off",
  };
}

/** Whether the next start would listen beyond loopback. `auto` does so in containers only, and `tailnet` only where there is one: what is listened to tells. */
function opens(config: Json, listening: Reading<readonly string[]>): boolean {
  const bind = valueAt(config, "gateway.bind");
  switch (bind) {
    case "lan":
    case "0.0.0.0":
    case "::":
      return true;
    case "tailnet":
      return !(listening.ok && listening.value.length > 0 && listening.value.every(isLoopback));
    case "custom": {
      // Without an address that it can have, the host takes all of them.
      const host = valueAt(config, "gateway.customBindHost");
      return !(typeof host === "string" && isLoopback(host.trim()));
    }
    default:
      return false;
  }
}

/** Never the text itself: a key may hold anything. */
function configuredFact(bind: unknown): string {
  return bind === "custom"
    ? "it asks for an address of its own (gateway.customBindHost) that is not loopback"
    : `it asks for ${String(bind)}`;
}

function isLoopbackName(bind: unknown): boolean {
  return typeof bind === "string" && (bind === "loopback" || bind === "localhost" || isLoopback(bind));
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address);
}

function beyond(listening: Reading<readonly string[]>): readonly string[] {
  return listening.ok ? listening.value.filter((address) => !isLoopback(address)) : [];
}

type Guard = Evidence & { readonly state: "good" | "weak" | "unknown" };

/** `heard`: it listens beyond loopback, which the host refuses without a secret; so there is one, though the configuration has none. */
function guardOf(token: Reading<TokenFacts>, config: Reading<Json>, heard: boolean): Guard {
  if (!token.ok)
    return { state: "unknown", fact: `what guards it could not be looked at: ${token.why}`, from: "openclaw.json gateway.auth" };
  const mode = sharedSecretMode(token.value.mode);
  if (token.value.mode === "none") return { state: "weak", fact: "it asks nobody for a token", from: "openclaw.json gateway.auth.mode" };
  if (mode === undefined) return { state: "good", fact: "it has an authentication of its own", from: "openclaw.json gateway.auth.mode" };
  const from = `openclaw.json gateway.auth.${mode}`;
  const weakness = weaknessOf(token.value);
  if (weakness !== undefined) return { state: "weak", fact: `its ${mode} ${weakness}`, from };
  const missing = token.value.length === null && config.ok && shapeOfSecret(valueAt(config.value, `gateway.auth.${mode}`)).given === "none";
  if (missing && !heard) return { state: "weak", fact: `it has no ${mode}`, from };
  return { state: "good", fact: `a ${mode} guards it`, from };
}

function problemOf({ subject, title, evidence, least, close }: Opening, guard: Guard, { profile }: Facts): Problem {
  const severity: Severity = guard.state === "weak" ? "critical" : guard.state === "unknown" ? "warning" : least;
  const first = guard.state === "weak" ? "Guard it with a long random token, or close it" : "Where nobody needs it from outside, close it";
  return {
    subject,
    severity,
    title: guard.state === "weak" ? `${title}, and nothing strong guards it` : title,
    evidence: [...evidence, { fact: guard.fact, from: guard.from }],
    cure: {
      text: `${first}, and reach it through a tunnel; a new bind takes effect when the gateway starts again.`,
      commands: [hostCommand(profile, `config set ${close}`), hostCommand(profile, "gateway restart")],
    },
  };
}
