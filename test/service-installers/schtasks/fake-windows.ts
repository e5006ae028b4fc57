import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readIfThere } from "../../../src/shared/secure-file.ts";
import { FAKE_PROGRAMS, type FakeMachine, type FakeTask, readTask, taskFile } from "./fake-programs.ts";
import { hostTaskXml } from "./host-task.ts";

/** A directory with `schtasks`, `taskkill` and `powershell` that keep tasks in files, and an environment in which they are found. */
export function fakeWindows(changed: Partial<FakeMachine> = {}) {
  const home = mkdtempSync(join(tmpdir(), "schtasks-test-"));
  const bin = join(home, "bin");
  mkdirSync(bin);
  for (const program of ["schtasks", "taskkill", "powershell"]) {
    writeFileSync(join(bin, program), `#!/bin/sh\nexec "${process.execPath}" "${FAKE_PROGRAMS}" "${home}" ${program} "$@"\n`, {
      mode: 0o755,
    });
  }
  const machine: FakeMachine = { locale: "en", run: "stays", denied: [], ...changed };
  const save = () => writeFileSync(join(home, "machine.json"), JSON.stringify(machine));
  save();
  const children = new Set<ReturnType<typeof spawn>>();
  return {
    home,
    env: { Path: `${bin}:/usr/bin:/bin`, USERNAME: "Jürgen", USERDOMAIN: "WERKSTATT", TEMP: home, OPENCLAW_PROFILE: "other" },
    machine: (next: Partial<FakeMachine>) => {
      Object.assign(machine, next);
      save();
    },
    /** A task as the host installs it, in some state. */
    hasTask: (name: string, task: Partial<FakeTask> = {}) =>
      writeFileSync(
        taskFile(home, name),
        JSON.stringify({
          state: 3,
          enabled: true,
          lastResult: 0,
          lastRun: "2026-11-20T08:00:00.000Z",
          xml: hostTaskXml(join(home, ".openclaw", "gateway.cmd")),
          ...task,
        }),
      ),
    task: (name: string) => readTask(home, name),
    asked: () => (readIfThere(join(home, "asked")) ?? "").split("\n").filter((line) => line !== ""),
    /** What was asked for besides looks. */
    orders: () => (readIfThere(join(home, "asked")) ?? "").split("\n").filter((line) => line !== "" && !line.startsWith("look|")),
    /** A real process in the place of the gateway, and what the gateway's lock would say of it. */
    gateway: async () => {
      const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
      await once(child, "spawn");
      children.add(child);
      const alive = () => child.exitCode === null && child.signalCode === null;
      return { pid: child.pid ?? 0, mainPid: () => (alive() ? child.pid : undefined), kill: () => child.kill("SIGKILL"), alive, child };
    },
    file: (path: string, content: string | Buffer) => {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), content);
      return join(home, path);
    },
    read: (path: string) => readFileSync(join(home, path), "utf8"),
    remove: async () => {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}
