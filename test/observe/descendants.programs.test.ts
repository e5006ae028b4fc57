import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { cpuOfDescendants } from "../../rescue-profile/observe/descendants.ts";
import { readProcStat } from "../../rescue-profile/observe/proc.ts";

it.skipIf(process.platform !== "linux")("a process that waits for a busy child synchronously counts as using the child's CPU", async () => {
  const busy = "const until = Date.now() + 30000; while (Date.now() < until) Math.sqrt(until);";
  const waiting = `process.stdout.write("up"); require("node:child_process").execFileSync(process.execPath, ["-e", ${JSON.stringify(busy)}]);`;
  const parent = spawn(process.execPath, ["-e", waiting], { stdio: ["ignore", "pipe", "ignore"], detached: true });
  const pid = parent.pid ?? 0;
  try {
    await once(parent.stdout, "data");
    const before = readProcStat(pid)?.cpuTicks ?? 0;
    await expect.poll(() => cpuOfDescendants(pid), { timeout: 10_000 }).toBeGreaterThan(500);
    // The waiting process itself shows next to nothing of that.
    expect((readProcStat(pid)?.cpuTicks ?? 0) - before).toBeLessThan(40);
  } finally {
    process.kill(-pid, "SIGKILL");
  }
});
