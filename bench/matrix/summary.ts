import { CONTENDERS, OURS } from "./contenders.ts";
import { MATRIX_FAULTS, type MatrixFault } from "./faults.ts";
import type { Run } from "./judge.ts";

/** Of several runs; ms. */
export interface Spread {
  readonly median: number;
  readonly worst: number;
  readonly n: number;
}

export interface Cell {
  readonly fault: string;
  readonly contender: string;
  readonly runs: number;
  /** Runs that ended as they should: serving again; told with the right cause; nothing done. */
  readonly right: number;
  readonly acted: Spread | null;
  readonly served: Spread | null;
  /** From the start of the repair that helped until it served. */
  readonly mended: Spread | null;
  /** Of that, what neither the host's boot nor its doctor took. */
  readonly own: Spread | null;
  readonly doctor: Spread | null;
  readonly downtime: Spread | null;
  readonly told: Spread | null;
  readonly starts: number;
  readonly doctors: number;
  readonly harm: readonly string[];
}

export function spread(values: readonly number[]): Spread | null {
  const middle = median(values);
  return middle === undefined ? null : { median: middle, worst: Math.max(...values), n: values.length };
}

/** Of an even number the lower one of the two in the middle. */
export function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

/** Did this run end as the fault's truth asks? Telling is our own contender's alone: nobody else has a word for it. */
export function isRight(run: Run, fault: MatrixFault): boolean {
  if (run.harm.length > 0) return false;
  switch (fault.answer) {
    case "recovers":
      return run.servedMs !== null;
    case "told":
      return run.told.some(({ cause }) => cause === fault.cause) && run.starts <= 1;
    case "nothing":
      return true;
  }
}

function mendedMs({ servedMs, repairMs }: Run): number | undefined {
  return servedMs === null || repairMs === null ? undefined : servedMs - repairMs;
}

function ownMs(run: Run): number | undefined {
  const mended = mendedMs(run);
  return mended === undefined || run.bootMs === null ? undefined : mended - run.bootMs - run.doctorMs;
}

/** One cell for each fault and contender that was run, in the order of the faults. */
export function summarize(runs: readonly Run[]): readonly Cell[] {
  const known = CONTENDERS.map(({ name }) => name);
  const contenders = [...new Set([...known, ...runs.map(({ contender }) => contender)])];
  return MATRIX_FAULTS.flatMap((fault) =>
    contenders.flatMap((contender): Cell[] => {
      const own = runs.filter((run) => run.fault === fault.name && run.contender === contender);
      if (own.length === 0) return [];
      const first = (run: Run) => run.told.find(({ cause }) => cause === fault.cause)?.atMs;
      const sum = (of: (run: Run) => number) => own.reduce((total, run) => total + of(run), 0);
      return [
        {
          fault: fault.name,
          contender,
          runs: own.length,
          right: own.filter((run) => isRight(run, fault)).length,
          acted: spread(own.flatMap(({ actedMs }) => actedMs ?? [])),
          served: spread(own.flatMap(({ servedMs }) => servedMs ?? [])),
          mended: spread(own.flatMap((run) => mendedMs(run) ?? [])),
          own: spread(own.flatMap((run) => ownMs(run) ?? [])),
          doctor: spread(own.flatMap(({ doctorMs }) => (doctorMs === 0 ? [] : doctorMs))),
          downtime: spread(own.flatMap(({ downtimeMs }) => (downtimeMs === 0 ? [] : downtimeMs))),
          told: spread(own.flatMap((run) => first(run) ?? [])),
          starts: sum(({ starts }) => starts),
          doctors: sum(({ doctors }) => doctors),
          harm: [...new Set(own.flatMap(({ harm }) => harm))],
        },
      ];
    }),
  );
}

const seconds = (value: Spread | null) =>
  value === null ? "–" : `${(value.median / 1000).toFixed(1)} (${(value.worst / 1000).toFixed(1)})`;

/** A Markdown table: a row for each fault, a column for each contender. Seconds from the injection until it serves again: median (worst). */
export function table(cells: readonly Cell[], floor: Spread | null): string {
  const contenders = [...new Set(cells.map(({ contender }) => contender))];
  const text = (fault: MatrixFault, contender: string): string => {
    const cell = cells.find((each) => each.fault === fault.name && each.contender === contender);
    if (cell === undefined) return "";
    const harm = cell.harm.length === 0 ? "" : ` **${cell.harm.join("; ")}**`;
    switch (fault.answer) {
      case "recovers":
        return `${cell.served === null ? "never" : seconds(cell.served)}${cell.right === cell.runs ? "" : ` · ${cell.right} of ${cell.runs}`}${harm}`;
      case "told":
        return contender === OURS
          ? `told ${seconds(cell.told)}${cell.right === cell.runs ? "" : ` · ${cell.right} of ${cell.runs}`}${harm}`
          : `silent, ${cell.starts} starts${harm}`;
      case "nothing":
        return harm === "" ? "nothing" : harm.trim();
    }
  };
  const rows = MATRIX_FAULTS.filter(({ name }) => cells.some(({ fault }) => fault === name)).map(
    (fault) => `| ${fault.name}: ${fault.title} | ${contenders.map((contender) => text(fault, contender)).join(" | ")} |`,
  );
  return [
    `| fault | ${contenders.join(" | ")} |`,
    `|---|${contenders.map(() => "---").join("|")}|`,
    ...rows,
    "",
    `The host's own cold start in the same runs: ${seconds(floor)} s, n = ${floor?.n ?? 0}.`,
  ].join("\n");
}
