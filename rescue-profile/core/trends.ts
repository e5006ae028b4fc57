import type { Classification } from "./findings.ts";
import type { Assessment } from "./model.ts";
import { HOUR_MS, type Policy } from "./policy.ts";
import type { AnswerTrend, MemoryTrend, Trends } from "./state.ts";
import { sameIdentity } from "./track.ts";

/** The first hour after a boot fills caches, and proves nothing. */
const WARM_UP_MS = HOUR_MS;
const HOURS_KEPT = 24;
const GROWING_HOURS = 6;
const GROWN_BYTES = 400e6;
const GROWN_RATIO = 1.5;
/** An idle gateway has 0.6 to 1.0 GB (measured, HOST-FACTS.md): below that growth is not worth a word. */
const IDLE_BYTES = 1e9;
/** A third of the time in which it grew by less than this part of its share: it levels off, or grew by one step. */
const STEADY_RATIO = 0.5;

const ANSWERS_KEPT = 10;
const SLOW_MS = 1_500;
const SLOW_FOR_MS = 300_000;

/** Adds a full look at a gateway that serves to what was measured of its process. Pure. */
export function measure(before: Trends | undefined, seen: Assessment, policy: Pick<Policy, "baselineMs">): Trends {
  // A look that could not see the process does not make it another one.
  const identity = seen.identity ?? before?.identity ?? null;
  const known = before !== undefined && sameIdentity(before.identity, identity) ? before : undefined;
  return { identity, memory: followMemory(known?.memory, seen), answers: followAnswers(known?.answers, seen, policy) };
}

function followMemory(before: MemoryTrend | undefined, { atMs, rssBytes }: Assessment): MemoryTrend {
  if (before === undefined) return { hours: [], hourMs: atMs + WARM_UP_MS, lowest: null, told: false };
  if (rssBytes === undefined || atMs < before.hourMs) return before;
  const passed = Math.floor((atMs - before.hourMs) / HOUR_MS);
  if (passed === 0) return { ...before, lowest: Math.min(before.lowest ?? rssBytes, rssBytes) };
  // An hour in which nothing was seen: what comes is not in a row with what was.
  const hours = passed > 1 || before.lowest === null ? [] : [...before.hours, before.lowest].slice(-HOURS_KEPT);
  return { ...before, hours, hourMs: before.hourMs + passed * HOUR_MS, lowest: rssBytes };
}

function followAnswers(before: AnswerTrend | undefined, { atMs, answerMs }: Assessment, policy: Pick<Policy, "baselineMs">): AnswerTrend {
  const isGap = before === undefined || atMs - before.lastMs > SLOW_FOR_MS + policy.baselineMs;
  const recent = isGap ? { tookMs: [], lastMs: atMs, slowSinceMs: null } : before;
  if (answerMs === undefined) return recent;
  const tookMs = [...recent.tookMs, answerMs].slice(-ANSWERS_KEPT);
  const isSlow = tookMs.length === ANSWERS_KEPT && median(tookMs) >= SLOW_MS;
  return { tookMs, lastMs: atMs, slowSinceMs: isSlow ? (recent.slowSinceMs ?? atMs) : null };
}

/**
 * Does memory grow steadily? Of the hourly lows, oldest first, the last `n` hours (6 to 23, the longest that fit) are looked at: it grew by half and by
 * 400 MB in all, to more than an idle gateway has, and in every third of the time by at least half of that third's share. Hourly lows leave
 * out what the collector gives back within the hour. The thirds let a leak be uneven (reports: 30 to 220 MB an hour, in steps with the work), and a stair
 * that has levelled off, or a cache that has filled, is none: its last third shows it. Pure.
 */
export function growthOf(hours: readonly number[]): Classification | undefined {
  for (let length = hours.length - 1; length >= GROWING_HOURS; length--) {
    const window = hours.slice(-1 - length);
    const [first = 0] = window;
    const last = window.at(-1) ?? 0;
    const isMuch = last >= IDLE_BYTES && last - first >= GROWN_BYTES && last >= first * GROWN_RATIO;
    if (!isMuch || !isSteady(window)) continue;
    const perHour = `${megabytes((last - first) / length)} an hour`;
    const evidence = [`lowest resident memory of an hour: ${megabytes(first)}, and ${length} hours later ${megabytes(last)} (${perHour})`];
    return { cause: "memory-growing", confidence: "likely", evidence };
  }
  return undefined;
}

function isSteady(window: readonly number[]): boolean {
  const length = window.length - 1;
  const third = Math.floor(length / 3);
  const share = (((window[length] ?? 0) - (window[0] ?? 0)) * third) / length;
  return window.slice(third).every((value, index) => value - (window[index] ?? value) >= share * STEADY_RATIO);
}

/** Slow for so long that no single stall explains it, or undefined. Pure. */
export function slownessOf({ tookMs, slowSinceMs }: AnswerTrend, atMs: number): Classification | undefined {
  if (slowSinceMs === null || atMs - slowSinceMs < SLOW_FOR_MS) return undefined;
  const minutes = Math.floor((atMs - slowSinceMs) / 60_000);
  const evidence = [`/healthz took ${Math.round(median(tookMs))} ms (median of the last ${tookMs.length} looks), so for ${minutes} min`];
  return { cause: "answers-slow", confidence: "certain", evidence };
}

/** Of a list that is not empty. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
