import type { Many } from "./many.ts";

export interface Measured {
  readonly cpuSecondsPerHour: number;
  readonly rssMb: number;
  readonly wakeupsPerSecond: number;
}

/** What `npm run bench:cost` has measured; times in ms where nothing else is said. */
export interface Cost {
  /** How long each watcher was measured. */
  readonly seconds: number;
  readonly core: { readonly decisionsPerSecond: number; readonly classificationsPerSecond: number };
  readonly journal: { readonly median: number; readonly worst: number };
  readonly looks: Readonly<Record<"identity" | "full", { readonly ms: number; readonly cpuMs: number }>>;
  readonly tick: { readonly ms: number; readonly cpuMs: number; readonly peakMb: number };
  readonly watch: Measured;
  readonly watchedGateway: Measured;
  readonly rescueGatewayWithLoop: Measured;
  readonly sameGatewayWithoutLoop: Measured;
  readonly many: readonly Many[];
}

export const round = (value: number) => Math.round(value * 10) / 10;
const micro = (perSecond: number) => Math.round(1e8 / perSecond) / 100;

/** Markdown. */
export function costTables(cost: Cost): string {
  const { core, journal, looks, tick, watch, watchedGateway, rescueGatewayWithLoop: loop, sameGatewayWithoutLoop: plain, many } = cost;
  const inLoop = round(loop.cpuSecondsPerHour - plain.cpuSecondsPerHour);
  const rows = [
    `| \`rescue-watchdog watch\` | ${watch.cpuSecondsPerHour} s | ${watch.rssMb} MB | ${watch.wakeupsPerSecond} |`,
    `| the loop in the rescue gateway | ${inLoop} s | ${round(loop.rssMb - plain.rssMb)} MB | ${round(loop.wakeupsPerSecond - plain.wakeupsPerSecond)} |`,
    `| \`tick\` each minute | ${round((tick.cpuMs * 60) / 1000)} s | ${tick.peakMb} MB for ${tick.ms} ms | – |`,
    `| for comparison: the gateway that is watched, idle | ${watchedGateway.cpuSecondsPerHour} s | ${watchedGateway.rssMb} MB | ${watchedGateway.wakeupsPerSecond} |`,
  ];
  const parts = [
    `| a look at the process | ${looks.identity.ms} ms, ${looks.identity.cpuMs} ms of CPU |`,
    `| a full look | ${looks.full.ms} ms, ${looks.full.cpuMs} ms of CPU |`,
    `| a classification | ${micro(core.classificationsPerSecond)} µs |`,
    `| a decision | ${micro(core.decisionsPerSecond)} µs: ${core.decisionsPerSecond} a second |`,
    `| a commit of the journal | ${journal.median} ms (worst ${journal.worst}) |`,
  ];
  const growth = many.map(
    ({ profiles, cpuPercent, rssMb, fullLookMs, lateMs, wrong }) =>
      `| ${profiles} | ${cpuPercent} % | ${rssMb} MB | ${fullLookMs.median} (${fullLookMs.p99}) ms | ${lateMs.median} (${lateMs.p99}) ms | ${wrong} |`,
  );
  return [
    "| watcher | CPU per hour | memory | wakeups per second |",
    "|---|---|---|---|",
    ...rows,
    "",
    "| part | cost |",
    "|---|---|",
    ...parts,
    "",
    "| profiles in one loop | CPU of one core | memory | full look: median (p99) | late: median (p99) | wrong |",
    "|---|---|---|---|---|---|",
    ...growth,
  ].join("\n");
}
