import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseRotations, rotationPlaces } from "../src/service-installers/systemd/log-rotation.ts";
import { messageOf, RescueError, systemErrorCode } from "../src/shared/errors.ts";
import { hostCommand, profileStateDir } from "../src/shared/openclaw-home.ts";
import { watchdogDir } from "../src/shared/rescue-home.ts";
import { readIfThere, readPlain, writePlainFile } from "../src/shared/secure-file.ts";
import { applyBaseline, type Baseline, parseBaseline } from "./audit/baseline.ts";
import { CHECKS } from "./audit/checks.ts";
import type { Facts } from "./audit/facts.ts";
import { type Check, type Evidence, type Finding, GROUPS } from "./audit/finding.ts";
import {
  daysLeft,
  forgetTold,
  MEMORY_FILE,
  type Memory,
  markTold,
  NOTHING,
  parseMemory,
  remember,
  sampled,
  serialiseMemory,
  since,
  untold,
} from "./audit/memory.ts";
import { type AuditReport, oneLine, reported } from "./audit/report.ts";
import { runChecks } from "./audit/run.ts";
import { configHashes } from "./audit-facts/config-hashes.ts";
import { auditFacts } from "./audit-facts/facts.ts";
import { secretsIn } from "./audit-facts/secrets.ts";
import { CAUSES, forProfile } from "./core/causes.ts";
import type { Journal } from "./journal/journal.ts";
import { wallMs } from "./observe/clock.ts";
import { maskSecrets } from "./observe/mask.ts";
import { loadSettings } from "./settings.ts";

export { asMarkdown } from "./audit/as-markdown.ts";
export { asSarif } from "./audit/as-sarif.ts";
export { asText } from "./audit/as-text.ts";
export { asJson, exitCodeOf, oneLine } from "./audit/report.ts";
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
  /** Writes nothing, not even what it remembers. */
  readonly dryRun?: boolean;
}

const BASELINE = "audit-baseline.json";
const BASELINE_BYTES = 1_048_576;

/**
 * Looks, and changes nothing of the host's. What was found is remembered where the watchdog keeps its state, when that is there. Throws RescueError `usage`
 * (no such check), `profile-missing`, `not-readable` or `config-invalid` (the baseline, our settings).
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  return (await auditWith(options, baselineOf(options))).report;
}

/** What an alert says of: at most so many findings; the audit itself shows all. */
const TOLD = 10;

/**
 * An audit that nobody is waiting for: what nobody was told yet, or only as less serious, becomes one warning, for whoever is to be told. A check that could not look is
 * in the log only, or each reboot of the host would be an alert. A baseline that cannot be used accepts nothing, and that is told with the rest.
 */
export async function scheduledAudit(options: AuditOptions, journal: Pick<Journal, "tell">): Promise<AuditReport> {
  const dir = watchdogDir(options.profile, options.home, options.env);
  const file = join(dir, MEMORY_FILE);
  // At the start: whoever looks meanwhile, and whatever becomes of this one, begins no other.
  keep(file, { ...recall(file), scheduledMs: wallMs() });
  const { baseline, trouble } = baselineIfUsable(options);
  const { report, accepted } = await auditWith(options, baseline);
  const fresh = untold(report.findings, recall(file)).filter(({ severity }) => severity !== "note");
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
      evidence: [
        ...(trouble === undefined ? [] : [trouble]),
        ...fresh.slice(0, TOLD).map(({ severity, title: what }) => `${severity}: ${oneLine(what)}`),
        ...more,
      ],
    });
  }
  keep(file, forgetTold(markTold(recall(file), fresh), accepted));
  return report;
}

export interface Audited {
  readonly report: AuditReport;
  readonly accepted: AuditReport["accepted"];
  /** Everything that was found, also what is accepted or was to be left out. */
  readonly all: readonly Finding[];
  readonly dir: string;
  readonly stateDir: string;
  /** SHA-256 of each file of the configuration, taken before any of it was looked at. */
  readonly hashes: ReadonlyMap<string, string>;
  /** What this audit has looked at. */
  readonly facts: Facts;
  /** The same as they are now: what was looked up is looked up again. */
  readonly factsNow: () => Facts;
  /** A finding as it may be shown. */
  readonly shown: (finding: Finding) => Finding;
}

/** @throws RescueError as {@link audit} */
export async function auditWith(options: AuditOptions, baseline: Baseline): Promise<Audited> {
  const { profile, home, env, sinceMs } = options;
  const checks = chosen(options);
  const stateDir = profileStateDir(profile, { home, env });
  if (!existsSync(stateDir)) {
    throw new RescueError("profile-missing", `there is no OpenClaw profile ${profile}: ${stateDir} does not exist`, {
      fix: hostCommand(profile, "onboard"),
    });
  }
  const dir = watchdogDir(profile, home, env);
  const file = join(dir, MEMORY_FILE);
  const nowMs = wallMs();
  const before = recall(file);
  const settings = loadSettings(dir).audit;
  let freeBytes: number | undefined;
  const validated = new Set(before.validated === null ? [] : [before.validated]);
  const hashes = configHashes(join(stateDir, "openclaw.json"));
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
  const config = await facts.config();
  const shown = masking(config.ok ? secretsIn(config.value) : []);
  const findings = found.map(shown);
  // Again: an audit that ended meanwhile is not to be forgotten.
  const { memory } = remember(recall(file), findings, looked, nowMs);
  const known = { ...memory, validated: [...validated].at(-1) ?? null };
  const after = freeBytes === undefined ? known : sampled(known, freeBytes, nowMs);
  const trouble = options.dryRun === true || !existsSync(dir) ? undefined : keep(file, after);
  const judged = applyBaseline(findings, baseline, nowMs);
  const wanted = sinceMs === undefined ? judged.findings : since(judged.findings, after, sinceMs);
  const report: AuditReport = {
    profile,
    at: new Date(nowMs).toISOString(),
    findings: wanted.map(reported),
    accepted: judged.accepted,
    couldNotLook,
    checked,
    ...(trouble === undefined ? {} : { trouble }),
  };
  return { report, accepted: judged.accepted, all: findings, dir, stateDir, hashes, facts, factsNow, shown };
}

/** Nothing, where it cannot be read: an audit is worth more than what it remembers. */
function recall(file: string): Memory {
  try {
    return parseMemory(readPlain(file));
  } catch (error) {
    if (!(error instanceof RescueError) && systemErrorCode(error) === undefined) throw error;
    return NOTHING;
  }
}

/** A full disk is what an audit is to find, and no reason to find nothing. Returns why it was not kept. */
function keep(file: string, memory: Memory): string | undefined {
  try {
    writePlainFile(file, serialiseMemory(memory));
    return undefined;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return `what was found could not be remembered: ${messageOf(error)}`;
  }
}

/** Names and references come from people and strangers, and anything may be pasted into a name. What looks like a secret goes, and so does what is one. */
function masking(secrets: readonly string[]): (finding: Finding) => Finding {
  const text = (given: string) => maskSecrets(secrets.reduce((masked, secret) => masked.replaceAll(secret, "***"), given));
  const fact = (each: Evidence): Evidence => ({ fact: text(each.fact), from: text(each.from) });
  return (finding) => {
    const [first, ...rest] = finding.evidence;
    return {
      ...finding,
      subject: text(finding.subject),
      title: text(finding.title),
      evidence: [fact(first), ...rest.map(fact)],
      cure: { text: text(finding.cure.text), commands: finding.cure.commands.map(text) },
    };
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

/** @throws RescueError `not-readable` or `config-invalid` */
export function baselineOf({ profile, home, env, baseline: given }: AuditOptions): Baseline {
  const file = given ?? join(watchdogDir(profile, home, env), BASELINE);
  const text = readPlain(file, BASELINE_BYTES);
  if (text !== undefined) return parseBaseline(text, { file, ids: new Set(CHECKS.map(({ id }) => id)), nowMs: wallMs() });
  if (given === undefined) return [];
  throw new RescueError("not-readable", `the baseline ${file} does not exist`, { fix: 'begin with {"accepted": []}' });
}

/** For an audit that nobody is there to correct it for: an entry that an update has outdated must not end all audits. */
function baselineIfUsable(options: AuditOptions): { readonly baseline: Baseline; readonly trouble?: string } {
  try {
    return { baseline: baselineOf(options) };
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    return { baseline: [], trouble: `nothing is accepted any more: ${error.message}` };
  }
}
