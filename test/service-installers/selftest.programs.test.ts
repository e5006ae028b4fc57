import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { controlChecks } from "../../rescue-profile/selftest-main.ts";
import type { ManagedService, ServiceSpec } from "../../src/service-installers/installer.ts";
import { footprint } from "../../src/service-installers/selftest/footprint.ts";
import { isAlive } from "../../src/service-installers/selftest/program.ts";
import type { CheckResult } from "../../src/service-installers/selftest/report.ts";
import { type SelftestWorld, selftest } from "../../src/service-installers/selftest/run.ts";
import { RescueError } from "../../src/shared/errors.ts";

const NAME = "selftest-abc123";
const SECRET = "s3cret-value";

/** How this supervisor differs from a good one. */
interface Faults {
  readonly platform?: "linux" | "darwin";
  readonly keepsDead?: true;
  readonly mangles?: (argv: readonly string[]) => readonly string[];
  readonly restartsOnInstall?: true;
  readonly leavesDefinition?: true;
  readonly leavesProcess?: true;
  readonly install?: () => void;
  readonly uninstall?: () => void;
  readonly asked?: () => { exitCode: number; stdout: string };
  readonly gateway?: Partial<SelftestWorld["manager"]>;
  readonly restartBy?: NodeJS.Signals;
  readonly deafTo78?: true;
}

const worlds: { end(): void }[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.end();
});

/** A small supervisor with real processes, and a clock that can be moved on. */
function supervisor(faults: Faults = {}) {
  const platform = faults.platform ?? "linux";
  const root = mkdtempSync(join(tmpdir(), "selftest-test-"));
  const [home, directory] = [join(root, "home"), join(root, "world")];
  const print = footprint(platform, NAME, { home, uid: 501 });
  const definition = print.definition ?? "";
  mkdirSync(dirname(definition), { recursive: true });
  mkdirSync(directory, { mode: 0o700 });
  const began: number[] = [];
  const gatewayTold: string[] = [];
  let skipped = 0;
  let wanted: ServiceSpec | undefined;
  let child: ChildProcess | undefined;
  let lastCode: number | null = null;

  const start = (): void => {
    if (wanted === undefined) return;
    const [file = "", ...args] = faults.mangles?.(wanted.argv) ?? wanted.argv;
    const { NOTIFY_SOCKET: _, ...env } = process.env;
    const started = spawn(file, args, { cwd: wanted.workingDirectory, env, stdio: "ignore" });
    child = started;
    began.push(started.pid ?? 0);
    started.once("exit", (code) => {
      if (child !== started) return;
      child = undefined;
      lastCode = code;
      if (faults.keepsDead) skipped += 200_000;
      else if (code !== 78) start();
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending?.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill(signal);
    await gone;
  };
  const known = (): boolean => wanted !== undefined;

  const world: SelftestWorld = {
    platform,
    home,
    uid: 501,
    manager: {
      manager: "systemd",
      status: async () => ({ manager: "systemd", state: "running", mainPid: 77 }),
      readDefinition: async () => ({
        path: join(home, ".config/gateway"),
        argv: ["/usr/bin/node", "/opt/openclaw/entry.js", "gateway", "--token", SECRET],
        environment: { OPENCLAW_GATEWAY_TOKEN: SECRET },
        enabled: true,
      }),
      logs: async (lines) => Array.from({ length: lines }, () => SECRET),
      ...faults.gateway,
    },
    installer: {
      manager: "test",
      async install(spec) {
        faults.install?.();
        const text = JSON.stringify(spec);
        const changed = !existsSync(definition) || readFileSync(definition, "utf8") !== text;
        writeFileSync(definition, text, { mode: 0o600 });
        wanted = spec;
        if (faults.restartsOnInstall) await end("SIGKILL");
        if (child === undefined) start();
        return { path: definition, changed };
      },
      async uninstall() {
        faults.uninstall?.();
        const there = known();
        wanted = undefined;
        if (!faults.leavesProcess) await end("SIGKILL");
        if (!faults.leavesDefinition) rmSync(definition, { force: true });
        return there;
      },
    },
    runProgram: async (argv) => {
      if (faults.asked !== undefined) return { ...faults.asked(), stderr: "" };
      if (argv[0] === "plutil") return { exitCode: 0, stdout: `${argv[2]}: OK`, stderr: "" };
      if (argv.includes("status")) return { exitCode: 0, stdout: `● a unit below ${home}\nEnvironment=A=${SECRET}\n`, stderr: "" };
      if (platform === "darwin") return { exitCode: known() ? 0 : 113, stdout: "", stderr: "" };
      return { exitCode: 0, stdout: `LoadState=${known() ? "loaded" : "not-found"}\n`, stderr: "" };
    },
    directory,
    nowMs: () => performance.now() + skipped,
    sleep: (ms) => sleep(Math.min(ms, 25)).then(() => undefined),
  };

  const refusing = (verb: string) => async () => void gatewayTold.push(verb);
  const own: ManagedService = {
    manager: "launchd",
    name: NAME,
    status: async () => {
      const state = child !== undefined ? "running" : lastCode === 78 && !faults.deafTo78 ? "parked" : "stopped";
      return { manager: "launchd", state, ...(child?.pid === undefined ? {} : { mainPid: child.pid }) };
    },
    start: async () => start(),
    stop: () => end("SIGTERM"),
    restart: async () => {
      await end(faults.restartBy ?? "SIGTERM");
      start();
    },
    clearLatch: async () => undefined,
    kill: async (pid) => {
      if (pid !== child?.pid) throw new RescueError("refused", `it runs ${child?.pid}`);
      child.kill("SIGKILL");
    },
    readDefinition: async () => ({ path: definition, argv: wanted?.argv ?? [], environment: {}, enabled: true }),
    logs: async () => [],
  };
  worlds.push({
    end() {
      wanted = undefined;
      for (const pid of began.filter(isAlive)) process.kill(pid, "SIGKILL");
      rmSync(root, { recursive: true, force: true });
    },
  });

  return {
    home,
    began,
    definition,
    definitions: () => readdirSync(dirname(definition)),
    alive: () => began.filter(isAlive),
    frozen: () => child?.kill("SIGSTOP"),
    skip: () => {
      skipped += 200_000;
    },
    gateway: { ...world.manager, start: refusing("start"), stop: refusing("stop"), restart: refusing("restart"), kill: refusing("kill") },
    gatewayTold,
    async test(
      options: { onCheck?: (result: CheckResult) => void; signal?: AbortSignal; control?: true; gateway?: SelftestWorld["manager"] } = {},
    ) {
      const { checks, leftBehind } = await selftest(
        {
          ...world,
          ...(options.gateway === undefined ? {} : { manager: options.gateway }),
          ...(options.control ? { more: (bench) => controlChecks(own, bench) } : {}),
        },
        { name: NAME, signal: options.signal ?? new AbortController().signal, onCheck: options.onCheck ?? (() => undefined) },
      );
      const verdicts = Object.fromEntries(checks.map(({ id, verdict }) => [id, verdict]));
      const found = Object.fromEntries(checks.map((check) => [check.id, check.found]));
      return { checks, verdicts, found, leftBehind };
    },
  };
}

const ALL_PROVED = {
  "gateway-status": "proved",
  "gateway-definition": "proved",
  "gateway-logs": "proved",
  install: "proved",
  starts: "proved",
  "install-again": "proved",
  argv: "proved",
  "comes-back": "proved",
  uninstall: "proved",
  "uninstall-again": "proved",
};

describe("the self-test of a service manager", () => {
  it("proves everything on one that does as it should, and leaves nothing", async () => {
    const there = supervisor();
    const { verdicts, found, leftBehind } = await there.test();
    expect(verdicts, JSON.stringify(found)).toEqual(ALL_PROVED);
    expect(leftBehind).toEqual([]);
    expect(there.began).toHaveLength(2);
    expect(there.alive()).toEqual([]);
    expect(there.definitions()).toEqual([]);
    expect(found["comes-back"]).toMatch(new RegExp(`^pid ${there.began[0]} → ${there.began[1]} after \\d+ ms$`));
  });

  it("only asks the gateway's service, and writes down no word, variable or log line of it that may be a secret", async () => {
    const there = supervisor();
    const { checks, found } = await there.test({ gateway: there.gateway });
    expect(there.gatewayTold).toEqual([]);
    expect(JSON.stringify(checks)).not.toContain(SECRET);
    expect(found["gateway-status"]).toBe("systemd: running, pid 77");
    expect(found["gateway-definition"]).toBe(
      `${there.home}/.config/gateway: /usr/bin/node /opt/openclaw/entry.js … gateway; 5 words, 1 variables, enabled: true`,
    );
    expect(found["gateway-logs"]).toBe("20 lines");
  });

  it("says that it could not look when the gateway has no service, or cannot be asked", async () => {
    const none = supervisor({ gateway: { readDefinition: async () => null, logs: async () => [] } });
    expect((await none.test()).verdicts).toEqual({
      ...ALL_PROVED,
      "gateway-definition": "could not look",
      "gateway-logs": "could not look",
    });
    const mute = supervisor({
      gateway: { status: () => Promise.reject(new RescueError("service-control", "no answer", { fix: "ask again" })) },
    });
    const { verdicts, found } = await mute.test();
    expect(verdicts).toEqual({ ...ALL_PROVED, "gateway-status": "could not look" });
    expect(found["gateway-status"]).toBe("service-control: no answer → ask again");
  });

  it("does not take another program for the gateway", async () => {
    const argv = ["/usr/bin/node", "/opt/other/entry.js", "gateway"];
    const other = supervisor({ gateway: { readDefinition: async () => ({ path: null, argv, environment: {}, enabled: null }) } });
    expect((await other.test()).verdicts).toEqual({ ...ALL_PROVED, "gateway-definition": "failed" });
  });

  it("tells one that does not start a killed service again, with what the manager says of it", async () => {
    const there = supervisor({ keepsDead: true });
    const { checks, verdicts, leftBehind } = await there.test();
    expect(verdicts).toEqual({ ...ALL_PROVED, "comes-back": "failed" });
    const check = checks.find(({ id }) => id === "comes-back");
    expect(check?.found).toMatch(/^pid \d+ → none after \d+ ms$/);
    expect(check?.raw).toBe(`● a unit below ${there.home}\nEnvironment=…\n`);
    expect(leftBehind).toEqual([]);
  });

  it("tells one whose second install ends a process that runs", async () => {
    const there = supervisor({ restartsOnInstall: true });
    const { verdicts, found } = await there.test();
    expect(verdicts).toEqual({ ...ALL_PROVED, "install-again": "failed" });
    expect(found["install-again"]).toContain(`unchanged, pid ${there.began[0]} dead`);
  });

  it("tells one that mangles arguments", async () => {
    const there = supervisor({ mangles: (argv) => argv.map((word) => word.replaceAll('"', "")) });
    const { verdicts, found } = await there.test();
    expect(verdicts).toEqual({ ...ALL_PROVED, argv: "failed" });
    expect(found["argv"]).toContain('"say hi"');
  });

  it("tells a definition that was left behind, and how it is removed", async () => {
    const there = supervisor({ leavesDefinition: true });
    const { verdicts, found, leftBehind } = await there.test();
    expect(verdicts).toEqual({ ...ALL_PROVED, uninstall: "failed", "uninstall-again": "could not look" });
    expect(found["uninstall"]).toBe(`removed; ${there.definition} is there`);
    expect(leftBehind).toEqual([
      { what: `${there.definition} is there`, command: expect.stringContaining("systemctl --user disable --now") },
    ]);
    expect(there.alive()).toEqual([]);
  });

  it("tells a process that outlives its service, and has the program end itself", async () => {
    const there = supervisor({ leavesProcess: true });
    const seen: number[][] = [];
    const { verdicts, leftBehind } = await there.test({
      onCheck: ({ id }) => {
        if (id === "comes-back") setTimeout(there.skip, 300);
        if (id === "uninstall") seen.push(there.alive());
      },
    });
    expect(verdicts["uninstall"]).toBe("failed");
    expect(seen).toEqual([[there.began[1]]]);
    expect(leftBehind).toEqual([]);
    expect(there.alive()).toEqual([]);
  });

  it("tells why an install was refused, tries nothing that needs it, and takes away what it may have left", async () => {
    const refusal = new RescueError("service-control", "the manager will not", { fix: "ask it nicely" });
    let uninstalls = 0;
    const there = supervisor({
      install: () => {
        throw refusal;
      },
      uninstall: () => void uninstalls++,
    });
    const { verdicts, found, leftBehind } = await there.test();
    expect(found["install"]).toBe("service-control: the manager will not → ask it nicely");
    expect(verdicts).toMatchObject({ install: "failed", starts: "could not look", argv: "could not look", uninstall: "could not look" });
    expect(found["starts"]).toBe("not tried without install");
    expect(uninstalls).toBe(1);
    expect(leftBehind).toEqual([]);
  });

  it("turns a fault of our own into a finding too, and still takes the service away", async () => {
    let installs = 0;
    const there = supervisor({
      install: () => {
        if (++installs === 2) throw new TypeError("undefined is not a service");
      },
    });
    const { verdicts, found, leftBehind } = await there.test();
    expect(verdicts).toEqual({ ...ALL_PROVED, "install-again": "failed" });
    expect(found["install-again"]).toBe("TypeError: undefined is not a service");
    expect(leftBehind).toEqual([]);
    expect(there.definitions()).toEqual([]);
  });

  it("tells a service that cannot be uninstalled; its process ends all the same", async () => {
    const there = supervisor({
      keepsDead: true,
      uninstall: () => {
        throw new RescueError("service-control", "it will not go");
      },
    });
    const { verdicts, leftBehind } = await there.test();
    expect(verdicts).toMatchObject({ uninstall: "failed", "uninstall-again": "could not look" });
    expect(leftBehind.map(({ what }) => what)).toEqual([
      `rescue-watchdog-${NAME}.service: service-control: it will not go`,
      `${there.definition} is there`,
    ]);
    expect(there.alive()).toEqual([]);
  });

  it("leaves nothing when it is interrupted between two checks", async () => {
    const there = supervisor();
    const abort = new AbortController();
    const { verdicts, found, leftBehind } = await there.test({
      signal: abort.signal,
      onCheck: ({ id }) => id === "starts" && abort.abort(),
    });
    expect(verdicts).toMatchObject({ starts: "proved", "install-again": "could not look", uninstall: "could not look" });
    expect(found["argv"]).toBe("interrupted");
    expect(leftBehind).toEqual([]);
    expect(there.began).toHaveLength(1);
    expect(there.alive()).toEqual([]);
    expect(there.definitions()).toEqual([]);
  });

  it("leaves nothing when it is interrupted while it waits for a process", async () => {
    const there = supervisor({ mangles: () => [process.execPath, "-e", "setTimeout(() => {}, 60_000)"] });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    const { verdicts, found, leftBehind } = await there.test({ signal: abort.signal });
    expect(verdicts).toMatchObject({ install: "proved", starts: "could not look", "comes-back": "could not look" });
    expect(found["starts"]).toBe("interrupted: interrupted");
    expect(leftBehind).toEqual([]);
    expect(there.alive()).toEqual([]);
  });

  it("kills no process that does not answer", async () => {
    const there = supervisor();
    const { verdicts, found } = await there.test({
      onCheck: ({ id }) => {
        if (id !== "argv") return;
        there.frozen();
        setTimeout(there.skip, 200);
      },
    });
    expect(verdicts).toEqual({ ...ALL_PROVED, "comes-back": "failed" });
    expect(found["comes-back"]).toBe(`pid ${there.began[0]} does not answer; nothing was killed`);
    expect(there.began).toHaveLength(1);
  });

  it("refuses a name that is taken, and touches nothing", async () => {
    const onDisk = supervisor();
    writeFileSync(onDisk.definition, "somebody's");
    await expect(onDisk.test()).rejects.toMatchObject({
      code: "refused",
      message: expect.stringContaining(`${NAME}.service is there already`),
    });
    expect(readFileSync(onDisk.definition, "utf8")).toBe("somebody's");
    expect(onDisk.began).toEqual([]);

    const inMemory = supervisor({ asked: () => ({ exitCode: 0, stdout: "LoadState=loaded\n" }) });
    await expect(inMemory.test()).rejects.toMatchObject({ code: "refused" });
    expect(inMemory.began).toEqual([]);
  });

  it("refuses when it cannot be told whether the name is taken", async () => {
    const there = supervisor({ asked: () => ({ exitCode: 1, stdout: "Access denied" }) });
    await expect(there.test()).rejects.toMatchObject({ code: "service-control", message: expect.stringContaining("cannot be told") });
    expect(there.began).toEqual([]);
  });
});

describe("the self-test of launchd's control", () => {
  const CONTROL = ["plutil", "control-status", "control-kill-other", "control-restart", "control-stop-start", "control-parked"];

  it("proves it on our own agent", async () => {
    const there = supervisor({ platform: "darwin" });
    const { verdicts, found, leftBehind } = await there.test({ control: true });
    expect(verdicts, JSON.stringify(found)).toEqual({ ...ALL_PROVED, ...Object.fromEntries(CONTROL.map((id) => [id, "proved"])) });
    expect(leftBehind).toEqual([]);
    // First, restart, start after stop, start after 78, after the kill.
    expect(there.began).toHaveLength(5);
    expect(there.alive()).toEqual([]);
  });

  it("tells a restart that did not ask first, and a 78 that was not seen", async () => {
    const there = supervisor({ platform: "darwin", restartBy: "SIGKILL", deafTo78: true });
    const { verdicts, found } = await there.test({ control: true });
    expect(verdicts).toMatchObject({
      "control-status": "proved",
      "control-restart": "failed",
      "control-parked": "failed",
      "comes-back": "proved",
    });
    expect(found["control-restart"]).toMatch(/^no SIGTERM, pid \d+ → \d+$/);
    expect(found["control-parked"]).toMatch(/^stopped, pid \d+ after \d+ ms$/);
  });
});
