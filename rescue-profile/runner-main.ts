/**
 * The repair runner: `node runner-main.js PROFILE REPAIR_ID [wind-up]`. Started detached by the loop; takes the repair lease, continues the
 * repair where the journal says it is, and ends. Everything it has to say is in the journal and the log.
 */
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { messageOf } from "../src/shared/errors.ts";
import type { RepairOutcome } from "./core/state.ts";
import { type Lease, LeaseLost, type RepairRow } from "./journal/journal.ts";
import { gatewayAgeMs, listenerOn, mendPorts } from "./mend-ports.ts";
import { monotonicMs } from "./observe/clock.ts";
import { coordinatorPath } from "./observe/coordinator.ts";
import { probeHttp } from "./observe/http.ts";
import { writeLockHolders } from "./observe/kernel-locks.ts";
import { readMaintenance } from "./observe/maintenance.ts";
import { readIdentity, readLock } from "./observe/process.ts";
import { isAlive, openWatchdog, sleep, type Watchdog } from "./open-watchdog.ts";
import { type RunnerPorts, runRepair } from "./repair/runner.ts";

/** Longer than any plan may take; a dead runner's lease is taken over at once anyway. */
const REPAIR_LEASE_MS = 900_000;
const SERVES_MS = 1_000;
const LOOK_MS = 5_000;

const [profile = "", repairId = "", how = "whole"] = process.argv.slice(2);
const dog = await openWatchdog({ profile, home: homedir(), env: process.env, what: "runner", whatever: true });
const taken = dog.journal.acquire("repair", `repair ${repairId}`, REPAIR_LEASE_MS, isAlive);
if (taken.held) {
  const repair = dog.journal.repair(Number(repairId));
  if (repair !== undefined && repair.outcome === null) {
    dog.journal.claimRepair(repair.id);
    const startedMs = monotonicMs();
    const outcome = await run(repair, taken.lease);
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
async function run(repair: RepairRow, lease: Lease): Promise<RepairOutcome> {
  try {
    return await runRepair({ ...repair, windUp: how === "wind-up" }, await runnerPorts(dog, repair, lease));
  } catch (error) {
    // Another runner has it now, and what becomes of it is that one's to say.
    if (error instanceof LeaseLost) return "lost";
    dog.journal.endRepair(repair.id, "failed", messageOf(error));
    return "failed";
  }
}

async function runnerPorts(dog: Watchdog, repair: RepairRow, lease: Lease): Promise<RunnerPorts> {
  const { journal, service, target, log } = dog;
  return {
    journal: {
      isOpen: (id) => journal.isOpen(id),
      hasBegun: (id, seq) => journal.hasBegun(id, seq),
      isHolding: () => journal.isHolding(),
      beginStep: (id, seq, name) => journal.beginStep(id, seq, name),
      endStep: (...args) => journal.endStep(...args),
      endRepair: (id, outcome, note) => journal.endRepair(id, outcome, note),
      assertLease: () => journal.assertHeld(lease),
    },
    service,
    mend: await mendPorts(dog, repair.incident),
    maintenance: async () => {
      const reading = await readMaintenance(target, { timeoutMs: LOOK_MS });
      if (!reading.ok) throw new Error(reading.why);
      return reading.value.running;
    },
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
      return lock.value ?? kernelHolder(target);
    },
    serviceMainPid: async () => (await service.status()).mainPid,
    listenerPid: async () => {
      const listener = await listenerOn(target.port);
      return listener.state === "owned" ? listener.pid : undefined;
    },
    gatewayAgeMs: () => gatewayAgeMs(dog),
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

/** Without its lock file the kernel still names the gateway of this state database; as strong, since it forgets it with the process. */
function kernelHolder({ databasePath, stateDir }: Watchdog["target"]): ReturnType<RunnerPorts["lockHolder"]> {
  for (const pid of writeLockHolders([coordinatorPath("gateway-lifecycle", databasePath)])) {
    const identity = readIdentity(pid);
    if (identity?.command === "openclaw-gateway") return { pid, startTime: identity.startTime, stateDir: realpathSync(stateDir) };
  }
  return undefined;
}

function ownLineage(): ReadonlySet<number> {
  const lineage = new Set<number>();
  for (let pid: number | undefined = process.pid; pid !== undefined && pid > 0 && !lineage.has(pid); pid = readIdentity(pid)?.parentPid) {
    lineage.add(pid);
  }
  return lineage;
}
