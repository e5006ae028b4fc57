const STEPS = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
] as const;

/** For people: `812 bytes`, `4.2 GB`. Powers of ten, as the shop counts them. */
export function formatBytes(bytes: number): string {
  const step = STEPS.find(([size]) => bytes >= size);
  return step === undefined ? `${Math.round(bytes)} bytes` : `${(bytes / step[0]).toFixed(1)} ${step[1]}`;
}

/** For people: 0.0312 is `3.1 %`. */
export function formatRatio(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
