import { setTimeout as delay } from "node:timers/promises";
import type { ServiceControl } from "../service-installers/installer.ts";
import { RescueError } from "../shared/errors.ts";
import { asObject } from "../shared/gateway-config.ts";
import { withGateway } from "./handover/gateway-call.ts";
import type { LockReader } from "./handover/prove.ts";
import type { ProofResult } from "./provision.ts";

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
const EVERY_MS = 60_000;
/** One job per rescue profile, whoever declares it and how often. */
export const CRON_DECLARATION = "rescue-watchdog:tick";

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
      const job = asObject(await gateway.request("cron.add", backstop(ports.tickArgv)));
      const id = String(job["id"] ?? asObject(job["job"])["id"]);
      await gateway.request("cron.run", { id, mode: "force" });
      await untilRan(gateway, id, ports.signal);
      await gateway.request("health", {});
      return { bootId: gateway.bootId, version: gateway.version ?? "unknown", cronJob: id };
    },
  );
}

/** The job as the host stores it: a `command`, argv only; its exit is 0 by contract, because the host disables a job that fails. */
function backstop(argv: readonly string[]): object {
  return {
    declarationKey: CRON_DECLARATION,
    name: "rescue-watchdog tick",
    enabled: true,
    schedule: { kind: "every", everyMs: EVERY_MS },
    sessionTarget: "isolated",
    wakeMode: "now",
    payload: { kind: "command", argv, timeoutSeconds: 45 },
    delivery: { mode: "none" },
  };
}

async function untilRan(
  gateway: { request(method: string, params?: object): Promise<unknown> },
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const job = asObject(await gateway.request("cron.get", { id }));
    const state = asObject(job["state"] ?? asObject(job["job"])["state"]);
    if (state["lastRunAtMs"] !== undefined && state["lastRunStatus"] !== undefined) {
      if (state["lastRunStatus"] === "ok") return;
      throw new RescueError("service-control", `the backstop's first run ended with ${String(state["lastRunStatus"])}`, {
        fix: "openclaw --profile RESCUE cron list --json",
      });
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

/** `/readyz` needs no token and proves nothing; it only says when to ask. */
async function untilServing(port: number, { service, signal }: VerifyPorts): Promise<number> {
  const deadlineMs = performance.now() + BOOT_MS;
  for (;;) {
    const { mainPid, state } = await service.status();
    if (mainPid !== undefined && (await answers(port))) return mainPid;
    if (state === "parked" || state === "latched" || performance.now() > deadlineMs) {
      throw new RescueError("service-control", `${service.manager} says ${state} of ${service.name}: the rescue gateway did not come up`, {
        fix: "look at its log: openclaw --profile RESCUE logs",
      });
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000), redirect: "error" });
    await response.body?.cancel();
    return response.status === 200;
  } catch (error) {
    // Not up yet, or not answering: the deadline decides.
    if (error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError")) return false;
    throw error;
  }
}
