import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { PluginFacts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { isSafePlugin } from "../judging/plugin-ids.ts";

export const pluginsUnknown: Check = {
  id: "plugins-unknown",
  group: "plugins",
  question: "Is every plugin that the configuration names there, and does none of them bring the gateway down?",
  look: async (facts) => judged(await facts.plugins(), (plugins) => [...stale(plugins, facts.profile), ...failing(plugins, facts.profile)]),
};

function stale({ known, entries, allow, deny }: PluginFacts, profile: string): readonly Problem[] {
  const there = new Set(known.map(({ id }) => id.toLowerCase()));
  const named = [
    ...entries.map((id) => ({ id, key: "plugins.entries" })),
    ...(allow ?? []).map((id) => ({ id, key: "plugins.allow" })),
    ...deny.map((id) => ({ id, key: "plugins.deny" })),
  ].filter(({ id }) => !there.has(id.trim().toLowerCase()));
  return [...Map.groupBy(named, ({ id }) => id)].flatMap(([id, uses]): readonly Problem[] => {
    const [first, ...rest] = uses.map(({ key }) => ({
      fact: `${key} names ${id}, which the host does not know`,
      from: `openclaw.json ${key}`,
    }));
    if (first === undefined) return [];
    const unset = uses.some(({ key }) => key === "plugins.entries") && isUnsettable(id) ? [`config unset plugins.entries.${id}`] : [];
    return [
      {
        subject: id,
        severity: uses.every(({ key }) => key === "plugins.deny") ? "note" : "warning",
        title: `The configuration names the plugin ${id}, which is not there`,
        evidence: [first, ...rest],
        cure: {
          text: "Install it if it is missed; else take its name out, so that nothing that is given this name later is let in by it",
          commands: ["plugins list", ...unset].map((command) => hostCommand(profile, command)),
        },
      },
    ];
  });
}

/** What looks like one step of a path: a dot in it would begin the next. */
function isUnsettable(id: string): boolean {
  return isSafePlugin(id) && !/[./@]/.test(id);
}

/** Only what the gateway's own stack names; that a plugin is new, or the only one, is no fault of it. */
function failing({ suspects }: PluginFacts, profile: string): readonly Problem[] {
  return suspects
    .filter(({ suspicion }) => suspicion === "named")
    .map(({ id, why }) => ({
      subject: id,
      severity: "warning",
      title: `The plugin ${id} fails`,
      evidence: [{ fact: why, from: "the gateway's log" }],
      cure: {
        text: "Update it, or disable it until it is mended",
        commands: ["plugins doctor", ...(isSafePlugin(id) ? [`plugins update ${id}`, `plugins disable ${id}`] : [])].map((command) =>
          hostCommand(profile, command),
        ),
      },
    }));
}
