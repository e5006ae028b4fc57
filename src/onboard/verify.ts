import { setTimeout as delay } from "node:timers/promises";
import type { ServiceControl } from "../service-installers/installer.ts";
import { RescueError } from "../shared/errors.ts";
import { asObject } from "../shared/gateway-config.ts";
import { backstopJob, reanchored } from "./backstop.ts";
import { type ProvedGateway, withGateway } from "./handover/gateway-call.ts";
import type { LockReader } from "./handover/prove.ts";
import type { ProofResult } from "./ports.ts";
import { answersReady } from "./ready.ts";

export interface VerifyPorts {
  readonly service: Pick<ServiceControl, "status" | "manager" | "name">;
  readonly lockHolder: LockReader;
  readonly identityOf: (pid: number) => { readonly startTime: number } | undefined;
  /** What the backstop runs: absolute argv, no shell. */
  readonly tickArgv: readonly string[];
  readonly signal: AbortSignal;
}

const BOOT_MS = 180_000;
const CALLS_MS = 60_000;
const POLL_MS = 250;

/**
 * Waits until the rescue's service serves, proves that the listener is that very process on the socket that will carry the token, and then:
 * hello, the backstop's cron job declared and run once, health. Throws `refused` (not proved), `timeout` or `service-control`.
 */
export async function proveAndVerify(rescue: { stateDir: string; port: number; token: string }, ports: VerifyPorts): Promise<ProofResult> {
  const pid = await untilServing(rescue.port, ports);
  const identity = ports.identityOf(pid);
  if (identity === undefined) throw new RescueError("refused", `the service's process ${pid} ended before it could be examined`);
  return withGateway(
    {
      port: rescue.port,
      token: rescue.token,
      expected: { pid, startTime: identity.startTime, stateDir: rescue.stateDir },
      lockHolder: ports.lockHolder,
      timeoutMs: CALLS_MS,
      signal: ports.signal,
    },
    async (gateway) => {
      const added = asObject(await gateway.request("cron.add", backstopJob(ports.tickArgv)));
      const job = added["job"] === undefined ? added : asObject(added["job"]);
      const id = String(job["id"]);
      const mended = reanchored(job, Date.now());
      if (mended !== undefined) await gateway.request("cron.update", { id, patch: mended });
      const before = await lastRun(gateway, id);
      await gateway.request("cron.run", { id, mode: "force" });
      await untilRan(gateway, id, before.atMs, ports);
      await gateway.request("health", {});
      return { bootId: gateway.bootId, version: gateway.version ?? "unknown", cronJob: id };
    },
  );
}

type Requests = Pick<ProvedGateway, "request">;

async function lastRun(gateway: Requests, id: string): Promise<{ readonly atMs: unknown; readonly status: unknown }> {
  const job = asObject(await gateway.request("cron.get", { id }));
  const state = asObject(job["state"] ?? asObject(job["job"])["state"]);
  return { atMs: state["lastRunAtMs"], status: state["lastRunStatus"] };
}

/** A run after the one of `beforeMs`: on a repeated setup the job has an older outcome, which says nothing of now. */
async function untilRan(gateway: Requests, id: string, beforeMs: unknown, { service, signal }: VerifyPorts): Promise<void> {
  for (;;) {
    const { atMs, status } = await lastRun(gateway, id);
    if (atMs !== undefined && atMs !== beforeMs && status !== undefined) {
      if (status === "ok") return;
      throw new RescueError("service-control", `the backstop's first run in ${service.name} ended with ${String(status)}`, {
        fix: "look at the rescue gateway's log; the job is `rescue-watchdog tick`",
      });
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

async function untilServing(port: number, { service, signal }: VerifyPorts): Promise<number> {
  const deadlineMs = performance.now() + BOOT_MS;
  for (;;) {
    const { mainPid, state } = await service.status();
    if (mainPid !== undefined && (await answersReady(port))) return mainPid;
    if (state === "parked" || state === "latched" || performance.now() > deadlineMs) {
      throw new RescueError("service-control", `${service.manager} says ${state} of ${service.name}: the rescue gateway did not come up`, {
        fix: `look at the log of ${service.name}`,
      });
    }
    await delay(POLL_MS, undefined, { signal });
  }
}
