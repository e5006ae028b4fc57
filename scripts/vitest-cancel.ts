import type { Reporter, Vitest } from "vitest/node";

const LINGER_MS = 30_000;

/**
 * A vitest reporter that reports nothing and sees to it that vitest ends, and ends well.
 *
 * Vitest itself dies at once of a Ctrl-C, and with it the hooks that would end the gateways that tests have started. Here the first signal
 * ends the running tests, lets their hooks clean up and skips the rest; a second one ends vitest as ever. And vitest waits without end for a
 * worker that something a test left behind keeps alive; here it fails after half a minute.
 */
export default class CancelOnSignal implements Reporter {
  onInit(vitest: Vitest): void {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.removeAllListeners(signal);
      process.once(signal, () => {
        process.exitCode = 130;
        void vitest.cancelCurrentRun("keyboard-input");
      });
    }
  }

  onTestRunEnd(): void {
    const giveUp = () => {
      console.error("vitest cannot end: a test left something running in its worker");
      process.exit(1);
    };
    setTimeout(giveUp, LINGER_MS).unref();
  }
}
