import type { Reporter, Vitest } from "vitest/node";

/**
 * A vitest reporter that reports nothing. Vitest itself dies at once of a Ctrl-C, and with it the hooks that would end the gateways that
 * tests have started. With this one the first signal ends the running tests, lets their hooks clean up and skips the rest; a second one
 * ends vitest as ever.
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
}
