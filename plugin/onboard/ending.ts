import { setTimeout as delay } from "node:timers/promises";
import { answersReady } from "../../src/onboard/ready.ts";

/** Two instances of this package meet in one onboarding process (a captured copy and the real files); this is how they know of each other. */
const STEP_RAN = Symbol.for("rescue-watchdog.onboarding-step");

export function stepRan(): boolean {
  return Reflect.get(globalThis, STEP_RAN) === true;
}

const READY_MS = 180_000;
const POLL_MS = 500;

/**
 * After the step: waits for the new primary when the host was told not to (its exit code then says whether it serves), and says what was made
 * when a later part of the onboarding fails, since that cannot be taken back from here.
 */
export function whenOnboardingEnds(made: { rescue: string; primary: string; waitForPort: number | undefined }): void {
  Reflect.set(globalThis, STEP_RAN, true);
  const { rescue, primary, waitForPort } = made;
  if (waitForPort !== undefined) {
    process.once("beforeExit", async (code) => {
      if (code !== 0) return;
      process.stderr.write(`rescue-watchdog: waiting for the gateway on port ${waitForPort} …\n`);
      if (await servesWithin(waitForPort, READY_MS)) return;
      process.stderr.write(`rescue-watchdog: the gateway on port ${waitForPort} did not become ready within ${READY_MS / 1000} s\n`);
      process.exitCode = 1;
    });
  }
  process.once("exit", (code) => {
    if (code === 0) return;
    const select = primary === "default" ? "" : ` --profile ${primary}`;
    process.stderr.write(
      `rescue-watchdog: profile ${rescue} was made before this failed. Run the onboarding again, or remove it: rescue-watchdog uninstall${select}\n`,
    );
  });
}

async function servesWithin(port: number, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  while (performance.now() < deadlineMs) {
    if (await answersReady(port)) return true;
    await delay(POLL_MS);
  }
  return false;
}
