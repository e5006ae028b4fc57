import { OURS } from "./contenders.ts";
import { MATRIX_FAULTS } from "./faults.ts";
import { type Cell, median } from "./summary.ts";

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
/** On top of the cold start that the repair began, as long as it took the host this time, and of a doctor. */
const OVER_TIER_1_MS = 3_000;
const OVER_TIER_2_MS = 5_000;
const TOLD_MS = 60_000;

/** Those of which something was run. Pure. */
export function targets(cells: readonly Cell[]): readonly Target[] {
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
    // The host alone brought it back.
    if (cell.mended === null && cell.served !== null) continue;
    within(
      `${fault.name}: repaired, besides the host's own boot`,
      workOf(cell),
      fault.tier === 2 ? doctorMs + OVER_TIER_2_MS : OVER_TIER_1_MS,
    );
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

/** What a repair took besides the boot: its own part, and a doctor's. */
function workOf({ own, doctor }: Cell): number | undefined {
  return own === null ? undefined : own.median + (doctor?.median ?? 0);
}

/** A Markdown table. */
export function targetTable(list: readonly Target[]): string {
  const rows = list.map(({ what, limit, measured, met }) => `| ${what} | ${limit} | ${measured} | ${met ? "yes" : "**no**"} |`);
  return ["| target | limit | measured | met |", "|---|---|---|---|", ...rows].join("\n");
}

const seconds = (value: number | undefined) => (value === undefined ? "–" : `${(value / 1000).toFixed(1)} s`);
