import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { auditUnits } from "../src/service-installers/systemd/audit-files.ts";
import { RescueError } from "../src/shared/errors.ts";
import { readConfigFiles } from "../src/shared/gateway-config.ts";
import { runHost } from "../src/shared/openclaw-cli.ts";
import { writePlainFile } from "../src/shared/secure-file.ts";
import { CHECKS } from "./audit/checks.ts";
import type { Facts } from "./audit/facts.ts";
import type { Finding } from "./audit/finding.ts";
import { evidenceLog } from "./audit/fixes/evidence.ts";
import type { RemedyPorts } from "./audit/fixes/ports.ts";
import { remedyFor } from "./audit/fixes/remedy.ts";
import { applyFixes, type FixOutcome } from "./audit/fixing.ts";
import type { AuditReport } from "./audit/report.ts";
import { runChecks } from "./audit/run.ts";
import { type AuditOptions, auditWith, baselineOf } from "./audit-main.ts";
import { restoreFiles, saveFiles } from "./copies/entry.ts";
import { fingerprintOf } from "./copies/fingerprint.ts";
import { forgetCopy, keepCopy, listCopies } from "./copies/ring.ts";
import { findGatewayHost } from "./gateway-host.ts";
import { wallMs } from "./observe/clock.ts";
import { maskSecrets } from "./observe/mask.ts";
import { seen, unseen } from "./observe/reading.ts";
import { isAlive, openWatchdog } from "./open-watchdog.ts";

export interface FixOptions extends AuditOptions {
  readonly dryRun: boolean;
  /** Aborted: what is under way is ended, and nothing further begun. */
  readonly signal: AbortSignal;
}

export interface Fixed {
  readonly outcomes: readonly FixOutcome[];
  /** The evidence log; null: a dry run writes none. */
  readonly log: string | null;
  /** What is left, by an audit after the fixes; of a dry run, what there is. */
  readonly report: AuditReport;
}

/** Longer than all fixes of one run may take. */
const LEASE_MS = 1_800_000;

/**
 * An audit, then its safe fixes one after the other, each taken back unless it helped; then an audit again. Under the lease of the repairs: no repair runs at the same
 * time. Throws as {@link auditWith}, and `busy` while a repair or another `--fix` is under way.
 */
export async function auditAndFix(options: FixOptions): Promise<Fixed> {
  if (options.dryRun) return fix(options);
  const { profile, home, env } = options;
  const dog = await openWatchdog({ profile, home, env, what: "audit", whatever: true });
  try {
    const taken = dog.journal.acquire("repair", "audit --fix", LEASE_MS, isAlive);
    if (!taken.held) {
      throw new RescueError("busy", `${taken.by.what} is under way (pid ${taken.by.pid})`, { fix: "try again when it has ended" });
    }
    try {
      return await fix(options);
    } finally {
      dog.journal.release(taken.lease);
    }
  } finally {
    dog.journal.close();
  }
}

async function fix(options: FixOptions): Promise<Fixed> {
  const { profile, home, env, dryRun, signal } = options;
  const baseline = baselineOf(options);
  const { report, all, dir, stateDir, hashes, facts, factsNow, shown } = await auditWith(options, baseline);
  const log = dryRun ? undefined : evidenceLog(dir, profile, Date.parse(report.at));
  const units = process.platform === "linux" ? await auditUnits({ home, env }, profile) : undefined;
  const { cli } = await findGatewayHost({ profile, home, env });
  const logs = await facts.logs();
  const plugins = await facts.plugins();
  let number = 0;
  const portsFor = (): RemedyPorts => ({
    profile,
    folder: join(dir, "audits", `${report.at.replaceAll(/[:.]/g, "-")}-${++number}`),
    config: { path: facts.configPath, files: () => configFiles(facts.configPath), readSha256: hashes },
    save: (folder, paths) => saveFiles(folder, paths, wallMs()),
    restore: restoreFiles,
    keep: async (folder, name, value) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writePlainFile(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
    },
    host: async (args, { timeoutMs }) => {
      if (cli === undefined) throw new RescueError("not-running", "the openclaw command is not on PATH, and no service names it");
      return runHost({ ...cli, home: join(stateDir, "..") }, profile, args, { timeoutMs });
    },
    units,
    keepCopy: async () => keepNow(dir, factsNow()),
    maskSecrets,
  });
  const outcomes = await applyFixes(
    report,
    {
      places: {
        write: real([join(home, ".config")]),
        narrow: real([
          stateDir,
          ...(plugins.ok ? plugins.value.known.filter(({ bundled }) => !bundled).map(({ rootDir }) => join(rootDir, "..")) : []),
        ]),
        rotate: real(logs.ok ? logs.value.files.filter(({ hosts }) => !hosts).map(({ path }) => path) : []),
      },
      remedy: (wanted) => remedyFor(wanted, portsFor()),
      recheck: async (id) => recheck(id, factsNow(), shown),
      configTrouble: async () => configTrouble(factsNow()),
      note: async (text) => log?.note(text),
      nowMs: wallMs,
      stop: signal,
    },
    { dryRun, others: all },
  );
  return { outcomes, log: log?.path ?? null, report: dryRun ? report : (await auditWith(options, baseline)).report };
}

async function recheck(
  id: string,
  facts: Facts,
  shown: (finding: Finding) => Finding,
): ReturnType<Parameters<typeof applyFixes>[1]["recheck"]> {
  const { findings, couldNotLook } = await runChecks(
    CHECKS.filter((check) => check.id === id),
    facts,
  );
  const [blind] = couldNotLook;
  return blind === undefined ? seen<readonly Finding[]>(findings.map(shown)) : unseen(blind.why);
}

async function configTrouble(facts: Facts): Promise<string | undefined> {
  const validation = await facts.validation();
  if (!validation.ok) return `the host could not be asked whether the configuration is valid: ${validation.why}`;
  const [problem] = validation.value.problems;
  return validation.value.valid
    ? undefined
    : `the host does not find the configuration valid: ${problem?.path ?? ""} ${problem?.message ?? ""}`;
}

/** Into the ring, if just what is copied is what the host finds valid now; `forget` takes away just what came. */
async function keepNow(dir: string, facts: Facts): Promise<{ readonly said: string; readonly forget: () => Promise<void> }> {
  const { configPath } = facts;
  const { fingerprint } = fingerprintOf(configPath);
  const trouble = await configTrouble(facts);
  if (trouble !== undefined) throw new RescueError("refused", `no copy was kept: ${trouble}`);
  const before = new Set(listCopies(dir).copies.map(({ directory }) => directory));
  const why = keepCopy(dir, configPath, "validated", wallMs());
  if (why !== undefined) throw new RescueError("refused", `no copy was kept: ${why}`);
  const added = listCopies(dir).copies.filter(({ directory }) => !before.has(directory));
  if (added.some((copy) => copy.fingerprint !== fingerprint)) {
    for (const { directory } of added) forgetCopy(directory);
    throw new RescueError("refused", "no copy was kept: the configuration was changed meanwhile");
  }
  return {
    said: added.map(({ directory }) => directory).join(", "),
    forget: async () => {
      for (const { directory } of added) forgetCopy(directory);
    },
  };
}

const missing = (file: string) => new RescueError("config-invalid", `${file} does not exist`);

function configFiles(configPath: string): readonly string[] {
  return [...readConfigFiles(configPath, missing).keys()];
}

/** The guard goes by real paths; what is not there yet is made below one that is. */
function real(places: readonly string[]): readonly string[] {
  return places.map((place) => (existsSync(place) ? realpathSync(place) : place));
}
