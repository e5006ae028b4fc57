/** What was tried about one cause: how often, and how often the gateway served again by it. */
export interface Tried {
  readonly cause: string;
  readonly tier: number;
  readonly tried: number;
  readonly worked: number;
  /** Of the allowlist, by which it can be proposed again. */
  readonly entries: readonly string[];
}

/** 95 %. */
const Z = 1.96;

/** Wilson's interval for a share: between 0 and 1 also for a few cases, where the usual one promises certainty. Pure. */
export function interval({ tried, worked }: Pick<Tried, "tried" | "worked">): { readonly low: number; readonly high: number } {
  if (tried === 0) return { low: 0, high: 1 };
  const share = worked / tried;
  const centre = share + Z ** 2 / (2 * tried);
  const spread = Z * Math.sqrt((share * (1 - share)) / tried + Z ** 2 / (4 * tried ** 2));
  const whole = 1 + Z ** 2 / tried;
  return { low: Math.max(0, (centre - spread) / whole), high: Math.min(1, (centre + spread) / whole) };
}

/** What may be tried first about this cause: the proposal that surely worked most often, if it worked more often than not. Undefined: there is no experience. Pure. */
export function bestOf<T extends Tried>(patterns: readonly T[], cause: string): T | undefined {
  const proven = patterns.filter(
    (each) => each.tier === 3 && each.cause === cause && each.worked * 2 > each.tried && each.entries.length > 0,
  );
  return proven.toSorted((a, b) => interval(b).low - interval(a).low)[0];
}
