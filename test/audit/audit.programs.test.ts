import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runCommand } from "../../src/shared/run-command.ts";
import { footprint, runSql, servedHome } from "../observe/findings-support.ts";
import { tempDir } from "../observe/support.ts";

const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));

const audit = async (home: string, ...args: string[]) => {
  const env = { HOME: home, PATH: process.env["PATH"] ?? "" };
  const { exitCode, stdout, stderr } = await runCommand([process.execPath, BIN, "audit", ...args], { env, timeoutMs: 30_000 });
  return { exitCode, stdout, stderr };
};

describe("rescue-watchdog audit", () => {
  it.each([
    [["--only", "cron,nonsense"], '--only does not know "nonsense"'],
    [["--sarif", "--md"], "one of --json, --sarif and --md"],
    [["--json", "--sarif"], "one of --json, --sarif and --md"],
    [["--dry-run"], "--dry-run is for --fix"],
    [["--fix", "--sarif"], "--fix prints text or --json"],
    [["--since", "yesterday"], "--since must be a duration"],
    [["--since", "2026-99-01"], "is no date"],
    [["words"], 'audit does not take "words"'],
  ])("%j is refused with a sentence and exit 2", async (args, said) => {
    const { exitCode, stdout, stderr } = await audit(tempDir(), ...args);
    expect(exitCode).toBe(2);
    expect(`${stdout}${stderr}`).toContain(said);
  });

  it("says which profile is not there, and which baseline cannot be used", async () => {
    const { exitCode, stderr } = await audit(tempDir());
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("there is no OpenClaw profile default") });
    const { home } = await servedHome();
    const baseline = path.join(home, "baseline.json");
    expect(await audit(home, "--baseline", baseline)).toMatchObject({ exitCode: 4, stderr: expect.stringContaining(baseline) });
    writeFileSync(baseline, '{"accepted":[{"id":"gateway-auth","expires":"2027-01-01"}]}');
    expect(await audit(home, "--baseline", baseline)).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining("entry 1 has no reason"),
    });
  });

  it("leaves no trace in the host's directory, nor in a home that has no watchdog, and says what is accepted", async () => {
    const { home, target } = await servedHome({ gateway: { mode: "local", auth: { mode: "none" } } });
    const before = footprint(home);
    const looked = await audit(home, "--only", "gateway-auth,cron-failing", "--json");
    expect(footprint(home)).toEqual(before);
    const answer = JSON.parse(looked.stdout);
    // Exit 2: the state database of this home has no jobs to look at.
    expect(looked.exitCode).toBe(2);
    expect(answer.findings).toMatchObject([{ id: "gateway-auth", severity: "critical", safe: false }]);
    expect(answer.couldNotLook).toMatchObject([{ id: "cron-failing" }]);
    const dir = path.join(home, ".local", "state", "rescue-watchdog", "default");
    mkdirSync(dir, { recursive: true });
    const year = new Date().getUTCFullYear();
    const accepted = [{ id: "gateway-auth", reason: "a lab", expires: `${year}-12-31` }];
    writeFileSync(path.join(dir, "audit-baseline.json"), JSON.stringify({ accepted }));
    const again = await audit(home, "--only", "gateway-auth", "--json");
    expect(again.exitCode).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, findings: [], accepted: [{ id: "gateway-auth", reason: "a lab" }] });
    expect(existsSync(path.join(target.stateDir, "rescue-watchdog"))).toBe(false);
  });

  it("does not wait at a FIFO, and shows no secret that has not the shape of one", async () => {
    const { home, target } = await servedHome({
      gateway: { mode: "local", auth: { mode: "token", token: "hunter2 local words" } },
      agents: { defaults: { model: { primary: "nowhere/hunter2 local words" } } },
    });
    execFileSync("mkfifo", [path.join(target.stateDir, ".env")]);
    mkdirSync(path.join(home, ".env"));
    const { stdout, exitCode } = await audit(home, "--only", "gateway,models", "--json");
    expect([1, 2]).toContain(exitCode);
    expect(stdout).not.toContain("hunter2");
    expect(
      JSON.parse(stdout)
        .couldNotLook.map(({ why }: { why: string }) => why)
        .join(),
    ).not.toContain("EISDIR");
  });

  it("prints names on one line, whatever is in them", async () => {
    const { home, target } = await servedHome({ plugins: { entries: { "x\nfixed        all is well\u202e": { enabled: true } } } });
    runSql(
      target.databasePath,
      `CREATE TABLE config_machine_state (state_key TEXT, value_json TEXT); INSERT INTO config_machine_state VALUES ('plugins.installedIndex', '{"index":{"plugins":[]}}')`,
    );
    for (const args of [[], ["--fix"], ["--md"]]) {
      const { stdout } = await audit(home, "--only", "plugins-unknown", ...args);
      expect(stdout).toContain("all is well");
      expect(stdout.split("\n").filter((line) => line.startsWith("fixed"))).toEqual([]);
      expect(stdout).not.toContain("\u202e");
    }
  });

  it("lists its checks", async () => {
    const { exitCode, stdout } = await audit(tempDir(), "--list", "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).checks).toContainEqual({ id: "cron-failing", group: "cron", question: "Do the scheduled jobs succeed?" });
  });
});
