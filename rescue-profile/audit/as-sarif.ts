import { createHash } from "node:crypto";
import type { Check, Severity } from "./finding.ts";
import { type AuditReport, keyOf, oneLine, type Reported } from "./report.ts";

const LEVELS = { critical: "error", warning: "warning", note: "note" } as const satisfies Record<Severity, string>;

/** What `from` begins with when it is a file: a path, or a name with an ending that is one of a file. An address is none. */
const FILE =
  /^(?![a-z][a-z0-9+.-]*:\/\/)(?:[^\s]*\/[^\s]+|[^\s]+\.(?:json5?|jsonl|sqlite|db|log|conf|service|timer|env|md|toml|ya?ml))(?=\s|$)/i;

/**
 * SARIF 2.1.0, for tools that collect findings: one run with a rule for each check. Places are relative to the state directory (`STATEDIR`), others are
 * `file:` addresses; a check that could not look is a notification, and makes the run one that did not succeed.
 */
export function asSarif(report: AuditReport, checks: readonly Pick<Check, "id" | "question" | "group">[], stateDir: string) {
  const ruleIndex = new Map(checks.map(({ id }, index) => [id, index]));
  const rules = checks.map(({ id, question, group }) => ({ id, shortDescription: { text: oneLine(question) }, properties: { group } }));
  const { couldNotLook, profile, at } = report;
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "rescue-watchdog", rules } },
        automationDetails: { id: `audit/${encodeURIComponent(profile.toWellFormed())}/` },
        originalUriBaseIds: { STATEDIR: { description: { text: "the state directory of the profile" } } },
        invocations: [
          {
            executionSuccessful: couldNotLook.length === 0,
            endTimeUtc: at,
            toolExecutionNotifications: couldNotLook.map(({ id, why }) => ({
              level: "error",
              message: { text: message(`could not look: ${why}`) },
              associatedRule: { id, ...indexed("index", ruleIndex.get(id)) },
            })),
          },
        ],
        results: report.findings.map((finding) => ({
          ruleId: finding.id,
          ...indexed("ruleIndex", ruleIndex.get(finding.id)),
          level: LEVELS[finding.severity],
          message: { text: message(textOf(finding)) },
          locations: placesOf(finding, stateDir),
          partialFingerprints: { "findingIdentity/v1": createHash("sha256").update(keyOf(finding)).digest("hex") },
          properties: { subject: oneLine(finding.subject), safe: finding.safe },
        })),
      },
    ],
  };
}

function textOf({ title, evidence, cure }: Reported): string {
  return `${title}: ${evidence.map(({ fact, from }) => `${fact} (${from})`).join("; ")}. ${[cure.text, ...cure.commands].join("; ")}`;
}

/** SARIF takes `[text](1)` for a link and `{0}` for a placeholder. */
function message(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\[\]]/g, "\\$&")
    .replaceAll(/\{(\d+)\}/g, "{{$1}}");
}

function placesOf({ evidence }: Reported, stateDir: string) {
  const files = new Set(evidence.flatMap(({ from }) => FILE.exec(from)?.[0] ?? []));
  return [...files].map((file) => ({ physicalLocation: { artifactLocation: placeOf(file, stateDir) } }));
}

function placeOf(file: string, stateDir: string) {
  const inside = file.startsWith(`${stateDir}/`) ? file.slice(stateDir.length + 1) : file;
  const uri = inside.toWellFormed().split("/").map(encodeURIComponent).join("/");
  return inside.startsWith("/") ? { uri: `file://${uri}` } : { uri, uriBaseId: "STATEDIR" };
}

function indexed<N extends string>(name: N, index: number | undefined): { readonly [name: string]: number } {
  return index === undefined ? {} : { [name]: index };
}
