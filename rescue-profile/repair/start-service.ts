import type { ServiceControl } from "../../src/service-installers/installer.ts";
import { messageOf } from "../../src/shared/errors.ts";
import type { StepOutcome } from "./plan.ts";

/** Starts the service unless it runs: the manager may have been faster, and two starts kill each other (openclaw issue 80696). */
export async function startService(service: Pick<ServiceControl, "manager" | "name" | "status" | "start">): Promise<StepOutcome> {
  try {
    const before = await service.status();
    if (before.state === "running" || before.state === "starting") {
      return { outcome: "done", detail: `${service.manager} had started it already (pid ${before.mainPid ?? "unknown"})` };
    }
    await service.start();
    const after = await service.status();
    return { outcome: "done", detail: `${service.manager} started ${service.name} (pid ${after.mainPid ?? "unknown"})` };
  } catch (error) {
    return { outcome: "failed", detail: messageOf(error) };
  }
}
