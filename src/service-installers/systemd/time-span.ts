const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  month: 2_629_800_000,
  y: 31_557_600_000,
};

/** A span as `systemctl show` prints it (`5min 30s`, `100ms`, `1.5s`, `0`, `infinity`) in milliseconds; undefined for anything else. */
export function parseTimeSpanMs(text: string): number | undefined {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  if (text === "0") return 0;
  let sum = 0;
  for (const word of text.split(" ")) {
    const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(word) ?? [];
    const unitMs = UNIT_MS[unit];
    if (unitMs === undefined) return undefined;
    sum += Number(amount) * unitMs;
  }
  return sum;
}
