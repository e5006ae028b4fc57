import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import type { ServiceInstaller, ServiceSpec } from "../installer.ts";
import { lookAtTask, type TaskLook, type TaskOptions } from "./look.ts";
import { variable } from "./programs.ts";
import { endTask, isActive, orderTask, refuseDisabled, runTask } from "./task.ts";
import { encodeTask, parseTask, renderTask } from "./task-xml.ts";

export interface InstallOptions {
  /** Where Windows' programs are found, and who the account is (`USERNAME`, `USERDOMAIN`). */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** See {@link TaskOptions.patienceMs}. */
  readonly patienceMs?: number;
}

/** Task of the watchdog that watches this profile. */
export function watchdogTaskName(profile: string): string {
  // A backslash would be a folder, a slash an option; the host allows neither in a profile's name.
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/i.test(profile)) return `OpenClaw Rescue Watchdog (${profile})`;
  throw new RescueError("refused", `${JSON.stringify(profile)} cannot be part of a task's name`, {
    fix: "use letters, digits, - and _ in the profile's name",
  });
}

/**
 * Installs the watchdog as a task of this account that starts at its logon, shown in a console window. It needs no administrator, where
 * the machine's policy lets users have tasks; nothing is put into the Startup folder instead.
 *
 * A task carries no environment and keeps no output: `environment` must be empty (the account's own is what it runs with), and nothing
 * is written to `logDirectory`.
 *
 * @throws RescueError `service-control`; `refused` for what a task cannot carry
 */
export function schtasksInstaller({ env, patienceMs }: InstallOptions): ServiceInstaller {
  const optionsFor = (name: string): TaskOptions => ({ name, env, ...(patienceMs === undefined ? {} : { patienceMs }) });

  return {
    manager: "schtasks",

    async install(spec) {
      const options = optionsFor(watchdogTaskName(spec.profile));
      const xml = xmlOf(spec, accountOf(env));
      const before = await lookAtTask(options);
      // `/Create` would enable it again.
      if (before !== null) refuseDisabled(before, options.name);
      const changed = before === null || !isSame(before, xml);
      if (changed) {
        if (before !== null) await endTask(before, options);
        await register(options, xml);
      }
      const after = await lookAtTask(options);
      if (after === null || !isSame(after, xml)) {
        throw new RescueError("service-control", `the Task Scheduler took ${options.name}, but keeps something else under that name`, {
          fix: `taskschd.msc, "${options.name}"`,
        });
      }
      if (!isActive(after)) await runTask(after, options);
      return { path: `\\${options.name}`, changed };
    },

    async uninstall(profile) {
      const options = optionsFor(watchdogTaskName(profile));
      const before = await lookAtTask(options);
      if (before === null) return false;
      await endTask(before, options);
      await orderTask("/Delete", options, ["/F"]);
      if ((await lookAtTask(options)) === null) return true;
      throw new RescueError("service-control", `the scheduled task ${options.name} is still there after its deletion`, {
        fix: `taskschd.msc, "${options.name}"`,
      });
    },
  };
}

function xmlOf(spec: ServiceSpec, user: string): string {
  const variables = Object.keys(spec.environment);
  if (variables.length > 0) {
    throw new RescueError("refused", `a scheduled task carries no environment: ${variables.join(", ")}`, {
      fix: "put it into the arguments or the settings, or set it for the account",
    });
  }
  return renderTask({ description: spec.description, user, argv: spec.argv, workingDirectory: spec.workingDirectory });
}

/** As the host names it. A workgroup is no domain, and the system's account (`MACHINE$`) never logs on. */
function accountOf(env: InstallOptions["env"]): string {
  const user = variable(env, "USERNAME");
  const domain = variable(env, "USERDOMAIN");
  if (user === undefined || user.endsWith("$")) {
    throw new RescueError("service-control", "no user to make a task for: USERNAME is not set, or is the system's own", {
      fix: "run this as the account that owns the gateway",
    });
  }
  return domain === undefined || domain.toLowerCase() === "workgroup" || user.includes("\\") ? user : `${domain}\\${user}`;
}

/** The Task Scheduler adds to what it is given and writes the user as a number, so only what decides is compared. */
function isSame(look: TaskLook, xml: string): boolean {
  return JSON.stringify(parseTask(look.xml)) === JSON.stringify(parseTask(xml));
}

async function register(options: TaskOptions, xml: string): Promise<void> {
  const directory = mkdtempSync(join(variable(options.env, "TEMP") ?? tmpdir(), "rescue-watchdog-task-"));
  try {
    const file = join(directory, "task.xml");
    writeFileSync(file, encodeTask(xml), { mode: 0o600, flag: "wx" });
    await orderTask("/Create", options, ["/F", "/XML", file]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
