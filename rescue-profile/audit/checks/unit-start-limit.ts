import { formatDuration } from "../../../src/shared/duration.ts";
import { GATEWAY_LIMITS, inWords } from "../../../src/shared/start-limits.ts";
import type { ServiceFacts } from "../facts.ts";
import type { Check, Evidence, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { MANY_RESTARTS, neverGivesUp, serviceSource, unitName } from "../judging/units.ts";

const SHORTEST_PAUSE_MS = 1_000;

export const unitStartLimit: Check = {
  id: "unit-start-limit",
  group: "gateway",
  question: "Is the gateway started again after a crash, with a pause, and not for ever?",
  look: async (facts) => judged(await facts.service(), (service) => (service === null ? [] : judge(service, facts.profile))),
};

function judge(service: ServiceFacts, profile: string): readonly Problem[] {
  // Of a masked unit systemd shows its own defaults, not what stands in the file.
  const unit = service.reading.masked === true ? undefined : service.unit;
  return [...(unit === undefined ? [] : unitProblems(unit, service)), ...restartProblems(service, profile)];
}

function unitProblems(values: NonNullable<ServiceFacts["unit"]>, service: ServiceFacts): readonly Problem[] {
  const from = serviceSource(service);
  const unit = unitName(service.name);
  const edit = `systemctl --user edit ${unit}`;
  if (values.restart === "no") {
    return [
      {
        subject: "restart",
        severity: "warning",
        title: "Nothing starts the gateway again when it crashes",
        evidence: [{ fact: "Restart=no", from }],
        cure: { text: "Set Restart=always, as the host's own unit has it.", commands: [edit] },
      },
    ];
  }
  const limited = (subject: string, title: string, evidence: Evidence): Problem => ({
    subject,
    severity: "warning",
    title,
    evidence: [evidence],
    cure: {
      text: `Set ${inWords(GATEWAY_LIMITS)}, as the host's own unit has them.`,
      commands: [edit],
    },
    fix: { kind: "limit-starts", unit },
  });
  const found: Problem[] = [];
  if (neverGivesUp(values)) {
    const counted = `StartLimitBurst=${values.startLimitBurst} in ${formatDuration(values.startLimitIntervalMs)}, with pauses of ${formatDuration(values.restartMs)}`;
    found.push(
      limited("start-limit", "The service manager starts a gateway that crashes at once again and again, without end", {
        fact: counted,
        from,
      }),
    );
  }
  if (values.restartMs < SHORTEST_PAUSE_MS) {
    found.push(
      limited("pause", "The service manager starts the gateway again almost without a pause", {
        fact: `RestartSec is ${formatDuration(values.restartMs)}`,
        from,
      }),
    );
  }
  return found;
}

function restartProblems(service: ServiceFacts, profile: string): readonly Problem[] {
  const { restarts = 0 } = service.reading;
  if (restarts <= MANY_RESTARTS) return [];
  const logs = service.manager === "systemd" ? [`journalctl --user -u ${unitName(service.name)} -n 50`] : [];
  return [
    {
      subject: "restarts",
      severity: "warning",
      title: `The service manager has started the gateway of profile ${profile} again ${restarts} times`,
      evidence: [{ fact: `${restarts} restarts`, from: serviceSource(service) }],
      cure: { text: "Read why it ends, and mend that.", commands: logs },
    },
  ];
}
