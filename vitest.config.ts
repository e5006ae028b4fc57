import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Vitest keeps a token in the user's data directory; nothing of a test run belongs outside of the clone.
process.env["XDG_DATA_HOME"] = join(import.meta.dirname, "node_modules", ".vitest");

/** Slow suites touch the whole machine (gateways, a real systemd), so their files run one at a time. */
const serial = { fileParallelism: false, maxWorkers: 1, testTimeout: 180_000, hookTimeout: 180_000, teardownTimeout: 60_000 };

/** The import rules and the toolchain's own tests: part of `npm run check`, not of the inner loop. */
const CHECKS = ["test/architecture.test.ts", "test/scripts/**/*.test.ts"];
const HOST = "test/host/**/*.host.test.ts";
/** Small real programs, dozens of them: seconds each, so not in the inner loop. */
const PROGRAMS = "test/**/*.programs.test.ts";
const LAB = "test/lab/**/*.lab.test.ts";

export default defineConfig({
  test: {
    pool: "forks",
    projects: [
      { test: { name: "architecture", include: CHECKS, testTimeout: 15_000, sequence: { groupOrder: 0 } } },
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...CHECKS, PROGRAMS, HOST, LAB],
          testTimeout: 15_000,
          // Each file in a process of its own would cost as much again as all tests: no test leaves anything behind in a module.
          isolate: false,
          // Half of the time is waiting for processes and sockets; the default would be one worker on two cores.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { name: "programs", include: [PROGRAMS], testTimeout: 30_000, maxWorkers: 3, sequence: { groupOrder: 0 } } },
      { test: { name: "host", include: [HOST], ...serial, sequence: { groupOrder: 1 } } },
      { test: { name: "lab", include: [LAB], ...serial, sequence: { groupOrder: 2 } } },
    ],
  },
});
