import type { Json } from "./facts.ts";
import { type Finding, SEVERITIES, type Severity } from "./finding.ts";
import { keyOf } from "./report.ts";

/** What earlier audits have seen, and how full the disk was then. Wall-clock milliseconds. */
export interface Memory {
  readonly findings: ReadonlyMap<string, Remembered>;
  /** Oldest first. */
  readonly disk: readonly DiskSample[];
  /** When the watcher has made an audit by itself last; null: never. */
  readonly scheduledMs: number | null;
  /** The configuration that the host found valid last, by fingerprint and host; null: none, or not known. */
  readonly validated: string | null;
}

export interface Remembered {
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** As how serious somebody was alerted to it; null: nobody was. */
  readonly told: Severity | null;
  /** Its check has looked since and did not find it. An audit that did not run has not looked. */
  readonly gone?: true;
}

export interface DiskSample {
  readonly atMs: number;
  readonly freeBytes: number;
}

/** Where our state of the profile lies. */
export const MEMORY_FILE = "audit-memory.json";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FORGET_MS = 30 * DAY_MS;
const AGAIN_MS = DAY_MS;
const SAMPLES = 90;
const SAMPLE_EVERY_MS = 6 * HOUR_MS;
const TREND_MS = 14 * DAY_MS;
const SHORTEST_TREND_MS = 2 * DAY_MS;
/** Less than this part of what is free in a day (a disk that lasts longer than 100 days) is noise: databases and logs breathe. */
const LEAST_FALL = 0.01;

export const NOTHING: Memory = { findings: new Map(), disk: [], scheduledMs: null, validated: null };

/** Undefined or damaged text: nothing is remembered, so everything is new once. Never throws. */
export function parseMemory(text: string | undefined): Memory {
  const root = asJson(json(text ?? ""));
  const disk = root?.["disk"];
  const findings = Object.entries(asJson(root?.["findings"]) ?? {}).flatMap(([key, value]): [string, Remembered][] => {
    const { firstSeenMs, lastSeenMs, told, gone } = asJson(value) ?? {};
    if (!isTime(firstSeenMs) || !isTime(lastSeenMs) || !(told === null || isSeverity(told))) return [];
    return [[key, { firstSeenMs, lastSeenMs, told, ...(gone === true ? { gone } : {}) }]];
  });
  const samples = (Array.isArray(disk) ? disk : []).flatMap((value: unknown): DiskSample[] => {
    const { atMs, freeBytes } = asJson(value) ?? {};
    return isTime(atMs) && isTime(freeBytes) ? [{ atMs, freeBytes }] : [];
  });
  const { scheduledMs: scheduled, validated } = root ?? {};
  return {
    findings: new Map(findings),
    disk: samples.sort((a, b) => a.atMs - b.atMs).slice(-SAMPLES),
    scheduledMs: isTime(scheduled) ? scheduled : null,
    validated: typeof validated === "string" ? validated : null,
  };
}

export function serialiseMemory({ findings, ...rest }: Memory): string {
  return `${JSON.stringify({ findings: Object.fromEntries(findings), ...rest })}\n`;
}

/**
 * Adds what an audit has found; `fresh` was first seen now, or had gone and comes back a day or more after it was last seen. `looked`: the ids of the checks that
 * have answered in this audit; of others nothing new is known. What was not seen for 30 days is forgotten. Pure.
 */
export function remember<F extends Finding>(
  memory: Memory,
  findings: readonly F[],
  looked: ReadonlySet<string>,
  nowMs: number,
): { readonly memory: Memory; readonly fresh: readonly F[] } {
  const next = new Map<string, Remembered>();
  for (const [key, entry] of memory.findings) {
    if (nowMs - entry.lastSeenMs > FORGET_MS) continue;
    next.set(key, looked.has(idOf(key)) ? { ...entry, gone: true } : entry);
  }
  const fresh = findings.filter((finding) => {
    const before = memory.findings.get(keyOf(finding));
    const known = before !== undefined && next.has(keyOf(finding)) && (before.gone !== true || nowMs - before.lastSeenMs < AGAIN_MS);
    const { firstSeenMs, told } = known ? before : { firstSeenMs: nowMs, told: null };
    next.set(keyOf(finding), { firstSeenMs, lastSeenMs: nowMs, told });
    return !known;
  });
  return { memory: { ...memory, findings: next }, fresh };
}

/** Those that nobody was alerted to yet, or only when they were less serious: also what an audit by hand saw first, or whose alert could not be sent. */
export function untold<F extends Finding>(findings: readonly F[], memory: Memory): readonly F[] {
  return findings.filter((finding) => {
    const told = memory.findings.get(keyOf(finding))?.told ?? null;
    return told === null || SEVERITIES.indexOf(finding.severity) < SEVERITIES.indexOf(told);
  });
}

/** What is accepted is told again when that lapses. */
export function forgetTold(memory: Memory, accepted: readonly { readonly id: string; readonly subject: string }[]): Memory {
  const next = new Map(memory.findings);
  for (const each of accepted) {
    const entry = next.get(keyOf(each));
    if (entry !== undefined) next.set(keyOf(each), { ...entry, told: null });
  }
  return { ...memory, findings: next };
}

export function markTold(memory: Memory, findings: readonly Finding[]): Memory {
  const next = new Map(memory.findings);
  for (const finding of findings) {
    const entry = next.get(keyOf(finding));
    if (entry !== undefined) next.set(keyOf(finding), { ...entry, told: finding.severity });
  }
  return { ...memory, findings: next };
}

/** Those first seen at this time or later, and those that nobody remembers. */
export function since<F extends Finding>(findings: readonly F[], memory: Memory, sinceMs: number): readonly F[] {
  return findings.filter((finding) => (memory.findings.get(keyOf(finding))?.firstSeenMs ?? Number.POSITIVE_INFINITY) >= sinceMs);
}

/** One sample in six hours, at most 90. What lies in the future was taken by a clock that was wrong, and goes. */
export function sampled(memory: Memory, freeBytes: number, nowMs: number): Memory {
  const past = memory.disk.filter(({ atMs }) => atMs <= nowMs);
  const last = past.at(-1);
  if (last !== undefined && nowMs - last.atMs < SAMPLE_EVERY_MS) return { ...memory, disk: past };
  return { ...memory, disk: [...past, { atMs: nowMs, freeBytes }].slice(-SAMPLES) };
}

/**
 * After how many days nothing is free, when it goes on as in the last 14: the slope of the least-squares line through the samples and now. Null: they
 * span less than two days, or it does not fall by at least 1 % of what is free in a day.
 */
export function daysLeft(samples: readonly DiskSample[], nowMs: number, freeBytes: number): number | null {
  const points = [...samples.filter(({ atMs }) => atMs < nowMs && nowMs - atMs <= TREND_MS), { atMs: nowMs, freeBytes }];
  const [first] = points;
  if (first === undefined || nowMs - first.atMs < SHORTEST_TREND_MS) return null;
  if (freeBytes === 0) return 0;
  const days = points.map(({ atMs }) => (atMs - nowMs) / DAY_MS);
  const meanDay = mean(days);
  const meanFree = mean(points.map((point) => point.freeBytes));
  const covariance = mean(points.map((point, at) => ((days[at] ?? 0) - meanDay) * (point.freeBytes - meanFree)));
  const perDay = covariance / mean(days.map((day) => (day - meanDay) ** 2));
  return -perDay < LEAST_FALL * freeBytes ? null : freeBytes / -perDay;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function idOf(key: string): string {
  return key.slice(0, key.indexOf(" "));
}

function isSeverity(value: unknown): value is Severity {
  return SEVERITIES.some((severity) => severity === value);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function asJson(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}
