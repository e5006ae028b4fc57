import type { LogFacts, LogFile } from "../facts.ts";
import type { Check, Cure, Evidence, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { formatBytes } from "../judging/sizes.ts";

/** So many times what one file may have is too much for all of them. */
const TOTAL_TIMES = 10;
const MOST_BYTES_PER_DAY = 500e6;
const KEEP = 5;
const SHOWN = 5;

/** What somebody's rotation has put aside; it grows no more. */
const ARCHIVE = /\.(?:\d+|gz)$/;

export const logGrowth: Check = {
  id: "log-growth",
  group: "logs",
  question: "Are the logs bounded?",
  look: async (facts) => judged(await facts.logs(), judge),
};

function judge(logs: LogFacts): readonly Problem[] {
  const { files, maxBytes, totalBytes, bytesPerDay, directories } = logs;
  const large = files.filter(({ bytes }) => bytes > maxBytes).sort((left, right) => right.bytes - left.bytes);
  const unbounded = large.filter(({ hosts, path }) => !hosts && !logs.rotated.includes(path) && !ARCHIVE.test(path));
  const inAll = totalBytes > TOTAL_TIMES * maxBytes;
  const fast = bytesPerDay !== null && bytesPerDay > MOST_BYTES_PER_DAY;
  // Only when something is too much: by themselves the host's own files are bounded, however large a person lets them be.
  const shown = unbounded.length > 0 ? unbounded : inAll || fast ? large : [];
  const where = directories.join(", ");
  const [first, ...rest]: readonly Evidence[] = [
    ...shown
      .slice(0, SHOWN)
      .map(({ path, bytes }) => ({ fact: `it has ${formatBytes(bytes)}; one file may have ${formatBytes(maxBytes)}`, from: path })),
    ...(inAll ? [{ fact: `all logs together have ${formatBytes(totalBytes)}`, from: where }] : []),
    ...(fast ? [{ fact: `they grow by ${formatBytes(bytesPerDay)} a day`, from: where }] : []),
  ];
  if (first === undefined) return [];
  return [
    {
      subject: "",
      severity: "warning",
      title: unbounded.length > 0 ? "Log files grow without a bound" : "The logs take much room",
      evidence: [first, ...rest],
      cure: cureOf(unbounded, large),
      ...(unbounded.length > 0 ? { fix: { kind: "rotate-logs", files: unbounded.map(({ path }) => path), maxBytes, keep: KEEP } } : {}),
    },
  ];
}

function cureOf(unbounded: readonly LogFile[], large: readonly LogFile[]): Cure {
  if (unbounded.length > 0) {
    return { text: `Let them be rotated: each at most that large, and ${KEEP} old ones of it kept.`, commands: [] };
  }
  const hosts = large.some((file) => file.hosts);
  return {
    text: hosts
      ? "The large files are the host's own, which it rotates itself: lower logging.maxFileBytes or logging.level, and see what it writes so much about."
      : "See what writes so much, and remove what nobody needs any more.",
    commands: [],
  };
}
