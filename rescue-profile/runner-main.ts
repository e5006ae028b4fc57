/**
 * The repair runner: `node runner-main.js PROFILE REPAIR_ID`. Started detached by the loop; takes the repair lease, continues the repair
 * where the journal says it is, and ends. Everything it has to say is in the journal and the log.
 */
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { messageOf } from "../src/shared/errors.ts";
import type { RepairOutcome } from "./core/state.ts";
import type { RepairRow } from "./journal/journal.ts";
import { monotonicMs } from "./observe/clock.ts";
import { probeHttp } from "./observe/http.ts";
import { observeListener } from "./observe/listener.ts";
import { readIdentity, readLock } from "./observe/process.ts";
import { isAlive, openWatchdog, sleep, type Watchdog } from "./open-watchdog.ts";
import { type RunnerPorts, runRepair } from "./repair/runner.ts";

/** Longer than any plan may take; a dead runner's lease is taken over at once anyway. */
const REPAIR_LEASE_MS = 900_000;
const SERVES_MS = 1_000;

const [profile = "", repairId = ""] = process.argv.slice(2);
const dog = await openWatchdog({ profile, home: homedir(), env: process.env, what: "runner", whatever: true });
const taken = dog.journal.acquire("repair", `repair ${repairId}`, REPAIR_LEASE_MS, isAlive);
if (taken.held) {
  const repair = dog.journal.repair(Number(repairId));
  if (repair !== undefined && repair.outcome === null) {
    dog.journal.claimRepair(repair.id);
    const startedMs = monotonicMs();
    const outcome = await run(repair);
    dog.log({
      event: "repair-ended",
      level: outcome === "done" ? "info" : "error",
      incident: repair.incident,
      cause: repair.cause,
      tier: repair.tier,
      durationMs: monotonicMs() - startedMs,
      success: outcome === "done",
      details: { outcome, attempt: repair.attempt },
    });
  }
  dog.journal.release(taken.lease);
} else {
  dog.log({ event: "runner-left", details: `repair lease is held by pid ${taken.by.pid} (${taken.by.what})` });
}
dog.journal.close();

/** Whatever fails, the journal hears of it: nobody else listens to this process. */
async function run(repair: RepairRow): Promise<RepairOutcome> {
  try {
    return await runRepair(repair, runnerPorts(dog, repair));
  } catch (error) {
    dog.journal.endRepair(repair.id, "failed", messageOf(error));
    return "failed";
  }
}

function runnerPorts({ journal, service, target, log }: Watchdog, repair: { incident: number; cause: string; tier: number }): RunnerPorts {
  return {
    journal,
    service,
    monotonicMs,
    sleep: (ms, signal) => sleep(ms, signal),
    signal: (pid, signal) => process.kill(pid, signal),
    identityOf: readIdentity,
    serves: async () => {
      const [health, startup] = await Promise.all([probeHttp(target, "/healthz", SERVES_MS), probeHttp(target, "/startupz", SERVES_MS)]);
      return [health, startup].every((probe) => probe.ok && probe.value.state === "answered" && probe.value.status === 200);
    },
    lockHolder: () => {
      const lock = readLock(target.lockPath);
      if (!lock.ok) throw new Error(lock.why);
      return lock.value ?? undefined;
    },
    serviceMainPid: async () => (await service.status()).mainPid,
    listenerPid: async () => {
      const listener = await observeListener(target.port, []);
      if (!listener.ok) throw new Error(listener.why);
      return listener.value.state === "owned" ? listener.value.pid : undefined;
    },
    ownLineage,
    uid: process.getuid?.() ?? -1,
    // As the lock has it: links resolved.
    stateDir: realpathSync(target.stateDir),
    onStep: (name, outcome, durationMs) =>
      log({
        event: "step",
        level: outcome.outcome === "done" ? "info" : "error",
        incident: repair.incident,
        cause: repair.cause,
        tier: repair.tier,
        durationMs,
        success: outcome.outcome === "done",
        details: { step: name, ...outcome },
      }),
  };
}

function ownLineage(): ReadonlySet<number> {
  const lineage = new Set<number>();
  for (let pid: number | undefined = process.pid; pid !== undefined && pid > 0 && !lineage.has(pid); pid = readIdentity(pid)?.parentPid) {
    lineage.add(pid);
  }
  return lineage;
}
