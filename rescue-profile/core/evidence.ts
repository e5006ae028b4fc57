import type { Classification, ConfigFinding, DatabaseFinding, Findings, Sign, SignName } from "./findings.ts";
import type { Reading } from "./model.ts";

/** Below this share a start fails, and with ENOSPC in the log it does so already below the second. */
const DISK_FULL_RATIO = 0.01;
export const DISK_LOW_RATIO = 0.05;

/** What is wrong around the gateway, whatever is wrong with itself. */
export function surroundings(findings: Findings): Classification | undefined {
  if (value(findings.stateDir) === false) {
    return { cause: "state-missing", confidence: "certain", evidence: ["its state directory does not exist any more"] };
  }
  const free = value(findings.diskFreeRatio);
  const full = signOf(findings, "disk-full");
  if (free !== undefined && (free < DISK_FULL_RATIO || (full !== undefined && free < DISK_LOW_RATIO))) {
    return { cause: "disk-full", confidence: "certain", evidence: [freeSentence(free), ...said(full)] };
  }
  const missing = value(findings.missingPrograms)?.[0];
  if (missing === undefined) return undefined;
  return {
    cause: "program-missing",
    confidence: "certain",
    evidence: [`its service starts ${missing}, which does not exist`],
    subject: missing,
  };
}

/** Not the database it served with: what was in it is lost to the gateway. */
export function isLost({ state }: DatabaseFinding): boolean {
  return state === "missing" || state === "empty" || state === "replaced";
}

/** The newest line with this sign; undefined also when the log could not be read. */
export function signOf(findings: Findings, name: SignName): Sign | undefined {
  return value(findings.signs)?.find((sign) => sign.name === name);
}

/** A sign as evidence. */
export function said(sign: Sign | undefined): readonly string[] {
  return sign === undefined ? [] : [`its log says: ${sign.line}`];
}

/** The first thing that is wrong with a configuration, as one sentence. */
export function problemsOf(config: ConfigFinding): string {
  const first = config.validation?.problems[0];
  if (config.state !== "there") return config.why ?? `${config.path} is ${config.state}`;
  return first === undefined
    ? `${config.path} is not valid`
    : `${config.path}: ${first.path === "" ? "" : `${first.path}: `}${first.message}`;
}

/** `ratio` from 0 to 1. */
export function freeSentence(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} % of the disk is free`;
}

/** A part that could not be looked at proves nothing. */
export function value<T>(reading: Reading<T>): T | undefined {
  return reading.ok ? reading.value : undefined;
}
