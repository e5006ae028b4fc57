import { formatDuration } from "../../../src/shared/duration.ts";
import { inWords, SERVER_LIMITS } from "../../../src/shared/start-limits.ts";
import type { ModelServer } from "../facts.ts";
import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { MANY_RESTARTS, neverGivesUp, unitName } from "../judging/units.ts";

type Unit = NonNullable<ModelServer["unit"]>;

export const serverUnit: Check = {
  id: "server-unit",
  group: "model-servers",
  question: "Do the units of the local model servers run, and would they give up when one crashes again and again?",
  look: async (facts) => judged(await facts.modelServers(), (servers) => unitsOf(servers).flatMap(problemsOf)),
};

/** Several providers may be one server. */
function unitsOf(servers: readonly ModelServer[]): readonly Unit[] {
  const units = servers.flatMap(({ unit }) => (unit === null ? [] : [[`${unit.scope} ${unit.name}`, unit] as const]));
  return [...new Map(units).values()];
}

function problemsOf({ name, scope, declared, restarts, active, ...limit }: Unit): readonly Problem[] {
  const unit = unitName(name);
  const from = `systemd ${scope === "user" ? "--user " : ""}${unit}`;
  const [systemctl, journalctl] = scope === "user" ? ["systemctl --user", "journalctl --user"] : ["sudo systemctl", "sudo journalctl"];
  const logs = `${journalctl} -u ${unit} -n 50`;
  const problem = (what: string, title: string, fact: string, text: string, commands: readonly string[]): Problem => ({
    subject: `${unit} ${what}`,
    severity: "warning",
    title,
    evidence: [{ fact, from }],
    cure: { text, commands },
  });
  const found: Problem[] = [];
  if (neverGivesUp(limit)) {
    const counted = `StartLimitBurst=${limit.startLimitBurst}, StartLimitIntervalSec=${formatDuration(limit.startLimitIntervalMs)}`;
    const cure = `Set ${inWords(SERVER_LIMITS)}.`;
    const unlimited = problem("start-limit", `${unit} is started again and again without a limit`, counted, cure, [
      `${systemctl} edit ${unit}`,
    ]);
    // A unit that was only found by the port may be another program's.
    found.push(scope === "user" && declared ? { ...unlimited, fix: { kind: "limit-starts", unit } } : unlimited);
  }
  if (restarts > MANY_RESTARTS) {
    found.push(
      problem("restarts", `${unit} was started again ${restarts} times`, `${restarts} restarts`, "Read why it ends, and mend that.", [
        logs,
      ]),
    );
  }
  if (active === "failed") {
    found.push(
      problem("failed", `${unit} has failed and stays down`, "it is failed", "Read why it ended, mend that, and start it.", [
        logs,
        `${systemctl} restart ${unit}`,
      ]),
    );
  }
  return found;
}
