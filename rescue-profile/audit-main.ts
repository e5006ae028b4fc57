import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseRotations, rotationPlaces } from "../src/service-installers/systemd/log-rotation.ts";
import { RescueError } from "../src/shared/errors.ts";
import { hostCommand, profileStateDir } from "../src/shared/openclaw-home.ts";
import { watchdogDir } from "../src/shared/rescue-home.ts";
import { readIfThere, writePlainFile } from "../src/shared/secure-file.ts";
import { applyBaseline, type Baseline, parseBaseline } from "./audit/baseline.ts";
import { CHECKS } from "./audit/checks.ts";
import type { Facts } from "./audit/facts.ts";
import { type Check, type Evidence, type Finding, GROUPS } from "./audit/finding.ts";
import {
  daysLeft,
  MEMORY_FILE,
  type Memory,
  markTold,
  parseMemory,
  remember,
  sampled,
  serialiseMemory,
  since,
  untold,
} from "./audit/memory.ts";
import { type AuditReport, oneLine, reported } from "./audit/report.ts";
import { runChecks } from "./audit/run.ts";
import { auditFacts } from "./audit-facts/facts.ts";
import { CAUSES, forProfile } from "./core/causes.ts";
import type { Journal } from "./journal/journal.ts";
import { wallMs } from "./observe/clock.ts";
import { maskSecrets } from "./observe/mask.ts";
import { loadSettings } from "./settings.ts";

export { asMarkdown } from "./audit/as-markdown.ts";
export { asSarif } from "./audit/as-sarif.ts";
export { asText } from "./audit/as-text.ts";
export { asJson, exitCodeOf } from "./audit/report.ts";
export { CHECKS };

export interface AuditOptions {
  readonly profile: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ids of checks or groups; undefined: all but the optional ones. */
  readonly only?: readonly string[];
  /** The optional ones, too. */
  readonly lint?: boolean;
  /** Only what was first seen at this time or later, wall-clock milliseconds. */
  readonly sinceMs?: number;
  /** A baseline file; without it `audit-baseline.json` where our state lies, if it is there. */
  readonly baseline?: string;
}

const memoryFile = (dir: string) => join(dir, MEMORY_FILE);
const BASELINE = "audit-baseline.json";

/**
 * Looks, and changes nothing of the host's. What was found is remembered where the watchdog keeps its state, when that is there. Throws RescueError `usage`
 * (no such check), `profile-missing`, `not-readable` or `config-invalid` (the baseline, our settings).
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  return (await auditWith(options)).report;
}

/** What an alert says of: at most so many findings; the audit itself shows all. */
const TOLD = 10;

/**
 * An audit that nobody is waiting for: what nobody was told yet becomes one warning, for whoever is to be told. A check that could not look is in the log
 * only, or each reboot of the host would be an alert.
 */
export async function scheduledAudit(options: AuditOptions, journal: Pick<Journal, "tell">): Promise<AuditReport> {
  const { report, dir, memory } = await auditWith(options);
  const fresh = untold(report.findings, memory).filter(({ severity }) => severity !== "note");
  const [worst] = fresh;
  if (worst !== undefined) {
    const more = fresh.length > TOLD ? [`and ${fresh.length - TOLD} more`] : [];
    const { title, advice } = CAUSES["audit-findings"];
    journal.tell({
      kind: "tell",
      severity: worst.severity === "critical" ? "critical" : "warning",
      incident: null,
      cause: "audit-findings",
      text: forProfile(`${title}: ${advice}`, options.profile),
      evidence: [...fresh.slice(0, TOLD).map(({ severity, title: what }) => `${severity}: ${oneLine(what)}`), ...more],
    });
  }
  writePlainFile(memoryFile(dir), serialiseMemory({ ...markTold(memory, fresh), scheduledMs: Date.parse(report.at) }));
  return report;
}

export interface Audited {
  readonly report: AuditReport;
  readonly dir: string;
  readonly stateDir: string;
  readonly memory: Memory;
  /** What this audit has looked at. */
  readonly facts: Facts;
  /** The same as they are now: what was looked up is looked up again. */
  readonly factsNow: () => Facts;
}

export async function auditWith(options: AuditOptions): Promise<Audited> {
  const { profile, home, env, sinceMs } = options;
  const checks = chosen(options);
  const stateDir = profileStateDir(profile, { home, env });
  if (!existsSync(stateDir)) {
    throw new RescueError("profile-missing", `there is no OpenClaw profile ${profile}: ${stateDir} does not exist`, {
      fix: hostCommand(profile, "onboard"),
    });
  }
  const dir = watchdogDir(profile, home, env);
  const nowMs = wallMs();
  const baseline = readBaseline(options.baseline, dir, nowMs);
  const before = parseMemory(readIfThere(memoryFile(dir)));
  const settings = loadSettings(dir).audit;
  let freeBytes: number | undefined;
  const validated = new Set(before.validated === null ? [] : [before.validated]);
  const factsNow = () =>
    auditFacts({
      profile,
      home,
      env,
      dir,
      settings,
      nowMs: wallMs(),
      rotated: rotatedLogs(home, profile),
      validated,
      daysLeft: (disk) => {
        freeBytes = disk.freeBytes;
        return daysLeft(before.disk, nowMs, disk.freeBytes);
      },
    });
  const facts = factsNow();
  const { findings: found, couldNotLook, looked, checked } = await runChecks(checks, facts);
  const findings = found.map(masked);
  const { memory } = remember(before, findings, looked, nowMs);
  const known = { ...memory, validated: [...validated].at(-1) ?? null };
  const after = freeBytes === undefined ? known : sampled(known, freeBytes, nowMs);
  if (existsSync(dir)) writePlainFile(memoryFile(dir), serialiseMemory(after));
  const judged = applyBaseline(findings, baseline, nowMs);
  const shown = sinceMs === undefined ? judged.findings : since(judged.findings, after, sinceMs);
  const report = {
    profile,
    at: new Date(nowMs).toISOString(),
    findings: shown.map(reported),
    accepted: judged.accepted,
    couldNotLook,
    checked,
  };
  return { report, dir, stateDir, memory: after, facts, factsNow };
}

/** Names and references come from people and strangers, and anything may be pasted into a name. */
export function masked(finding: Finding): Finding {
  const [first, ...rest] = finding.evidence;
  const fact = (each: Evidence): Evidence => ({ fact: maskSecrets(each.fact), from: maskSecrets(each.from) });
  return {
    ...finding,
    subject: maskSecrets(finding.subject),
    title: maskSecrets(finding.title),
    evidence: [fact(first), ...rest.map(fact)],
    cure: { text: maskSecrets(finding.cure.text), commands: finding.cure.commands.map(maskSecrets) },
  };
}

/** What a fix of an earlier audit has put under rotation. */
function rotatedLogs(home: string, profile: string): readonly string[] {
  return parseRotations(readIfThere(rotationPlaces(home, profile).config) ?? "").map(({ path }) => path);
}

/** Throws `usage` for a name that is neither a check's nor a group's: what was meant would not be looked at. */
function chosen({ only, lint = false }: AuditOptions): readonly Check[] {
  if (only === undefined) return CHECKS.filter(({ optional }) => lint || optional !== true);
  const unknown = only.find((name) => !CHECKS.some(({ id, group }) => id === name || group === name));
  if (unknown !== undefined) {
    throw new RescueError("usage", `--only does not know ${JSON.stringify(unknown)}`, {
      fix: `list the checks with: audit --list; or a group: ${GROUPS.join(", ")}`,
    });
  }
  return CHECKS.filter(({ id, group, optional }) => only.includes(id) || (optional === true ? lint : only.includes(group)));
}

function readBaseline(given: string | undefined, dir: string, nowMs: number): Baseline {
  const file = given ?? join(dir, BASELINE);
  const text = readIfThere(file);
  if (text !== undefined) return parseBaseline(text, { file, ids: new Set(CHECKS.map(({ id }) => id)), nowMs });
  if (given === undefined) return [];
  throw new RescueError("not-readable", `the baseline ${file} does not exist`, { fix: 'begin with {"accepted": []}' });
}
