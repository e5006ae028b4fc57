import type { Check, Problem } from "../finding.ts";

/** Where a machine does not let itself be asked (a hardened container), that is a finding, and no reason to fail: the host itself has crashed on it. */
export const networkInterfaces: Check = {
  id: "network-interfaces",
  group: "network",
  question: "Can the network interfaces of this machine be listed?",
  look: async (facts) => {
    const network = await facts.network();
    if (!network.ok) return { ok: true, value: [degraded("The network interfaces cannot be listed here", network.why)] };
    return {
      ok: true,
      value: network.value.interfaces > 0 ? [] : [degraded("This machine shows no network interface", "the list is empty")],
    };
  },
};

function degraded(title: string, fact: string): Problem {
  return {
    subject: "",
    severity: "note",
    title,
    evidence: [{ fact, from: "os.networkInterfaces()" }],
    cure: {
      text: "Whatever needs an address of this machine (bind lan or tailnet, discovery) does not work here; bind to loopback, or allow the container to list its interfaces.",
      commands: [],
    },
  };
}
