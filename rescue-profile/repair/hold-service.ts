import type { ServiceControl } from "../../src/service-installers/installer.ts";
import { messageOf, RescueError } from "../../src/shared/errors.ts";
import { DOWN_MS, type Mending, nameMaintenance, waitUntilDown, waitUntilQuiet } from "./mending.ts";
import type { StepOutcome } from "./plan.ts";

export type HoldPorts = Pick<Mending, "maintenance" | "serves" | "lives" | "stillOurs" | "sleep" | "monotonicMs"> & {
  readonly service: Pick<ServiceControl, "manager" | "name" | "status" | "stop">;
  /** An earlier run of this repair had begun to hold it: then the stop that is there is ours. */
  readonly again: boolean;
};

const QUIET_MS = 20_000;

/**
 * Keeps the manager from starting the gateway beside a doctor. Measured: systemd's own restart, five seconds after a failed one, met our
 * doctor, could not enter the host's maintenance, ended with 78, and the unit was parked. The journal knows of the hold until the start.
 */
export async function holdService(ports: HoldPorts): Promise<StepOutcome> {
  const running = await waitUntilQuiet(ports, QUIET_MS);
  if (running.length > 0) return { outcome: "aborted", detail: `the host is at work: ${nameMaintenance(running)}` };
  if (await ports.serves()) return { outcome: "aborted", detail: "the gateway serves again" };
  if (!(await waitUntilDown(ports, DOWN_MS))) return { outcome: "aborted", detail: "the gateway has been started again, and lives" };
  try {
    if (!ports.again && (await ports.service.status()).stoppedOnPurpose === true) {
      return { outcome: "aborted", detail: "somebody stopped it on purpose meanwhile" };
    }
    ports.stillOurs();
    await ports.service.stop();
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    // It may have been stopped all the same: the hold counts, and the start undoes it.
    return { outcome: "failed", detail: messageOf(error) };
  }
  return { outcome: "done", detail: `${ports.service.manager} does not start ${ports.service.name} until it is told to` };
}
