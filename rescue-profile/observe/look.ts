import type { Observation, Probes, ProcessReading, Reading, ServiceReading } from "../core/model.ts";
import { monotonicMs } from "./clock.ts";
import { cpuOfDescendants } from "./descendants.ts";
import { probeHttp } from "./http.ts";
import { readLifecycle } from "./lifecycle.ts";
import { observeListener } from "./listener.ts";
import { readMaintenance } from "./maintenance.ts";
import { readPlace } from "./place.ts";
import { readProcess } from "./process.ts";
import { seen, within } from "./reading.ts";
import { readResources } from "./resources.ts";
import type { Target } from "./target.ts";

export interface LookOptions {
  readonly target: Target;
  /** `identity`: the process only, without any I/O to it. Upgraded to `full` when it is not plainly alive. */
  readonly depth: "identity" | "full";
  readonly serviceStatus: () => Promise<ServiceReading>;
  /** Of each probe. The look as a whole takes little more. */
  readonly probeTimeoutMs: number;
  /** Whether to look for what a kill would make worse. */
  readonly resources: boolean;
  /** How much later than planned the caller began this look, and how far its clocks moved apart since the last one. */
  readonly lateMs: number;
  readonly clockGapMs: number;
}

/** One look at a gateway: every part once, side by side, each with its own deadline. Never rejects for a state of the gateway. */
export async function look(options: LookOptions): Promise<Observation> {
  const { target, lateMs, clockGapMs, probeTimeoutMs } = options;
  const atMs = monotonicMs();
  const process = await within(probeTimeoutMs, "the process", () => readProcess(target, { timeoutMs: probeTimeoutMs }));
  if (options.depth === "identity" && isPlainlyAlive(process)) return { atMs, lateMs, clockGapMs, process };

  const probes = await probe(options, pidOf(process));
  const named = await namedByService(process, probes.service, options);
  const silent = probes.health.ok && probes.health.value.state === "silent";
  return { atMs, lateMs, clockGapMs, process: silent ? withChildren(named) : named, probes };
}

async function probe(options: LookOptions, pid: number | undefined): Promise<Probes> {
  const { target, probeTimeoutMs: timeoutMs } = options;
  const [health, startup, ready, service, listener, maintenance, lifecycle, place, resources] = await Promise.all([
    probeHttp(target, "/healthz", timeoutMs),
    probeHttp(target, "/startupz", timeoutMs),
    probeHttp(target, "/readyz", timeoutMs),
    within(timeoutMs, "the service manager", async () => seen(await options.serviceStatus())),
    within(timeoutMs, "the listener", () => observeListener(target.port, pid === undefined ? [] : [pid], timeoutMs)),
    within(timeoutMs, "the process list", () => readMaintenance(target, { timeoutMs })),
    within(timeoutMs, "the state database", async () => readLifecycle(target.databasePath)),
    within(timeoutMs, "the state directory", () => readPlace(target)),
    options.resources ? within(timeoutMs, "resources", () => readResources(target, pid)) : undefined,
  ]);
  return { health, startup, ready, service, listener, maintenance, lifecycle, place, ...(resources === undefined ? {} : { resources }) };
}

/** Early in a boot only the service manager knows the process. */
async function namedByService(
  process: Reading<ProcessReading>,
  service: Reading<ServiceReading>,
  { target, probeTimeoutMs: timeoutMs }: LookOptions,
): Promise<Reading<ProcessReading>> {
  if (!process.ok || process.value.state === "alive" || !service.ok || service.value.mainPid === undefined) return process;
  const serviceMainPid = service.value.mainPid;
  return within(timeoutMs, "the process", () => readProcess(target, { serviceMainPid, timeoutMs }));
}

/** A gateway that waits for a child synchronously uses no CPU itself, and is busy all the same: silent ones are measured with their children. */
function withChildren(process: Reading<ProcessReading>): Reading<ProcessReading> {
  if (!process.ok || process.value.state !== "alive") return process;
  return seen({ ...process.value, cpuMs: process.value.cpuMs + cpuOfDescendants(process.value.identity.pid) });
}

function isPlainlyAlive(process: Reading<ProcessReading>): boolean {
  return process.ok && process.value.state === "alive" && (process.value.run === "running" || process.value.run === "sleeping");
}

function pidOf(process: Reading<ProcessReading>): number | undefined {
  return process.ok && process.value.state === "alive" ? process.value.identity.pid : undefined;
}
