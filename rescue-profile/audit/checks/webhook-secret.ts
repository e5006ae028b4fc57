import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Json, TokenFacts } from "../facts.ts";
import type { Check, Problem, Severity } from "../finding.ts";
import { judged, together } from "../judging/answer.ts";
import { objectsIn, shapeOfSecret, valueAt } from "../judging/config-shape.ts";
import { MIN_SECRET_LENGTH } from "../judging/secrets.ts";

/** Channels that take webhooks at `webhookUrl`, and know the sender by `webhookSecret`; `accounts` may have their own. */
const CHANNELS = ["telegram", "zalo"] as const;

/** Never a fix: the sender has to know the same secret. */
export const webhookSecret: Check = {
  id: "webhook-secret",
  group: "webhooks",
  question: "Does every webhook of the gateway know its sender by a secret of its own?",
  look: async (facts) => {
    const config = await facts.config();
    const own = judged(config, (value) =>
      [...hooks(value), ...routes(value), ...channels(value)].map((weak) => problemOf(weak, facts.profile)),
    );
    if (!config.ok || !hasHooksToken(config.value)) return own;
    return together(
      own,
      judged(await facts.token(), (token) => reuse(token).map((weak) => problemOf(weak, facts.profile))),
    );
  },
};

interface Weak {
  readonly key: string;
  /** Where it is not the key, because that may have another fault. */
  readonly subject?: string;
  readonly severity: Severity;
  readonly title: string;
  readonly fact: string;
}

function hooks(config: Json): readonly Weak[] {
  if (valueAt(config, "hooks.enabled") !== true) return [];
  const token = weakSecret(config, "hooks.token", "webhooks");
  const gmail = valueAt(config, "hooks.gmail.account") === undefined ? [] : weakSecret(config, "hooks.gmail.pushToken", "pushes of Gmail");
  // The host does not start with hooks that have no token at all.
  return [...token.map((weak): Weak => (weak.fact === MISSING ? { ...weak, severity: "critical" } : weak)), ...gmail];
}

function hasHooksToken(config: Json): boolean {
  return valueAt(config, "hooks.enabled") === true && shapeOfSecret(valueAt(config, "hooks.token")).given !== "none";
}

function reuse({ sharedWithHooks }: TokenFacts): readonly Weak[] {
  if (!sharedWithHooks) return [];
  const title = "Whoever may send a webhook may control the whole gateway: both have the same token";
  return [{ key: "hooks.token", subject: "hooks.token reuse", severity: "critical", title, fact: "it is the gateway's own token" }];
}

function routes(config: Json): readonly Weak[] {
  const plugin = "plugins.entries.webhooks";
  if (valueAt(config, `${plugin}.enabled`) === false) return [];
  return objectsIn(valueAt(config, `${plugin}.config.routes`))
    .filter(([, route]) => route["enabled"] !== false)
    .flatMap(([name, route]) => weakness(route["secret"], `${plugin}.config.routes.${name}.secret`, `the webhook route ${name}`));
}

/** How long a channel's secret is, is settled between it and its service; that there is one, here. */
function channels(config: Json): readonly Weak[] {
  return CHANNELS.flatMap((name) => {
    const key = `channels.${name}`;
    const whole = { key, url: valueAt(config, `${key}.webhookUrl`), secret: valueAt(config, `${key}.webhookSecret`) };
    const accounts = objectsIn(valueAt(config, `${key}.accounts`)).filter(([, account]) => account["enabled"] !== false);
    const places = accounts.map(([id, account]) => ({
      key: `${key}.accounts.${id}`,
      url: account["webhookUrl"] ?? whole.url,
      secret: account["webhookSecret"] ?? whole.secret,
    }));
    if (valueAt(config, `${key}.enabled`) === false) return [];
    return (places.length > 0 ? places : [whole])
      .filter(({ url, secret }) => shapeOfSecret(url).given !== "none" && shapeOfSecret(secret).given === "none")
      .map((place): Weak => missing(`${place.key}.webhookSecret`, `the webhook of ${place.key}`));
  });
}

function weakSecret(config: Json, key: string, whose: string): readonly Weak[] {
  return weakness(valueAt(config, key), key, whose);
}

function weakness(value: unknown, key: string, whose: string): readonly Weak[] {
  const shape = shapeOfSecret(value);
  switch (shape.given) {
    case "none":
      return [missing(key, whose)];
    case "reference":
      return [];
    case "plain": {
      if (shape.length >= MIN_SECRET_LENGTH) return [];
      const fact = `it has ${shape.length} characters, fewer than ${MIN_SECRET_LENGTH}`;
      return [{ key, severity: "warning", title: `The secret for ${whose} is easily guessed`, fact }];
    }
  }
}

const MISSING = "it is not set";

function missing(key: string, whose: string): Weak {
  return { key, severity: "warning", title: `There is no secret for ${whose}`, fact: MISSING };
}

function problemOf({ key, subject = key, severity, title, fact }: Weak, profile: string): Problem {
  return {
    subject,
    severity,
    title,
    evidence: [{ fact, from: `openclaw.json ${key}` }],
    cure: {
      text: `Give it a long random secret of its own (openssl rand -hex 32 makes one) at ${key}, best by a reference, and give the sender the same one; that the sender uses it can be seen only where it is set up.`,
      commands: [hostCommand(profile, "config validate")],
    },
  };
}
