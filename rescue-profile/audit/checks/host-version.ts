import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { Facts, HostProgram } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { compareVersions, inRange } from "../judging/versions.ts";

/** `openclaw.compat.minGatewayVersion` of our package. */
const SUPPORTED_FROM = "2026.9.6";

export const hostVersion: Check = {
  id: "host-version",
  group: "gateway",
  question: "Do the installed host, its configuration and its Node fit together?",
  look: async (facts) => {
    const program = await facts.hostProgram();
    if (!program.ok) return program;
    if (program.value.version === null)
      return { ok: false, why: "no openclaw was found that this account would run, or it does not say its version" };
    return {
      ok: true,
      value: [...configProblems(program.value, facts), ...nodeProblems(program.value), ...supportProblems(program.value, facts)],
    };
  },
};

function configProblems({ version, wroteConfig }: HostProgram, { profile }: Facts): readonly Problem[] {
  if (version === null || wroteConfig === null || (compareVersions(wroteConfig, version) ?? 0) <= 0) return [];
  return [
    {
      subject: "config",
      severity: "critical",
      title: "A newer host has written the configuration, and the installed one refuses to start with it",
      evidence: [
        { fact: `${wroteConfig} wrote it`, from: "openclaw.json meta.lastTouchedVersion" },
        { fact: `${version} is installed`, from: "openclaw package.json version" },
      ],
      cure: {
        text: `Install ${wroteConfig} or newer; an older host loses what it does not know.`,
        commands: [hostCommand(profile, "update")],
      },
    },
  ];
}

function nodeProblems({ node, nodeRange }: HostProgram): readonly Problem[] {
  if (node === null || nodeRange === null || inRange(node, nodeRange) !== false) return [];
  return [
    {
      subject: "node",
      severity: "critical",
      title: `The host does not run with Node ${node}`,
      evidence: [
        { fact: `Node ${node} runs it`, from: "the gateway's Node" },
        { fact: `it asks for ${nodeRange}`, from: "openclaw package.json engines.node" },
      ],
      cure: { text: `Install a Node of ${nodeRange}, and install the gateway's service again so that it runs with that.`, commands: [] },
    },
  ];
}

function supportProblems({ version }: HostProgram, { profile }: Facts): readonly Problem[] {
  if (version === null || (compareVersions(version, SUPPORTED_FROM) ?? 0) >= 0) return [];
  return [
    {
      subject: "host",
      severity: "note",
      title: `The watchdog does not know a host as old as ${version}`,
      evidence: [
        { fact: `${version} is installed`, from: "openclaw package.json version" },
        { fact: `it is tested with ${SUPPORTED_FROM} and newer`, from: "rescue-watchdog package.json openclaw.compat" },
      ],
      cure: {
        text: "Update the host when it suits you; until then what the watchdog says of its files may be wrong.",
        commands: [hostCommand(profile, "update")],
      },
    },
  ];
}
