import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { ServiceFacts } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { serviceSource, unitName } from "../judging/units.ts";

export const serviceInstalled: Check = {
  id: "service-installed",
  group: "gateway",
  question: "Does a service keep the gateway running, after a reboot and without anybody logged in?",
  look: async (facts) => judged(await facts.service(), (service) => (service === null ? [] : gaps(service, facts.profile))),
};

function gaps(service: ServiceFacts, profile: string): readonly Problem[] {
  const from = serviceSource(service);
  const systemd = service.manager === "systemd";
  const unit = unitName(service.name);
  const install = hostCommand(profile, "gateway install");
  if (service.reading.state === "not-installed") {
    return [
      {
        subject: "",
        severity: "warning",
        title: "No service keeps the gateway running",
        evidence: [{ fact: "it is not installed", from }],
        cure: { text: "Install it: without one nothing starts the gateway after a crash or a reboot.", commands: [install] },
      },
    ];
  }
  const found: Problem[] = [];
  if (service.reading.masked === true) {
    found.push({
      subject: "masked",
      severity: "warning",
      title: "Somebody has forbidden the service manager to start the gateway",
      evidence: [{ fact: "it is masked", from }],
      cure: { text: "Find out why it was masked; nobody else lifts that.", commands: systemd ? [`systemctl --user unmask ${unit}`] : [] },
    });
  } else if (service.enabled === false) {
    found.push({
      subject: "enabled",
      severity: "warning",
      title: "The gateway does not start by itself after a reboot",
      evidence: [{ fact: "it is not enabled", from }],
      cure: { text: "Enable it.", commands: [systemd ? `systemctl --user enable ${unit}` : install] },
      ...(systemd ? { fix: { kind: "enable-unit", unit } } : {}),
    });
  }
  const { load = "loaded" } = service.unit ?? {};
  if (load !== "loaded" && load !== "masked") {
    found.push({
      subject: "definition",
      severity: "critical",
      title: "systemd cannot use the gateway's unit, and does not start it again when it ends",
      evidence: [{ fact: `LoadState=${load}`, from }],
      cure: {
        text: "See what is wrong in it or in a drop-in of it, mend that, and let systemd read it again.",
        commands: [`systemctl --user status ${unit}`, `systemctl --user cat ${unit}`, "systemctl --user daemon-reload"],
      },
    });
  }
  if (service.linger === false) {
    found.push({
      subject: "linger",
      severity: "warning",
      title: "The gateway stops when its account's last session ends",
      evidence: [{ fact: "the account does not linger", from: "loginctl Linger" }],
      cure: { text: "Let the account's services run on; that may need an administrator.", commands: ["loginctl enable-linger"] },
    });
  }
  return found;
}
