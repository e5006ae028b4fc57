import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { externalControl } from "../../../src/service-installers/external/control.ts";
import { systemErrorCode } from "../../../src/shared/errors.ts";
import { alive, MAIN, makeStateDir, QUICK, readLines, until } from "./harness.ts";

/**
 * Behaves as a gateway does: notes its pid, ends with 78 while its configuration is broken, leaves an orphan to whoever is pid 1, and needs
 * a moment to drain, of which it tells. `runs` is its only argument.
 */
const GATEWAY = `
  const { appendFileSync, existsSync } = require("node:fs");
  const runs = process.argv[1];
  process.on("SIGTERM", () => setTimeout(() => { appendFileSync(runs + ".drained", process.pid + "\\n"); process.exit(0); }, 400));
  require("node:child_process").execFileSync("sh", ["-c", "sleep 0.05 &"], { stdio: "ignore" });
  appendFileSync(runs, process.pid + "\\n");
  if (existsSync(runs + ".broken")) process.exit(78);
  setInterval(() => undefined, 60_000);
`;

interface Place {
  readonly directory: string;
  /** A program that is the supervisor with the fake gateway. */
  readonly command: string;
}

interface Init {
  readonly name: string;
  readonly program: string;
  readonly debianPackage: string;
  /** Starts the supervisor again when that dies, instead of ending with it. */
  readonly keeps: boolean;
  /** Its configuration is written below the directory; gives what becomes pid 1. */
  readonly argv: (place: Place) => readonly string[];
}

const INITS: readonly Init[] = [
  {
    name: "tini",
    program: "tini",
    debianPackage: "tini",
    keeps: false,
    argv: ({ command }) => ["tini", "--", command],
  },
  {
    name: "s6-svscan",
    program: "s6-svscan",
    debianPackage: "s6",
    keeps: true,
    argv({ directory, command }) {
      const service = join(directory, "services/gateway");
      mkdirSync(service, { recursive: true });
      writeFileSync(join(service, "run"), `#!/bin/sh\nexec 2>&1\nexec ${command}\n`);
      chmodSync(join(service, "run"), 0o755);
      return ["s6-svscan", join(directory, "services")];
    },
  },
  {
    name: "supervisord",
    program: "supervisord",
    debianPackage: "supervisor",
    keeps: true,
    argv({ directory, command }) {
      const config = join(directory, "supervisord.conf");
      writeFileSync(
        config,
        `[supervisord]\nnodaemon=true\nuser=root\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=${directory}/pid\n` +
          `[program:gateway]\ncommand=${command}\nstopwaitsecs=345\nredirect_stderr=true\nstdout_logfile=${directory}/out\n`,
      );
      return ["supervisord", "-c", config];
    },
  },
];

const UNSHARE = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"];

/** Why this cannot run here, or undefined. */
function whyNot({ program, debianPackage }: Pick<Init, "program" | "debianPackage">): string | undefined {
  if (process.platform !== "linux") return "pid namespaces are Linux'";
  if (spawnSync("unshare", [...UNSHARE, "true"], { timeout: 5_000 }).status !== 0)
    return "unshare may not make a pid namespace: needs root";
  return spawnSync(program, ["-h"], { timeout: 5_000 }).error === undefined
    ? undefined
    : `${program} is missing: apt install ${debianPackage}`;
}

const REASONS = new Map(INITS.map((init) => [init.name, whyNot(init)]));
for (const [name, reason] of REASONS) if (reason !== undefined) console.warn(`the supervisor under ${name} is not tested: ${reason}`);
const NO_NAMESPACE = whyNot({ program: "true", debianPackage: "coreutils" });

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function startUnder(init: Pick<Init, "argv">) {
  const { stateDir, runsFile, remove } = makeStateDir();
  cleanUp.push(remove);
  const directory = join(stateDir, "..");
  const command = join(directory, "supervise");
  const supervisor = [process.execPath, MAIN, stateDir, JSON.stringify(QUICK), process.execPath].map((word) => `'${word}'`).join(" ");
  writeFileSync(command, `#!/bin/sh\nexec ${supervisor} -e "$GATEWAY" '${runsFile}'\n`, { mode: 0o755 });
  const env = { PATH: process.env["PATH"], GATEWAY };
  const argv = [...UNSHARE, ...init.argv({ directory, command })];
  const outer = spawn("unshare", argv, { env, cwd: directory, stdio: ["ignore", "ignore", "inherit"] });
  cleanUp.push(() => endWithNamespace(outer));
  const pidOne = await until("a pid 1", () => childrenOf(outer.pid ?? 0)[0]);
  const everybody = () => [pidOne, ...descendantsOf(pidOne)];
  return {
    outer,
    pidOne,
    runsFile,
    control: externalControl(stateDir),
    everybody,
    /** Its pid out here, from the pid that it has in there. */
    gateway: (run: number) =>
      until(`run ${run} of the gateway`, () => {
        const inside = readLines(runsFile)[run - 1];
        return inside === undefined ? undefined : everybody().find((pid) => fieldOf(pid, "NSpid")?.endsWith(`\t${inside}`));
      }),
    /** Another than the one that was killed: while that dies, its socket may still take a connection. */
    supervisor: (except?: number) =>
      until("a supervisor", () => everybody().find((pid) => pid !== except && contents(`/proc/${pid}/cmdline`)?.includes(`\0${MAIN}\0`))),
    zombies: () => everybody().filter((pid) => fieldOf(pid, "State")?.startsWith("Z")),
  };
}

/** `--kill-child` takes the whole namespace along. */
async function endWithNamespace(outer: ChildProcess): Promise<void> {
  if (outer.exitCode !== null || outer.signalCode !== null) return;
  const exit = once(outer, "exit");
  outer.kill("SIGKILL");
  await exit;
}

/** Those of its main thread: Node starts its children from there, and shells and inits have no other. */
function childrenOf(pid: number): number[] {
  const text = contents(`/proc/${pid}/task/${pid}/children`);
  return text === undefined || text === "" ? [] : text.trim().split(" ").map(Number);
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function fieldOf(pid: number, name: string): string | undefined {
  return contents(`/proc/${pid}/status`)
    ?.split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)
    .trim();
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ESRCH") return undefined;
    throw error;
  }
}

const skipped = (reason: string | undefined) => (reason === undefined ? "" : ` (SKIPPED: ${reason})`);

for (const init of INITS) {
  const reason = REASONS.get(init.name);
  describe.skipIf(reason !== undefined)(`the supervisor under ${init.name} as pid 1${skipped(reason)}`, () => {
    it("brings a killed gateway back, and no zombie stays", async () => {
      const { gateway, zombies } = await startUnder(init);
      const first = await gateway(1);
      process.kill(first, "SIGKILL");
      expect(await gateway(2)).not.toBe(first);
      await until("no zombie", () => zombies().length === 0);
    });

    it("leaves a gateway down that ended with 78, until it is told to start", async () => {
      const { gateway, runsFile, control, pidOne } = await startUnder(init);
      const first = await gateway(1);
      writeFileSync(`${runsFile}.broken`, "");
      process.kill(first, "SIGKILL");
      await until("it is parked", async () => (await control.status()).state === "parked");
      // Longer than s6's and supervisord's own pause of a second.
      await sleep(1_500);
      expect(await control.status()).toMatchObject({ state: "parked", lastExit: { code: 78 } });
      expect([readLines(runsFile).length, alive(pidOne)]).toEqual([2, true]);
      rmSync(`${runsFile}.broken`);
      await control.start();
      await gateway(3);
    });

    it("drains the gateway on SIGTERM to pid 1, and nothing is left", async () => {
      const { gateway, runsFile, pidOne, everybody, outer } = await startUnder(init);
      await gateway(1);
      const all = everybody();
      const exit = once(outer, "exit");
      process.kill(pidOne, "SIGTERM");
      expect(await exit).toEqual([0, null]);
      expect(readLines(`${runsFile}.drained`)).toEqual(readLines(runsFile));
      expect(all.filter(alive)).toEqual([]);
    });

    if (init.keeps) {
      it("brings a killed supervisor back, which adopts the gateway", async () => {
        const { gateway, runsFile, control, supervisor } = await startUnder(init);
        const first = await gateway(1);
        const killed = await supervisor();
        process.kill(killed, "SIGKILL");
        await supervisor(killed);
        await until("another answers", async () => (await control.status()).state === "running");
        expect([alive(first), readLines(runsFile).length]).toEqual([true, 1]);
      });
    } else {
      it("ends with a killed supervisor, and takes the gateway along", async () => {
        const { gateway, supervisor, outer } = await startUnder(init);
        const first = await gateway(1);
        const exit = once(outer, "exit");
        process.kill(await supervisor(), "SIGKILL");
        expect(await exit).toEqual([128 + 9, null]);
        expect(alive(first)).toBe(false);
      });
    }
  });
}

describe.skipIf(NO_NAMESPACE !== undefined)(`the supervisor as pid 1 itself${skipped(NO_NAMESPACE)}`, () => {
  it("collects zombies, which is why it wants an init", async () => {
    const { gateway, zombies } = await startUnder({ argv: ({ command }) => [command] });
    process.kill(await gateway(1), "SIGKILL");
    await gateway(2);
    await until("two zombies", () => zombies().length === 2);
  });
});
