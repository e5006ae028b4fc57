import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runCommand } from "../../src/shared/run-command.ts";

const node = process.execPath;
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe("running a command", () => {
  it("returns status and both outputs", async () => {
    const result = await runCommand([node, "-e", "console.log('a'); console.error('b'); process.exit(3)"], { timeoutMs: 10_000 });
    expect(result).toMatchObject({ exitCode: 3, signal: null, stdout: "a\n", stderr: "b\n", timedOut: false, truncated: false });
    expect(result.notStarted).toBeUndefined();
  });

  it("gives it /dev/null to read, so that a prompt ends at once", async () => {
    const result = await runCommand(["cat"], { timeoutMs: 10_000 });
    expect(result).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("hands over input and nothing of our environment besides what it is given", async () => {
    const script = "process.stdin.pipe(process.stdout); console.log(Object.keys(process.env).join())";
    const result = await runCommand([node, "-e", script], { timeoutMs: 10_000, env: { ONLY: "1" }, input: "hello" });
    expect(result.stdout).toBe("ONLY\nhello");
  });

  it("keeps no more output than allowed and lets the program finish", async () => {
    const script = "process.stdout.write('x'.repeat(500000), () => process.exit(7))";
    const result = await runCommand([node, "-e", script], { timeoutMs: 10_000, maxBytes: 1000 });
    expect(result).toMatchObject({ exitCode: 7, truncated: true });
    expect(result.stdout).toHaveLength(1000);
  });

  it("tells a program that does not exist from one that fails", async () => {
    const result = await runCommand(["no-such-program-anywhere"], { timeoutMs: 10_000 });
    expect(result).toMatchObject({ exitCode: null, notStarted: "ENOENT", timedOut: false });
  });

  it("runs it where it is told to, and tells a directory that is not there as it tells a missing program", async () => {
    const dir = mkdtempSync(join(tmpdir(), "run-command-"));
    try {
      const where = (cwd: string) => runCommand([node, "-p", "process.cwd()"], { timeoutMs: 10_000, cwd });
      expect((await where(dir)).stdout).toBe(`${realpathSync(dir)}\n`);
      expect(await where(join(dir, "gone"))).toMatchObject({ exitCode: null, stdout: "", notStarted: "ENOENT", timedOut: false });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("tells a program that was ended by a signal", async () => {
    const result = await runCommand([node, "-e", "process.kill(process.pid, 'SIGKILL')"], { timeoutMs: 10_000 });
    expect(result).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: false });
  });

  it.runIf(process.platform === "linux")("kills the whole tree at the deadline, also a child in a session of its own", async () => {
    const result = await runCommand([node, fixture("observe-launcher.mjs")], { timeoutMs: 700 });
    expect(result).toMatchObject({ timedOut: true, signal: "SIGKILL" });
    const child = Number(result.stdout);
    expect(child).toBeGreaterThan(0);
    await until(() => !lives(child));
  });

  it.runIf(process.platform === "linux")("does not wait for a grandchild that keeps the pipe open", async () => {
    const script =
      "const c = require('child_process').spawn('sleep', ['60'], { stdio: ['ignore', 'inherit', 'ignore'], detached: true }); c.unref(); console.log(c.pid)";
    const result = await runCommand([node, "-e", script], { timeoutMs: 50_000 });
    const grandchild = Number(result.stdout);
    expect(lives(grandchild)).toBe(true);
    process.kill(grandchild, "SIGKILL");
    expect(result).toMatchObject({ exitCode: 0, timedOut: false });
  });
});

function lives(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}
