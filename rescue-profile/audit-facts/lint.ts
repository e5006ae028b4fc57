import { asObject } from "../../src/shared/gateway-config.ts";
import { hostJson } from "../../src/shared/openclaw-cli.ts";
import type { CommandResult } from "../../src/shared/run-command.ts";
import type { LintFinding } from "../audit/facts.ts";
import type { Reading } from "../core/model.ts";
import { showable } from "../observe/mask.ts";
import { seen, unseen } from "../observe/reading.ts";

/** The answer of `doctor --lint --json`: `{findings: [{checkId, severity, message, path, fixHint}]}`, exit 1 with findings (measured, 2026.9.6). Pure. */
export function parseLint(result: CommandResult): Reading<readonly LintFinding[]> {
  const { findings } = asObject(hostJson(result.stdout));
  if (!Array.isArray(findings))
    return unseen(`openclaw doctor --lint gave no answer (${result.timedOut ? "in time" : `exit ${result.exitCode}`})`);
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? showable(value) : null);
  return seen(
    findings.map(asObject).map(({ checkId, severity, message, path, fixHint }) => ({
      checkId: text(checkId) ?? "",
      severity: text(severity) ?? "",
      message: text(message) ?? "",
      path: text(path),
      fixHint: text(fixHint),
    })),
  );
}
