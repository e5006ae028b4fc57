import { adviceFor, CAUSES } from "./causes.ts";
import type { Action } from "./event.ts";
import { DISK_LOW_RATIO, freeSentence, isLost, problemsOf, signOf, surroundings, value } from "./evidence.ts";
import type { Classification, Findings, SignName } from "./findings.ts";
import type { Cause } from "./model.ts";

/** What is wrong although the gateway serves, most serious first; told, never repaired. Pure. */
export function warningsOf(findings: Findings, suppressed: readonly string[]): readonly Classification[] {
  const config = value(findings.config);
  const certain = (cause: Cause, subject: string, evidence: string): Classification => ({
    cause,
    confidence: "certain",
    evidence: [evidence],
    subject,
  });
  const warnings: Classification[] = [];
  if (value(findings.stateDir) === false) return [surroundings(findings)].filter((each) => each !== undefined);
  for (const lost of value(findings.databases)?.filter(isLost) ?? []) warnings.push(certain("database-lost", lost.path, lost.why));
  if (config !== undefined && (config.state !== "there" || config.validation?.valid === false)) {
    warnings.push(certain("config-bad-on-disk", config.path, problemsOf(config)));
  }
  if (config !== undefined && config.missingVariables.length > 0) {
    const names = config.missingVariables.join(", ");
    warnings.push(certain("secret-missing", names, `the configuration asks for ${names}, which the gateway does not have`));
  }
  const free = value(findings.diskFreeRatio);
  if (free !== undefined && free < DISK_LOW_RATIO)
    warnings.push({ cause: "disk-low", confidence: "certain", evidence: [freeSentence(free)] });
  if (suppressed.length > 0)
    warnings.push(certain("channels-suppressed", suppressed.join(", "), `/readyz: suppressed ${suppressed.join(", ")}`));
  for (const [name, cause] of SPOKEN) {
    const sign = signOf(findings, name);
    if (sign !== undefined) warnings.push({ cause, confidence: "likely", evidence: [`its log says: ${sign.line}`] });
  }
  const jobs = findings.failingJobs === undefined ? undefined : value(findings.failingJobs);
  if (jobs !== undefined && jobs.length > 0) {
    const names = jobs.map(({ name, failures }) => `${name} (${failures} times in a row)`).join(", ");
    warnings.push(certain("jobs-failing", jobs.map(({ name }) => name).join(", "), names));
  }
  return warnings;
}

const SPOKEN: readonly (readonly [SignName, Cause])[] = [
  ["model-unknown", "model-unknown"],
  ["credentials-missing", "credentials-missing"],
  ["pairing-required", "pairing-pending"],
  ["polling-conflict", "polling-conflict"],
];

const GRAVE: ReadonlySet<Cause> = new Set<Cause>(["database-lost", "state-missing"]);

/** A warning as it is told; `incident` null: it has nothing to do with one. */
export function warning({ cause, evidence, subject }: Classification, incident: number | null): Action {
  const severity = GRAVE.has(cause) ? "critical" : "warning";
  return { kind: "tell", severity, incident, cause, text: `${CAUSES[cause].title}: ${adviceFor(cause, subject)}`, evidence };
}
