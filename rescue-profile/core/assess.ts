import type {
  Assessment,
  Condition,
  HttpReading,
  Observation,
  Probes,
  ProcessReading,
  Reading,
  ResourceReading,
  Verdict,
} from "./model.ts";
import type { Policy } from "./policy.ts";

type Alive = Extract<ProcessReading, { state: "alive" }>;

const VERDICTS = {
  serving: "up",
  degraded: "up",
  starting: "unknown",
  draining: "unknown",
  "planned-restart": "unknown",
  "stopped-cleanly": "unknown",
  maintenance: "unknown",
  alive: "unknown",
  blind: "unknown",
  gone: "down",
  frozen: "down",
  silent: "down",
  deaf: "down",
  latched: "down",
  parked: "down",
  "foreign-port": "down",
} as const satisfies Record<Condition, Verdict>;

/** Below this share of free space the host starts to fail writes, and a restart would be refused with exit 78. */
const DISK_FULL_RATIO = 0.01;
const DESCRIPTORS_FULL_RATIO = 0.98;

/**
 * One look → what it shows. Pure and total; knows nothing of earlier looks (how long a condition has lasted is `decide`'s).
 *
 * First match wins:
 * | process | what else | condition |
 * |---|---|---|
 * | any | look began late, or the clocks moved apart | blind, distrusted |
 * | unreadable | a gateway answers 200 · otherwise | serving · blind |
 * | alive | not asked further | alive |
 * | alive | the port's owner is another process | foreign-port |
 * | alive | answers: draining · starting · 200 · readyz red | draining · starting · serving · degraded |
 * | alive | maintenance cannot be looked for | blind |
 * | alive | traced, or maintenance of the host runs | maintenance |
 * | alive | silent: state T · otherwise | frozen · silent |
 * | alive | answers what no gateway would: its own port · a port not known to be its own | degraded · foreign-port |
 * | alive | nothing listens: named by the service only, or before its first answer · otherwise | starting · deaf |
 * | alive | otherwise | blind |
 * | absent | maintenance of the host runs · cannot be looked for | maintenance · blind |
 * | absent | something listens: not attributable and a gateway answers · otherwise | serving · foreign-port |
 * | absent | service: running/starting · parked · latched | starting · parked · latched |
 * | absent | never ran, or stopped on purpose, or clean_stop and nobody means to start it | stopped-cleanly |
 * | absent | lifecycle: planned_restart | planned-restart |
 * | absent | the service cannot be asked; or it does not mean to start it, and the lifecycle cannot be read | blind |
 * | absent | otherwise | gone |
 */
export function assess(observation: Observation, policy: Pick<Policy, "lateMs" | "clockGapMs">): Assessment {
  const distrust = distrusted(observation, policy);
  if (distrust !== undefined) return { ...result(observation, "blind", [distrust]), distrust };

  const { process, probes } = observation;
  if (!process.ok) {
    const answers = probes !== undefined && answersAsGateway(probes);
    return answers
      ? result(observation, "serving", [`a gateway answers; its process cannot be examined: ${process.why}`])
      : result(observation, "blind", [`the gateway's process cannot be examined: ${process.why}`]);
  }
  if (process.value.state === "alive") return assessAlive(observation, process.value, probes);
  if (probes === undefined) return result(observation, "blind", ["the process is gone; nothing else was looked at"]);
  return assessAbsent(observation, process.value, probes);
}

function distrusted(o: Observation, policy: Pick<Policy, "lateMs" | "clockGapMs">): string | undefined {
  if (o.lateMs > policy.lateMs) return `this look began ${seconds(o.lateMs)} late: the watchdog itself was starved`;
  if (Math.abs(o.clockGapMs) > policy.clockGapMs) return `the clocks moved ${seconds(o.clockGapMs)} apart: suspend, or the time was set`;
  return undefined;
}

function assessAlive(o: Observation, process: Alive, probes: Probes | undefined): Assessment {
  const at = `pid ${process.identity.pid}`;
  const named = (condition: Condition, evidence: readonly string[], extra: Partial<Assessment> = {}): Assessment => ({
    ...result(o, condition, evidence),
    identity: process.identity,
    cpuMs: process.cpuMs,
    rssBytes: process.rssBytes,
    progress: progressOf(process, probes),
    ...saysOf(probes),
    ...extra,
  });
  if (probes === undefined) return named("alive", [`${at} is alive`]);

  const listener = probes.listener.ok ? probes.listener.value : undefined;
  if (listener?.state === "owned" && listener.pid !== process.identity.pid) {
    return named("foreign-port", [`${at} is our gateway, but pid ${listener.pid} owns the port`]);
  }
  const answered = answeredCondition(probes);
  if (answered !== undefined) return named(answered.condition, [...answered.evidence, `${at} is alive`]);

  if (!probes.maintenance.ok) return named("blind", [`whether the host maintains it cannot be known: ${probes.maintenance.why}`]);
  const busyWith = maintenanceOf(probes);
  if (busyWith !== undefined) return named("maintenance", [busyWith]);
  if (process.run === "traced") return named("maintenance", [`${at} is being traced by a debugger`]);

  if (probes.health.ok && probes.health.value.state === "silent") {
    const silence = `connects, but no answer for ${seconds(probes.health.value.afterMs)}`;
    if (process.run === "stopped") return named("frozen", [`${at} is stopped (state T)`, silence]);
    return named("silent", [silence, `${at} is ${process.run}`], killHarm(probes.resources));
  }
  if (probes.health.ok && (probes.health.value.state === "refused" || listener?.state === "none")) {
    // A restart inside the process that failed leaves it alive, without listener and lock, until somebody ends it (measured, 2026.9.6).
    const gaveUp =
      probes.lifecycle.ok && probes.lifecycle.value?.outcome === "startup_failed" && probes.lifecycle.value.pid === process.identity.pid;
    const early = process.namedBy === "service" && !gaveUp;
    return named(early ? "starting" : "deaf", [`${at} is alive and nothing listens on the port`]);
  }
  if (probes.health.ok && probes.health.value.state === "foreign") {
    const answers = `${probes.health.value.status} is not a gateway's answer`;
    if (listener === undefined) return named("blind", [`who answers on the port cannot be known: ${answers}`]);
    if (listener.state !== "owned") return named("foreign-port", [`${at} is our gateway, but what answers is not: ${answers}`]);
    return named("degraded", [`${at} owns the port, but ${answers}`]);
  }
  return named("blind", [probes.health.ok ? "no usable answer" : `health cannot be asked: ${probes.health.why}`]);
}

function assessAbsent(o: Observation, process: Extract<ProcessReading, { state: "absent" }>, probes: Probes): Assessment {
  const absent = process.because === "gone" ? `pid ${process.lastPid ?? "?"} is gone` : "no process holds the state directory";
  const lastExit = probes.service.ok ? probes.service.value.lastExit : undefined;
  const say = (condition: Condition, ...evidence: string[]) => ({
    ...result(o, condition, [...evidence, absent]),
    ...(lastExit === undefined ? {} : { lastExit }),
    ...killHarm(probes.resources),
    ...(probes.lifecycle.ok ? {} : { unsure: true }),
  });

  if (!probes.maintenance.ok) return say("blind", `whether the host maintains it cannot be known: ${probes.maintenance.why}`);
  const busyWith = maintenanceOf(probes);
  if (busyWith !== undefined) return say("maintenance", busyWith);

  if ((!probes.listener.ok || probes.listener.value.state === "unattributed") && answersAsGateway(probes)) {
    return say("serving", "a gateway answers from a process that is not visible here");
  }
  if (probes.listener.ok && probes.listener.value.state === "owned") {
    return say("foreign-port", `pid ${probes.listener.value.pid} owns the port and is not named by the gateway's lock`);
  }
  if (probes.health.ok && probes.health.value.state !== "refused") {
    return say("foreign-port", "something answers on the port that is not our gateway");
  }

  const service = probes.service.ok ? probes.service.value : undefined;
  const lifecycle = probes.lifecycle.ok ? probes.lifecycle.value : undefined;
  if (service !== undefined) {
    const exit = service.lastExit === undefined ? "" : `, last exit ${service.lastExit.signal ?? service.lastExit.code ?? "unknown"}`;
    const masked = service.masked === true ? ", masked by an operator (systemctl --user unmask)" : "";
    const says = `${service.manager} says ${service.state}${exit}${masked}`;
    if (service.state === "running" || service.state === "starting") return say("starting", says);
    if (service.state === "parked") return say("parked", says);
    if (service.state === "latched") return say("latched", says);
    if (service.stoppedOnPurpose === true) return say("stopped-cleanly", says);
    if (lifecycle === null && service.state !== "backing-off" && service.state !== "failed") {
      return say("stopped-cleanly", "it has never run", says);
    }
    // Restart=always brings a cleanly ended gateway back by itself; without such a promise a clean stop was somebody's wish.
    const willReturn = service.state === "backing-off" || service.state === "failed";
    if (lifecycle?.outcome === "clean_stop" && !willReturn) return say("stopped-cleanly", stopReason(lifecycle.reason), says);
    if (lifecycle?.outcome === "planned_restart") return say("planned-restart", "the last boot ended for a planned restart", says);
    if (!probes.lifecycle.ok && !willReturn) return say("blind", `how its last boot ended cannot be known: ${probes.lifecycle.why}`, says);
    return say("gone", says);
  }
  // Without the manager's word it may be on its way up, or have been stopped through the manager.
  if (lifecycle === null) return say("stopped-cleanly", "it has never run");
  if (lifecycle?.outcome === "clean_stop") return say("stopped-cleanly", stopReason(lifecycle.reason));
  if (lifecycle?.outcome === "planned_restart") return say("planned-restart", "the last boot ended for a planned restart");
  const why = [probes.service, probes.lifecycle].flatMap((reading) => (reading.ok ? [] : [reading.why]));
  return say("blind", `whether it was stopped on purpose cannot be known: ${why.join("; ")}`);
}

/** The condition a complete HTTP answer of our own gateway shows, or undefined when there was none. */
function answeredCondition(probes: Probes): { condition: Condition; evidence: string[] } | undefined {
  const health = answer(probes.health);
  const startup = answer(probes.startup);
  const ready = answer(probes.ready);
  if (health === undefined && startup === undefined && ready === undefined) return undefined;
  if (startup?.body.status === "draining" || ready?.body.failing?.includes("gateway-draining")) {
    return { condition: "draining", evidence: ["it says it is draining"] };
  }
  if (startup?.status === 503) {
    return { condition: "starting", evidence: [`starting: ${startup.body.pendingReason ?? "no reason given"}`] };
  }
  if (health?.status !== 200) return { condition: "degraded", evidence: [`/healthz answers ${health?.status ?? "nothing"}`] };
  const failing = ready?.body.failing ?? [];
  const suppressed = ready?.body.suppressed ?? [];
  if (ready !== undefined && (ready.status !== 200 || suppressed.length > 0)) {
    const parts = [
      failing.length > 0 ? `failing: ${failing.join(", ")}` : "",
      suppressed.length > 0 ? `suppressed: ${suppressed.join(", ")}` : "",
    ].filter((part) => part !== "");
    return { condition: "degraded", evidence: [`/readyz answers ${ready.status} (${parts.join("; ") || "no reason given"})`] };
  }
  return { condition: "serving", evidence: ["/healthz answers 200"] };
}

function answer(reading: Reading<HttpReading> | undefined): Extract<HttpReading, { state: "answered" }> | undefined {
  return reading?.ok === true && reading.value.state === "answered" ? reading.value : undefined;
}

function answersAsGateway(probes: Probes): boolean {
  return answer(probes.health)?.status === 200;
}

function maintenanceOf(probes: Probes): string | undefined {
  if (!probes.maintenance.ok) return undefined;
  const [first] = probes.maintenance.value.running;
  return first === undefined ? undefined : `${first.what} is running (pid ${first.pid})`;
}

/** A kill makes a locked database, a full disk or a kernel wait worse; a full descriptor table wants one orderly restart by a person. */
function killHarm(resources: Reading<ResourceReading> | undefined): Partial<Assessment> {
  if (resources === undefined || !resources.ok) return {};
  const { diskFreeRatio, openFiles, openFilesLimit, databaseLockedByPid, waitsForDisk } = resources.value;
  if (diskFreeRatio !== undefined && diskFreeRatio < DISK_FULL_RATIO) return { killHarm: "disk-full" };
  if (databaseLockedByPid !== undefined) return { killHarm: "database-locked" };
  if (waitsForDisk === true) return { killHarm: "disk-wait" };
  if (openFiles !== undefined && openFilesLimit !== undefined && openFiles >= openFilesLimit * DESCRIPTORS_FULL_RATIO) {
    return { killHarm: "descriptors-exhausted" };
  }
  return { killHarmRuledOut: true };
}

function progressOf(process: Alive, probes: Probes | undefined): string {
  const startup = probes === undefined ? undefined : answer(probes.startup);
  return [process.identity.pid, process.ownerId ?? "", startup?.body.pendingReason ?? ""].join("/");
}

function stopReason(reason: string | undefined): string {
  return `it was stopped cleanly${reason === undefined ? "" : ` (${reason})`}`;
}

function saysOf(probes: Probes | undefined): Pick<Assessment, "says"> {
  const ready = probes === undefined ? undefined : answer(probes.ready);
  if (ready === undefined) return {};
  const version = answer(probes?.startup)?.body.version ?? answer(probes?.health)?.body.version;
  return {
    says: { ...(version === undefined ? {} : { version }), failing: ready.body.failing ?? [], suppressed: ready.body.suppressed ?? [] },
  };
}

function result(o: Observation, condition: Condition, evidence: readonly string[]): Assessment {
  const { atMs, findings, hold, probes } = o;
  const answerMs = answer(probes?.health)?.tookMs;
  return {
    atMs,
    verdict: VERDICTS[condition],
    condition,
    evidence,
    ...(findings === undefined ? {} : { findings }),
    ...(hold === undefined ? {} : { hold }),
    ...(answerMs === undefined ? {} : { answerMs }),
    ...(probes?.place?.ok === true ? { place: probes.place.value } : {}),
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
