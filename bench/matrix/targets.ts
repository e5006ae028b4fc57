import { OURS } from "./contenders.ts";
import { MATRIX_FAULTS } from "./faults.ts";
import { type Cell, median, type Spread } from "./summary.ts";

/** What we have promised of our own contender with its default settings; times in ms, medians. */
export interface Target {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
}

const ACTS: readonly (readonly [string, number])[] = [
  ["killed", 2_000],
  ["frozen", 15_000],
  ["deadlocked", 45_000],
];
/** On top of what the host itself needs for a cold start, and for a doctor. */
const OVER_TIER_1_MS = 3_000;
const OVER_TIER_2_MS = 5_000;
const TOLD_MS = 60_000;

/** Those of which something was run. `floor` is the host's own cold start. Pure. */
export function targets(cells: readonly Cell[], floor: Spread | null): readonly Target[] {
  const ours = cells.filter(({ contender }) => contender === OURS);
  const of = (answer: string) =>
    MATRIX_FAULTS.filter((fault) => fault.answer === answer).flatMap((fault) => {
      const cell = ours.find((each) => each.fault === fault.name);
      return cell === undefined ? [] : [{ fault, cell }];
    });
  const doctorMs = median(ours.flatMap(({ doctor }) => doctor?.median ?? [])) ?? 0;
  const list: Target[] = [];
  const within = (what: string, value: number | undefined, limitMs: number, isRight = true) =>
    list.push({ what, limit: seconds(limitMs), measured: seconds(value), met: isRight && value !== undefined && value <= limitMs });
  for (const { fault, cell } of of("recovers")) {
    const limitMs = ACTS.find(([name]) => name === fault.name)?.[1];
    if (limitMs !== undefined) within(`${fault.name}: acts`, cell.acted?.median, limitMs);
  }
  for (const { fault, cell } of of("recovers")) {
    const overMs = fault.tier === 2 ? doctorMs + OVER_TIER_2_MS : OVER_TIER_1_MS;
    if (floor !== null) within(`${fault.name}: serves after its repair began`, cell.mended?.median, floor.median + overMs);
  }
  for (const { fault, cell } of of("recovers")) {
    const { right, runs } = cell;
    list.push({
      what: `${fault.name}: recovers unharmed`,
      limit: `${runs} of ${runs}`,
      measured: `${right} of ${runs}`,
      met: right === runs,
    });
  }
  for (const { fault, cell } of of("told"))
    within(`${fault.name}: ${fault.cause} is told`, cell.told?.worst, TOLD_MS, cell.right === cell.runs);
  for (const { fault, cell } of of("nothing")) {
    list.push({
      what: `${fault.name}: nothing is done`,
      limit: "no harm",
      measured: cell.harm.join("; ") || "no harm",
      met: cell.harm.length === 0,
    });
  }
  return list;
}

/** A Markdown table. */
export function targetTable(list: readonly Target[]): string {
  const rows = list.map(({ what, limit, measured, met }) => `| ${what} | ${limit} | ${measured} | ${met ? "yes" : "**no**"} |`);
  return ["| target | limit | measured | met |", "|---|---|---|---|", ...rows].join("\n");
}

const seconds = (value: number | undefined) => (value === undefined ? "–" : `${(value / 1000).toFixed(1)} s`);
