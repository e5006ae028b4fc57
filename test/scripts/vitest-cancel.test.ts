import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished, vi } from "vitest";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

it("a Ctrl-C ends the running test and lets its hooks clean up", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "rescue-cancel-"));
  symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"));
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(scratch, "endless.test.ts"),
    `import { writeFileSync } from "node:fs";
    import { afterAll, test } from "vitest";
    afterAll(() => writeFileSync("cleaned", ""));
    test("endless", async () => { writeFileSync("running", ""); await new Promise(() => setInterval(() => {}, 1000)); }, 600_000);`,
  );
  const args = [join(root, "node_modules/vitest/vitest.mjs"), "run", `--reporter=${join(root, "scripts/vitest-cancel.ts")}`];
  const vitest = spawn(process.execPath, args, { cwd: scratch, stdio: "ignore" });
  onTestFinished(() => {
    vitest.kill("SIGKILL");
    rmSync(scratch, { recursive: true, force: true });
  });
  const ended = once(vitest, "exit");
  await vi.waitFor(() => expect(existsSync(join(scratch, "running"))).toBe(true), { timeout: 30_000 });
  vitest.kill("SIGINT");
  expect(await ended).not.toEqual([0, null]);
  expect(existsSync(join(scratch, "cleaned"))).toBe(true);
}, 60_000);
