import type { Receiver } from "./alert.ts";
import { deliverNext, type PipelinePorts } from "./pipeline.ts";

export interface CourierPorts extends PipelinePorts {
  /** Resolves after `ms`, or at once when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The journal could not be read or written, or a receiver behaves as none may. */
  readonly troubled: (receiver: string, error: unknown) => void;
}

const EVERY_MS = 500;
const TROUBLE_MS = 30_000;

/** Tells every receiver what it has not heard, each at its own pace, until the signal aborts. Never rejects. */
export async function courier(receivers: readonly Receiver[], ports: CourierPorts, signal: AbortSignal): Promise<void> {
  await Promise.all(receivers.map((receiver) => serve(receiver, ports, signal)));
}

async function serve(receiver: Receiver, ports: CourierPorts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await deliverAll(receiver, ports, signal);
      await ports.sleep(EVERY_MS, signal);
    } catch (error) {
      ports.troubled(receiver.name, error);
      await ports.sleep(TROUBLE_MS, signal);
    }
  }
}

/** Until it has heard everything, or has to be waited for. */
export async function deliverAll(receiver: Receiver, ports: PipelinePorts, signal: AbortSignal): Promise<void> {
  ports.outbox.enlist(receiver.name);
  while (!signal.aborted && (await deliverNext(receiver, ports)));
}
