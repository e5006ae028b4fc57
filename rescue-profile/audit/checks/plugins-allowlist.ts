import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { PluginFacts } from "../facts.ts";
import type { Check, Cure, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { isSafePlugin } from "../judging/plugin-ids.ts";

/**
 * A list in `plugins.allow` switches off every plugin that is not in it, the host's own too (measured: a list of two lost 37 of 40), so the proposal
 * holds those of the host that are enabled today, and of the others only what somebody configured.
 */
export const pluginsAllowlist: Check = {
  id: "plugins-allowlist",
  group: "plugins",
  question: "Is it written down which plugins from outside may load?",
  look: async (facts) => judged(await facts.plugins(), (plugins) => judge(plugins, facts.profile)),
};

function judge({ allow, known }: PluginFacts, profile: string): readonly Problem[] {
  const enabled = known.filter((plugin) => plugin.enabled);
  const outside = enabled.filter(({ bundled }) => !bundled);
  if (allow !== null || outside.length === 0) return [];
  const strays = outside.filter(({ configured }) => !configured).map(({ id }) => id);
  const ids = [...new Set(enabled.filter(({ bundled, configured }) => bundled || configured).map(({ id }) => id))].sort();
  const printable = ids.every(isSafePlugin);
  return [
    {
      subject: "",
      severity: "warning",
      title: "Plugins from outside the host load without plugins.allow naming them",
      evidence: [
        { fact: "there is no plugins.allow, so that whatever is found may load", from: "openclaw.json plugins.allow" },
        ...outside.map(({ id, configured }) => ({
          fact: `${id} comes from outside the host and is enabled${configured ? "" : ", though nothing configures it"}`,
          from: "openclaw plugins list",
        })),
      ],
      cure: cureOf(ids, strays, printable, profile),
      ...(strays.length === 0 && printable ? { fix: { kind: "allow-plugins", ids } as const } : {}),
    },
  ];
}

function cureOf(ids: readonly string[], strays: readonly string[], printable: boolean, profile: string): Cure {
  const listed =
    "Allow what loads today by name: the plugins from outside that are configured, and those of the host, which a list would switch off otherwise";
  const undecided = `${listed}; ${strays.join(", ")} would stop loading, or stay if you add it, which nobody has asked for yet: decide that first`;
  const unprinted = `${listed}; an id among them has characters that a shell would read, so no command is printed`;
  return {
    text: !printable ? unprinted : strays.length === 0 ? listed : undecided,
    commands: printable ? [hostCommand(profile, `config set plugins.allow '${JSON.stringify(ids)}' --strict-json`)] : [],
  };
}
