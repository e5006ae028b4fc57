import type { PolicySettings } from "./config.ts";
import { forProfile } from "./core/causes.ts";
import type { Action } from "./core/event.ts";
import type { Observation, ServiceReading } from "./core/model.ts";
import { deepLook } from "./deep-look.ts";
import { isJournalTrouble, type Lease, LeaseLost } from "./journal/journal.ts";
import type { LoopPorts } from "./loop.ts";
import { newsLines } from "./news.ts";
import { clockGaps, monotonicMs } from "./observe/clock.ts";
import { look } from "./observe/look.ts";
import { refreshTarget } from "./observe/target.ts";
import { isAlive, sleep, type Watchdog } from "./open-watchdog.ts";
import { startApart } from "./own-process.ts";
import { rightsOf } from "./proposing.ts";
import { rememberTarget } from "./remembered-target.ts";
import { describeStep, planFor } from "./repair/plan.ts";
import type { WakeBell } from "./wake.ts";

/** Longer than a watcher sleeps and looks between two renewals, short enough that a frozen watcher is replaced soon. */
export function leaseMs({ watch: { baselineSeconds, identitySeconds, recheckSeconds, slowRecheckSeconds } }: PolicySettings): number {
  return 3_000 * Math.max(10, baselineSeconds, identitySeconds, recheckSeconds, 5 * slowRecheckSeconds);
}

const BEAT_MS = 3_000;
/** A runner that was just spawned has not claimed its repair yet. */
const RUNNER_START_MS = 10_000;
/** A repair whose runner was killed is taken up again this often before it counts as lost. */
const MAX_RUNS = 3;

/** One fresh full look, without deciding anything; for `status`. */
export async function lookOnce(dog: Pick<Watchdog, "target" | "service" | "settings"> & Holding): Promise<Observation> {
  return look({
    target: dog.target,
    depth: "full",
    lateMs: 0,
    clockGapMs: 0,
    probeTimeoutMs: dog.settings.watch.probeTimeoutSeconds * 1000,
    resources: true,
    serviceStatus: () => serviceStatus(dog),
  });
}

interface Holding {
  readonly journal: Pick<Watchdog["journal"], "isHolding">;
}

/** What a repair has stopped, nobody has stopped on purpose. */
async function serviceStatus({ service, journal }: Pick<Watchdog, "service"> & Holding): Promise<ServiceReading> {
  const reading = await service.status();
  const isOurs = reading.stoppedOnPurpose === true && journal.isHolding();
  return isOurs ? { ...reading, state: "failed", stoppedOnPurpose: false } : reading;
}

/** The real world for one watcher that holds the lease. */
export function loopPorts(dog: Watchdog, lease: Lease, bell?: WakeBell): LoopPorts {
  let target = dog.target;
  let lastWarning = "";
  const gapMs = clockGaps();
  const spawnedAt = new Map<number, number>();
  const deep = deepLook(dog);
  /** A deep look waits for the host's validation, for longer than the lease lasts and than a sentinel waits. */
  const stillHere = async <T>(work: () => Promise<T>): Promise<T> => {
    const beat = setInterval(() => {
      dog.options.onBeat?.();
      try {
        dog.journal.renew(lease, leaseMs(dog.settings));
      } catch (error) {
        // Said again, and acted on, when the decision is to be written.
        if (!(error instanceof LeaseLost) && !isJournalTrouble(error)) throw error;
      }
    }, BEAT_MS);
    try {
      return await work();
    } finally {
      clearInterval(beat);
    }
  };
  const addressed = (action: Action): Action =>
    action.kind === "tell" ? { ...action, text: forProfile(action.text, dog.options.profile) } : action;
  return {
    monotonicMs,
    sleep: bell === undefined ? async (ms, signal) => sleep(ms, signal).then(() => false) : (ms, signal) => bell.sleep(ms, signal),
    look: async (depth, lateMs) => {
      dog.options.onBeat?.();
      const clockGapMs = gapMs();
      if (depth !== "identity") {
        const refreshed = await refreshTarget(target);
        target = refreshed.target;
        if (refreshed.warning === undefined) rememberTarget(dog.dir, target);
        if (refreshed.warning !== undefined && refreshed.warning !== lastWarning) {
          dog.log({ event: "config-warning", level: "warn", details: refreshed.warning });
        }
        lastWarning = refreshed.warning ?? "";
      }
      const seen = await look({
        target,
        depth: depth === "identity" ? "identity" : "full",
        lateMs,
        clockGapMs,
        probeTimeoutMs: dog.settings.watch.probeTimeoutSeconds * 1000,
        resources: true,
        serviceStatus: () => serviceStatus(dog),
      });
      const hold = seen.probes === undefined ? undefined : dog.options.hold?.();
      const held = hold === undefined ? seen : { ...seen, hold };
      return depth === "deep" ? { ...held, findings: await stillHere(() => deep.findings(target, seen)) } : held;
    },
    remember: (findings, acceptLoss) => deep.remember(findings, acceptLoss),
    planned: ({ cause, tier, identity, subject }) => {
      const steps = planFor(cause, identity, subject).map(describeStep);
      return `would repair ${cause} (tier ${tier}${subject === null ? "" : `, about ${subject}`}): ${steps.join("; then ")}`;
    },
    commit: (state, actions, answer) => dog.journal.commit(dog.options.profile, lease, state, actions.map(addressed), answer),
    renewLease: () => dog.journal.renew(lease, leaseMs(dog.settings)),
    startRepair: (id, how) => {
      spawnedAt.set(id, monotonicMs());
      // In a process of its own: it must outlive whoever decided on it.
      startApart("runner-main", [dog.options.profile, String(id), how], dog.options, (why) =>
        dog.log({ event: "runner-not-started", level: "error", success: false, details: why }),
      );
    },
    repairOutcome: (incident) => {
      const repair = dog.journal.latestRepair(incident);
      if (repair === undefined) return { state: "lost", id: 0, note: "the journal does not know it", halfDone: false };
      const { id, outcome, runner, runs, tier } = repair;
      const is = (state: ReturnType<LoopPorts["repairOutcome"]>["state"], note = "") => ({
        state,
        id,
        note,
        halfDone: tier === 2 && (dog.journal.isInStep(id) || dog.journal.isHolding()),
      });
      if (outcome !== null) return is(outcome, repair.note ?? "");
      if (runner !== null && isAlive(runner.pid, runner.startTime)) return is("running");
      if (monotonicMs() - (spawnedAt.get(id) ?? Number.NEGATIVE_INFINITY) < RUNNER_START_MS) return is("running");
      if (runs < MAX_RUNS) return is("orphaned");
      const why = `its runner was ended ${runs} times`;
      dog.journal.endRepair(id, "lost", why);
      return is("lost", why);
    },
    requests: () => dog.journal.openRequests(),
    answer: (id, text) => dog.journal.answerRequest(id, text),
    told: (news) => {
      const { decision } = news;
      const hopeless = decision.actions.find((action) => action.kind === "tell" && action.severity === "critical");
      // The person was told already, and does not wait for what is found out now.
      if (hopeless?.kind === "tell" && hopeless.incident !== null) {
        startApart("human-main", [dog.options.profile, String(hopeless.incident), JSON.stringify(rightsOf(dog))], dog.options, (why) =>
          dog.log({ event: "report", level: "error", success: false, details: why }),
        );
      }
      for (const line of newsLines({ ...news, decision: { ...decision, actions: decision.actions.map(addressed) } })) dog.log(line);
    },
  };
}
