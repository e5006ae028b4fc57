import { setTimeout as sleep } from "node:timers/promises";

/** Waits for a condition inside or outside of the box, and fails loudly when it does not come. */
export async function until(so: () => boolean | Promise<boolean>, withinMs = 120_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await so())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await sleep(200);
  }
}
