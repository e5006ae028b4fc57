type Version = readonly [number, number, number];

/** Year, month and number of the host's, or Node's three; a beta and its release read each other's files. Undefined for what is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text.trim());
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Below 0: the left one is older. Undefined: one of them is no version. */
export function compareVersions(left: string, right: string): number | undefined {
  const [a, b] = [parseVersion(left), parseVersion(right)];
  if (a === undefined || b === undefined) return undefined;
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** `>=24.16.0 <25 || >=26.1.0`. Undefined for any other syntax: then nobody knows. */
export function inRange(version: string, range: string): boolean | undefined {
  const verdicts = range.split("||").map((part) => inAll(version, part.trim().split(/\s+/)));
  if (verdicts.includes(undefined)) return undefined;
  return verdicts.includes(true);
}

function inAll(version: string, bounds: readonly string[]): boolean | undefined {
  const verdicts = bounds.map((bound) => {
    const match = /^(>=|<=|>|<)(\d+(?:\.\d+){0,2})$/.exec(bound);
    // A bound may be a bare major number, which is its first version.
    const order = match === null ? undefined : compareVersions(version, /\./.test(match[2] ?? "") ? (match[2] ?? "") : `${match[2]}.0`);
    return order === undefined ? undefined : keeps(match?.[1] ?? "", order);
  });
  if (verdicts.includes(undefined)) return undefined;
  return !verdicts.includes(false);
}

function keeps(operator: string, order: number): boolean {
  switch (operator) {
    case ">=":
      return order >= 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    default:
      return order < 0;
  }
}
