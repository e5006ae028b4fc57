import type { DiskFacts, Facts } from "../facts.ts";
import type { Check, Evidence, Problem, Severity } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { formatBytes, formatRatio } from "../judging/sizes.ts";

const CRITICAL_RATIO = 0.05;
const WARNING_RATIO = 0.1;
const CRITICAL_BYTES = 500e6;
/** With this much free a tenth of a large disk is no reason to worry. */
const AMPLE_BYTES = 20e9;
const CRITICAL_DAYS = 2;
const WARNING_DAYS = 7;

export const dataDisk: Check = {
  id: "data-disk",
  group: "data",
  question: "Is there room for the gateway's data, now and in a week?",
  look: async (facts) =>
    judged(await facts.disk(), (disk) =>
      [space(disk, facts), inodes(disk, facts), growth(disk, facts)].filter((problem) => problem !== undefined),
    ),
};

function space({ freeBytes, freeRatio }: DiskFacts, facts: Facts): Problem | undefined {
  const full = freeRatio < CRITICAL_RATIO || freeBytes < CRITICAL_BYTES;
  const filling = freeRatio < WARNING_RATIO && freeBytes <= AMPLE_BYTES;
  const fact = `${formatBytes(freeBytes)} are free, ${formatRatio(freeRatio)}`;
  return problem("space", full, filling, "The disk is almost full: the gateway serves on, and does not start again on a full one", {
    fact,
    from: facts.stateDir,
  });
}

function inodes({ freeInodesRatio }: DiskFacts, facts: Facts): Problem | undefined {
  if (freeInodesRatio === null) return undefined;
  const fact = `${formatRatio(freeInodesRatio)} of the inodes are free`;
  const title = "The file system can take hardly any more files, whatever room there is";
  return problem("inodes", freeInodesRatio < CRITICAL_RATIO, freeInodesRatio < WARNING_RATIO, title, { fact, from: facts.stateDir });
}

function growth({ daysLeft }: DiskFacts, facts: Facts): Problem | undefined {
  if (daysLeft === null) return undefined;
  const fact = `at the present growth the room lasts ${daysLeft.toFixed(1)} days`;
  return problem("growth", daysLeft < CRITICAL_DAYS, daysLeft < WARNING_DAYS, "The disk fills up soon", {
    fact,
    from: `${facts.stateDir}, by earlier audits`,
  });
}

function problem(subject: string, critical: boolean, warning: boolean, title: string, evidence: Evidence): Problem | undefined {
  if (!critical && !warning) return undefined;
  const severity: Severity = critical ? "critical" : "warning";
  return { subject, severity, title, evidence: [evidence], cure: CURE };
}

const CURE = {
  text: "See what takes the room (logs and old backups first), and free it or enlarge the disk.",
  commands: ["df -h -i", "du -xh -d 2 ~ | sort -h | tail -n 20"],
};
