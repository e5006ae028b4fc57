import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ManagedService } from "../src/service-installers/installer.ts";
import { launchdControl } from "../src/service-installers/launchd/control.ts";
import { programPath } from "../src/service-installers/schtasks/programs.ts";
import { installerHere, managerHere, nativeControl } from "../src/service-installers/select.ts";
import { footprint } from "../src/service-installers/selftest/footprint.ts";
import { isAlive, pids } from "../src/service-installers/selftest/program.ts";
import {
  type Check,
  type CheckResult,
  type ForAPerson,
  judged,
  type LeftBehind,
  type MachineReport,
  overall,
  type SelftestReport,
  withoutHome,
} from "../src/service-installers/selftest/report.ts";
import { type Bench, type SelftestWorld, selftest, until } from "../src/service-installers/selftest/run.ts";
import { managerEnv } from "../src/service-installers/systemd/systemctl.ts";
import { messageOf, RescueError, systemErrorCode } from "../src/shared/errors.ts";
import { scrubbedEnv } from "../src/shared/openclaw-home.ts";
import { runCommand } from "../src/shared/run-command.ts";
import { readIfThere } from "../src/shared/secure-file.ts";
import { monotonicMs } from "./observe/clock.ts";

export type { CheckResult, ForAPerson, SelftestReport };

export interface SelftestOptions {
  readonly profile: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Of this package, for the report. */
  readonly version: string;
}

export interface Selftest {
  /** What will be made and taken away, and how a person takes it away if this process is killed meanwhile. */
  readonly throwaway: string;
  readonly remove: string;
  /** What the manager calls the services of the profile that is watched: our watcher, and the gateway. */
  readonly names: { readonly watcher: string; readonly gateway: string };
  run(signal: AbortSignal, onCheck: (result: CheckResult) => void): Promise<MachineReport>;
}

const PROGRAM_WITHIN_MS = 15_000;
/** A start, and an end, by what launchd was told. */
const WITHIN_MS = 30_000;

/** The self-test with this machine's manager; nothing is made yet. Throws `service-control` without a manager. */
export async function openSelftest({ profile, home, env, version }: SelftestOptions): Promise<Selftest> {
  const { platform } = process;
  const here = await managerHere(platform, env);
  const installer = installerHere({ platform, env, home });
  if (here.name === "none" || installer === undefined) {
    throw new RescueError("service-control", `there is no service manager to test: ${here.name === "none" ? here.why : platform}`);
  }
  const name = `selftest-${randomInt(36 ** 5, 36 ** 6).toString(36)}`;
  const uid = process.getuid?.() ?? 0;
  const print = footprint(platform, name, { home, uid });
  // The platform's own, also where a supervisor has the gateway: it is the manager that is tested.
  const manager = nativeControl({ profile, env, platform });
  if (manager === undefined) throw new RescueError("service-control", `services of ${platform} are not supported`);
  return {
    throwaway: print.title,
    remove: print.remove,
    names: { watcher: footprint(platform, profile, { home, uid }).title, gateway: manager.name },
    async run(signal, onCheck) {
      const directory = mkdtempSync(join(tmpdir(), "rescue-watchdog-selftest-"));
      const startedAt = new Date().toISOString();
      const begunMs = monotonicMs();
      const world: SelftestWorld = {
        platform,
        home,
        uid,
        manager,
        installer,
        runProgram: (argv) =>
          runCommand(here.name === "schtasks" ? onWindows(argv, env) : argv, { env: programEnv(env), timeoutMs: PROGRAM_WITHIN_MS }),
        directory,
        nowMs: monotonicMs,
        sleep: (ms) => sleep(ms),
        // launchd's room can be pointed at any label that begins as the host's do, and ours does.
        ...(here.name === "launchd"
          ? { more: (bench) => controlChecks(launchdControl({ profile: `rescue-watchdog.${name}`, env, home, uid }), bench) }
          : {}),
      };
      const { checks, leftBehind } = await selftest(world, { name, signal, onCheck });
      // While something still runs from it, it stays.
      if (leftBehind.length === 0) leftBehind.push(...removeDirectory(directory));
      return withoutHome(
        {
          format: 1,
          selftest: "service",
          version,
          machine: { platform, release: release(), arch: process.arch, node: process.version },
          verdict: overall({ checks, leftBehind }),
          manager: here.name,
          profile,
          throwaway: print.title,
          startedAt,
          tookMs: Math.round(monotonicMs() - begunMs),
          interrupted: signal.aborted,
          checks,
          leftBehind,
        },
        home,
      );
    },
  };
}

/** What systemctl needs is enough for all of them on a Unix. */
function programEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  return process.platform === "win32" ? scrubbedEnv(env) : managerEnv(env);
}

function onWindows([program = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): string[] {
  return [program === "schtasks" ? programPath("schtasks", env) : program, ...args];
}

function removeDirectory(directory: string): LeftBehind[] {
  try {
    // Windows frees a folder some time after the process that worked in it has ended.
    rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 200 });
    return [];
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return [{ what: messageOf(error), command: process.platform === "win32" ? `rmdir /S /Q "${directory}"` : `rm -r '${directory}'` }];
  }
}

/** What launchd's room can do with a service, done to ours instead of the gateway's. */
export function controlChecks(own: ManagedService, { world, run, print, spec }: Bench): Check[] {
  const current = () => pids(spec).at(-1) ?? 0;
  /** The next start after what `act` does. */
  const nextAfter = async (act: () => Promise<void> | void, withinMs: number): Promise<number | undefined> => {
    const before = pids(spec).length;
    await act();
    return until(world, run.signal, withinMs, () => pids(spec)[before]);
  };
  return [
    {
      id: "plutil",
      proves: "the system's own tool takes the property list",
      expected: "plutil -lint ends with 0",
      needs: "install",
      look: async () => {
        const { exitCode, stdout, stderr } = await world.runProgram(["plutil", "-lint", print.definition ?? ""]);
        return judged(exitCode === 0, `${exitCode}: ${(stdout + stderr).trim()}`);
      },
    },
    {
      id: "control-status",
      proves: "the manager's account of the process is the process's own",
      expected: "running, the pid that the program wrote, its argv",
      needs: "starts",
      look: async () => {
        const { state, mainPid } = await own.status();
        const same = JSON.stringify((await own.readDefinition())?.argv) === JSON.stringify(spec.argv);
        const right = state === "running" && mainPid === current() && same;
        return judged(right, `${state}, pid ${mainPid}, the program's is ${current()}, ${same ? "its" : "another"} argv`);
      },
    },
    {
      id: "control-kill-other",
      proves: "a pid that is not the service's is not killed",
      expected: "refused, and the process lives",
      needs: "starts",
      look: async () => {
        const said = await own.kill(process.pid).then(
          () => "done",
          (error: unknown) => (error instanceof RescueError ? error.code : messageOf(error)),
        );
        return judged(said === "refused" && isAlive(current()), `${said}, pid ${current()} ${isAlive(current()) ? "alive" : "dead"}`);
      },
    },
    {
      id: "control-restart",
      proves: "a restart asks the process to end before it forces it",
      expected: "SIGTERM, and another process",
      needs: "starts",
      look: async () => {
        const before = current();
        const pid = await nextAfter(() => own.restart(), WITHIN_MS);
        const asked = (readIfThere(join(spec.workingDirectory, "signals")) ?? "").includes(`SIGTERM ${before}\n`);
        return judged(asked && pid !== undefined, `${asked ? "SIGTERM" : "no SIGTERM"}, pid ${before} → ${pid ?? "none"}`);
      },
    },
    {
      id: "control-stop-start",
      proves: "stop returns when the process is gone, and a start at once after it works",
      expected: "gone, stopped, another process",
      needs: "starts",
      look: async () => {
        const before = current();
        await own.stop();
        const gone = !isAlive(before);
        const { state } = await own.status();
        const pid = await nextAfter(() => own.start(), WITHIN_MS);
        return judged(gone && state === "stopped" && pid !== undefined, `${gone ? "gone" : "alive"}, ${state}, pid ${pid ?? "none"}`);
      },
    },
    {
      id: "control-parked",
      proves: "an exit with 78 is seen as parked, and a start does not wait out the manager's pause",
      expected: "parked, another process",
      needs: "starts",
      look: async () => {
        const before = current();
        writeFileSync(join(spec.workingDirectory, "park"), "");
        await until(world, run.signal, WITHIN_MS, () => !isAlive(before) || undefined);
        const { state } = await own.status();
        const begun = world.nowMs();
        const pid = await nextAfter(() => own.start(), WITHIN_MS);
        return judged(
          state === "parked" && pid !== undefined,
          `${state}, pid ${pid ?? "none"} after ${Math.round(world.nowMs() - begun)} ms`,
        );
      },
    },
  ];
}
