import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endProcess, type StartedHome, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";
import { createGatewayHome, type GatewayHome, OPENCLAW, openclaw } from "../support/home.ts";
import { packageCopy } from "../support/package.ts";

describe("the plugin in the real host", () => {
  let home: StartedHome;
  let rescue: GatewayHome;
  let dir: string;
  const inRescue = (...args: string[]) => openclaw(["--profile", "rescue", ...args], home.env);

  beforeAll(async () => {
    dir = packageCopy();
    home = await startGatewayHome();
    rescue = await createGatewayHome({ profile: "rescue", home: home.home });
  });
  afterAll(async () => {
    await home.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  it("installs without a warning of its own, in both profiles", async () => {
    for (const profile of [[], ["--profile", "rescue"]]) {
      const { stdout, stderr } = await openclaw(
        [...profile, "plugins", "install", "--link", "--force", "--accept-capabilities", dir],
        home.env,
      );
      // The host warns of every local path that it was not reviewed; nothing else may be said.
      const warnings = `${stdout}${stderr}`.split("\n").filter((line) => /warn|error|fail/i.test(line));
      expect(warnings.filter((line) => !line.startsWith("WARNING - Installing plugin from local path"))).toEqual([]);
    }
  });

  it("is listed, inspected and found in order by the host's doctor", async () => {
    const list = JSON.parse((await openclaw(["plugins", "list", "--json"], home.env)).stdout) as {
      plugins: { id: string; enabled: boolean }[];
    };
    expect(list.plugins.find(({ id }) => id === "rescue-watchdog")).toMatchObject({ enabled: true });
    const inspected = await openclaw(["plugins", "inspect", "rescue-watchdog"], home.env);
    expect(inspected.stdout).toContain("Status: enabled");
    expect(`${inspected.stdout}${inspected.stderr}`).not.toMatch(/error|failed/i);
    const doctor = await openclaw(["plugins", "doctor"], home.env);
    expect(`${doctor.stdout}${doctor.stderr}`).not.toMatch(/rescue/i);
  });

  it("answers `openclaw rescue status --json` in both profiles, about the gateway that is watched", async () => {
    for (const profile of [[], ["--profile", "rescue"]]) {
      // Exit 1: it looked, and the gateway does not serve.
      const failed = await openclaw([...profile, "rescue", "status", "--json"], home.env).catch(
        (error: { code: number; stdout: string }) => error,
      );
      expect(failed).toMatchObject({ code: 1 });
      expect(JSON.parse(failed.stdout)).toMatchObject({ profile: "default", port: home.port, condition: "stopped-cleanly", watcher: null });
    }
  });

  // In npm test chat-gateway.host.test.ts has a rescue gateway that watches and repairs.
  it.runIf(process.env["RESCUE_FULL"] === "1")(
    "watches from the rescue gateway and brings the killed primary back",
    { timeout: 400_000 },
    async () => {
      configureWatching(rescue);
      startSupervised(home);
      await waitReady(home.port);
      const gateway = spawn(process.execPath, [OPENCLAW, "--profile", "rescue", "gateway", "run"], { env: home.env, stdio: "ignore" });
      home.adopt(gateway);
      await waitReady(rescue.port);
      const log = await until(
        () => logLines(home),
        (lines) => lines.some((line) => line.event === "condition"),
      );
      expect(log.find((line) => line.event === "watch-started")).toMatchObject({ trigger: "plugin" });

      const killed = home.gatewayPid();
      process.kill(killed, "SIGKILL");
      const told = await until(
        () => logLines(home),
        (lines) => lines.some((line) => line.event === "incident-closed"),
      );
      expect(told.filter((line) => line.event === "repair-started")).toMatchObject([
        { cause: "process-gone", tier: 1, trigger: "watchdog" },
      ]);
      expect(told.find((line) => line.event === "repair-ended")).toMatchObject({ success: true });
      expect(home.gatewayPid()).not.toBe(killed);
      await endProcess(gateway);
    },
  );

  it("leaves nothing of its own in the profile's configuration when it is uninstalled", async () => {
    for (const profile of [[], ["--profile", "rescue"]]) {
      await openclaw([...profile, "plugins", "uninstall", "rescue-watchdog", "--force"], home.env);
    }
    for (const file of [home.configPath, rescue.configPath]) {
      const config = JSON.parse(readFileSync(file, "utf8")) as {
        plugins: { entries: Record<string, { enabled?: boolean }>; load?: { paths?: string[] } };
      };
      // The host itself keeps a note that a plugin of this name was removed; nothing of ours is in it.
      expect([undefined, false]).toContain(config.plugins.entries["rescue-watchdog"]?.enabled);
      expect(Object.keys(config.plugins.entries["rescue-watchdog"] ?? {})).not.toContain("config");
      expect(config.plugins.load?.paths ?? []).toEqual([]);
    }
    const { stdout } = await inRescue("plugins", "list", "--json");
    expect((JSON.parse(stdout) as { plugins: { id: string }[] }).plugins.map(({ id }) => id)).not.toContain("rescue-watchdog");
  });
});

function configureWatching(rescue: GatewayHome): void {
  const config = JSON.parse(readFileSync(rescue.configPath, "utf8")) as { plugins: { entries: Record<string, object> } };
  config.plugins.entries["rescue-watchdog"] = {
    ...config.plugins.entries["rescue-watchdog"],
    config: { watchProfile: "default", verify: { holdSeconds: 5 } },
  };
  writeFileSync(rescue.configPath, JSON.stringify(config, null, 2));
}

interface Line {
  readonly event: string;
  readonly [key: string]: unknown;
}

function logLines(home: GatewayHome): readonly Line[] {
  const dir = join(home.home, ".local", "state", "rescue-watchdog", "default", "logs");
  if (!existsSync(dir)) return [];
  return readdirSync(dir).flatMap((name) =>
    readFileSync(join(dir, name), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line),
  );
}

async function until<T>(look: () => T, enough: (value: T) => boolean, withinMs = 180_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = look();
    if (enough(value)) return value;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms; last: ${JSON.stringify(value).slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
