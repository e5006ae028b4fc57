import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const DEMO = fileURLToPath(new URL("../../bench/demo.ts", import.meta.url));

interface DemoResult {
  readonly faults: readonly {
    name: string;
    detectedMs: number | null;
    recoveredMs: number;
    tier: number | null;
    action: string;
    ok: boolean;
  }[];
  readonly falseRepairs: number;
}

/** What it shows is in npm test one by one: crash.host.test.ts, faults.lab.test.ts. */
describe.runIf(process.env["RESCUE_FULL"] === "1")("the demo, which is the main job end to end", () => {
  const FAULTS = [
    { name: "kill", tier: 1, action: "start-service", ok: true },
    { name: "freeze", tier: 1, action: "end-process, start-service", ok: true },
    { name: "stall", tier: null, action: "none", ok: true },
  ];

  it("brings a killed and a frozen gateway back, and leaves a busy one alone", { timeout: 600_000 }, async () => {
    const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        [DEMO, "--json", "--only", FAULTS.map(({ name }) => name).join(",")],
        { timeout: 580_000 },
        (_error, out, err) => resolve({ stdout: out, stderr: err }),
      );
    });
    const lastLine = stdout.trim().split("\n").at(-1) ?? "";
    const result = JSON.parse(lastLine) as DemoResult;
    expect(result.falseRepairs, stderr).toBe(0);
    expect(result.faults, stderr).toMatchObject(FAULTS);
  });
});
