import type { ServiceControl } from "../../src/service-installers/installer.ts";
import { messageOf } from "../../src/shared/errors.ts";
import { type Maintenance, nameMaintenance } from "./mending.ts";
import type { StepOutcome } from "./plan.ts";

export interface StartPorts {
  readonly service: Pick<ServiceControl, "manager" | "name" | "status" | "start" | "restart">;
  /** Throws when it could not look. */
  readonly maintenance: () => Promise<readonly Maintenance[]>;
  /** A repair itself had it stopped, so that nothing starts it beside a doctor. */
  readonly isHeld: () => boolean;
  /** Throws when the repair was taken over, or its time is over. */
  readonly stillOurs: () => void;
  /** Did the manager start it before its files were mended, and does it not serve? Then it may go on failing with what it read. */
  readonly isOutdated: () => Promise<boolean>;
}

/**
 * Starts the service unless it runs: the manager may have been faster, and two starts kill each other (openclaw issue 80696). Never beside
 * the host's own maintenance: a start during doctor failed for users (issue 134341).
 */
export async function startService({ service, maintenance, stillOurs, isHeld, isOutdated }: StartPorts): Promise<StepOutcome> {
  const before = await attempted(() => service.status());
  if ("failed" in before) return before.failed;
  if (before.value.state === "running" || before.value.state === "starting") {
    if (await isOutdated()) return restart(service, stillOurs);
    return { outcome: "done", detail: `${service.manager} had started it already (pid ${before.value.mainPid ?? "unknown"})` };
  }
  if (before.value.stoppedOnPurpose === true && !isHeld())
    return { outcome: "aborted", detail: "somebody stopped it on purpose meanwhile" };
  const running = await maintenance();
  if (running.length > 0) return { outcome: "aborted", detail: `not started while the host is at work: ${nameMaintenance(running)}` };
  stillOurs();
  const after = await attempted(async () => {
    await service.start();
    return service.status();
  });
  if ("failed" in after) return after.failed;
  return { outcome: "done", detail: `${service.manager} started ${service.name} (pid ${after.value.mainPid ?? "unknown"})` };
}

async function restart(service: StartPorts["service"], stillOurs: () => void): Promise<StepOutcome> {
  stillOurs();
  const after = await attempted(async () => {
    await service.restart();
    return service.status();
  });
  if ("failed" in after) return after.failed;
  const pid = after.value.mainPid ?? "unknown";
  return { outcome: "done", detail: `${service.manager} had started it before it was mended, and restarted ${service.name} (pid ${pid})` };
}

/** What the manager refuses is the step's outcome, in the manager's words. */
async function attempted<T>(ask: () => Promise<T>): Promise<{ readonly value: T } | { readonly failed: StepOutcome }> {
  try {
    return { value: await ask() };
  } catch (error) {
    return { failed: { outcome: "failed", detail: messageOf(error) } };
  }
}
