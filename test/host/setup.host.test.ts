import { execFile, spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGatewayHome, type GatewayHome, OPENCLAW } from "../support/home.ts";
import { snapshot } from "../support/onboarding.ts";
import { packageCopy } from "../support/package.ts";

interface Outcome {
  readonly code: number;
  readonly json: {
    ok: boolean;
    plan?: { port: number; steps: { name: string; done: boolean }[] };
    error?: { code: string; message: string };
    did?: string[];
  };
}

/** The setup of a rescue profile on a machine without a service manager, with the real host's CLI. The service's half is proved in the lab. */
describe("rescue setup and uninstall, without a service", () => {
  let home: GatewayHome;
  let dir: string;
  const rescueDir = () => join(home.home, ".openclaw-rescue");
  const rescueConfig = () => JSON.parse(readFileSync(join(rescueDir(), "openclaw.json"), "utf8"));
  const run = (...args: string[]) =>
    new Promise<Outcome>((resolve) => {
      const env = { ...home.env, RESCUE_WATCHDOG_OPENCLAW: OPENCLAW };
      execFile(
        process.execPath,
        [join(dir, "dist/plugin/cli/bin.js"), ...args, "--json"],
        { env, cwd: home.home, timeout: 150_000 },
        (error, stdout) => {
          resolve({ code: typeof error?.code === "number" ? error.code : 0, json: JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") });
        },
      );
    });

  const killed = (...kill: readonly string[]) =>
    new Promise<{ signal: NodeJS.Signals | null; stdout: string }>((resolve) => {
      const fixture = join(import.meta.dirname, "../fixtures/setup-killed.ts");
      const child = spawn(process.execPath, [fixture, home.home, dir, "none", ...kill], {
        env: { ...home.env, RESCUE_WATCHDOG_OPENCLAW: OPENCLAW },
        stdio: ["ignore", "pipe", "inherit"],
      });
      let stdout = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.on("exit", (_, signal) => resolve({ signal, stdout }));
    });

  beforeAll(async () => {
    dir = packageCopy();
    home = await createGatewayHome();
  });
  afterAll(async () => {
    await home.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  let untouched: Record<string, string>;

  it("says what it would do and changes nothing", async () => {
    untouched = snapshot(home.home);
    const before = listing(home.home);
    const { code, json } = await run("setup", "--no-service", "--dry-run");
    expect(code).toBe(0);
    expect(json.plan?.steps.map(({ name }) => name)).toEqual(["claim-profile", "write-config", "primary-plugin"]);
    expect(listing(home.home)).toEqual(before);
  });

  it("refuses a profile of that name that it did not make, and a link in its place", async () => {
    mkdirSync(join(rescueDir(), "theirs"), { recursive: true });
    expect(await run("setup", "--no-service")).toMatchObject({ code: 9, json: { error: { code: "refused" } } });
    expect(readdirSync(rescueDir())).toEqual(["theirs"]);
    rmSync(rescueDir(), { recursive: true });
    const elsewhere = join(home.home, "elsewhere");
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, rescueDir());
    expect(await run("setup", "--no-service")).toMatchObject({ code: 9 });
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(rescueDir());
    rmSync(elsewhere, { recursive: true });
  });

  it("makes an isolated profile: own token and port, loopback, 0700 and 0600, watched both ways", async () => {
    const { code, json } = await run("setup", "--no-service");
    expect(json).toMatchObject({ ok: true });
    expect(code).toBe(0);
    expect(lstatSync(rescueDir()).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(rescueDir(), "openclaw.json")).mode & 0o777).toBe(0o600);
    const primary = JSON.parse(readFileSync(home.configPath, "utf8"));
    const rescue = rescueConfig();
    expect(rescue.gateway).toMatchObject({ mode: "local", bind: "loopback", port: json.plan?.port, tailscale: { mode: "off" } });
    expect(rescue.gateway.auth.token).toMatch(/^[0-9a-f]{64}$/);
    expect(rescue.gateway.auth.token).not.toBe(primary.gateway.auth.token);
    expect(Math.abs(rescue.gateway.port - home.port)).toBeGreaterThanOrEqual(120);
    expect(rescue.plugins.entries["rescue-watchdog"].config.watchProfile).toBe("default");
    expect(primary.plugins.entries["rescue-watchdog"].config.watchProfile).toBe("rescue");
    expect(JSON.stringify(json)).not.toContain(rescue.gateway.auth.token);
  });

  it("run again, keeps the token and has nothing left to make", async () => {
    const before = rescueConfig();
    expect(await run("setup", "--no-service")).toMatchObject({ code: 0, json: { ok: true } });
    expect(rescueConfig()).toEqual(before);
  });

  it("refuses to rescue a rescue profile, a port too near to another gateway's, and a profile that is not there", async () => {
    expect(await run("setup", "--profile", "rescue", "--no-service")).toMatchObject({ code: 2 });
    expect(await run("setup", "--port", String(home.port + 50), "--no-service")).toMatchObject({ code: 2 });
    expect(await run("setup", "--profile", "nobody", "--no-service")).toMatchObject({ code: 3 });
  });

  it.runIf(process.env["RESCUE_FULL"] === "1")(
    "is completed after a SIGKILL at any step, and keeps the first token that was written",
    { timeout: 300_000 },
    async () => {
      await run("uninstall");
      rmSync(join(home.home, readdirSync(home.home).find((name) => name.includes(".removed-")) ?? "nothing"), { recursive: true });
      const tokens = new Set<string>();
      const kills = [
        ["claim-profile", "begun", "0"],
        ["claim-profile", "done", "0"],
        ["write-config", "begun", "0"],
        ["write-config", "done", "0"],
        // In the middle of the host's own installation, whose process goes on by itself; half a minute each.
        ...(process.env["RESCUE_FULL"] === "1" ? [["primary-plugin", "begun", "1500"]] : []),
        ["primary-plugin", "done", "0"],
      ];
      for (const kill of kills) {
        const { signal, stdout } = await killed(...kill);
        expect([kill.join(" "), signal], stdout).toEqual([kill.join(" "), "SIGKILL"]);
        if (existsSync(join(rescueDir(), "openclaw.json"))) tokens.add(rescueConfig().gateway.auth.token);
      }
      expect(await run("setup", "--no-service")).toMatchObject({ code: 0, json: { ok: true } });
      expect([...tokens]).toEqual([rescueConfig().gateway.auth.token]);
      expect(JSON.parse(readFileSync(home.configPath, "utf8")).plugins.entries["rescue-watchdog"]).toEqual({
        enabled: true,
        config: { watchProfile: "rescue" },
      });
    },
  );

  it("is taken away again: moved aside, never erased, and a second time there is nothing to do", async () => {
    const first = await run("uninstall");
    expect(first.json.did?.length).toBeGreaterThan(0);
    expect(existsSync(rescueDir())).toBe(false);
    expect(readdirSync(home.home).filter((name) => name.startsWith(".openclaw-rescue.removed-"))).toHaveLength(1);
    const { plugins } = JSON.parse(readFileSync(home.configPath, "utf8"));
    expect(plugins?.entries?.["rescue-watchdog"]).toBeUndefined();
    expect(await run("uninstall")).toMatchObject({ code: 0, json: { did: [] } });
    const left = Object.entries(snapshot(home.home)).filter(([name]) => !name.startsWith(".openclaw-rescue.removed-"));
    expect(Object.fromEntries(left)).toEqual(untouched);
  });
});

/** Names of everything below, but for what the host's own caches do meanwhile. */
function listing(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.includes("cache"))
    .sort();
}
