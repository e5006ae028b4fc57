import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { ServiceFacts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { serviceSource, unitName } from "../judging/units.ts";

export const serviceParked: Check = {
  id: "service-parked",
  group: "gateway",
  question: "Would the service manager start the gateway again when it ends?",
  look: async (facts) => judged(await facts.service(), (service) => (service === null ? [] : givenUp(service, facts.profile))),
};

function givenUp(service: ServiceFacts, profile: string): readonly Problem[] {
  const from = serviceSource(service);
  // Our own supervisor takes no command of the host's.
  const restart = service.manager === "external" ? [] : [hostCommand(profile, "gateway restart")];
  switch (service.reading.state) {
    case "parked":
      return [
        {
          subject: "",
          severity: "critical",
          title: "The gateway is down and stays down: it ended with exit code 78, which asks for a mended configuration or state first",
          evidence: [{ fact: "it ended with 78, and is not started again", from }],
          cure: {
            text: "See what the host refuses, mend it, and only then start the gateway; where our supervisor runs it, by restarting the container.",
            commands: [hostCommand(profile, "config validate"), hostCommand(profile, "doctor --lint"), ...restart],
          },
        },
      ];
    case "latched":
      return [
        {
          subject: "",
          severity: "critical",
          title: "The gateway is down and stays down: the service manager gave up after too many starts",
          evidence: [{ fact: lastEnd(service), from }],
          cure: { text: "Read why it ended each time, mend that, and start it again.", commands: [...logsOf(service), ...restart] },
        },
      ];
    default:
      return [];
  }
}

function lastEnd({ reading: { lastExit, restarts } }: ServiceFacts): string {
  const end = lastExit?.signal ?? lastExit?.code;
  return `it gave up${restarts === undefined ? "" : ` after ${restarts} ${restarts === 1 ? "restart" : "restarts"}`}${end === undefined ? "" : `; the last run ended with ${end}`}`;
}

function logsOf({ manager, name }: ServiceFacts): readonly string[] {
  return manager === "systemd" ? [`journalctl --user -u ${unitName(name)} -n 50`] : [];
}
