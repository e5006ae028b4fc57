import { join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import { readDefinitionFile, removeDefinitionFile, removeLog, usableDirectory, writeDefinitionFile } from "../definition-file.ts";
import type { ServiceInstaller } from "../installer.ts";
import { agentLabel, agentLogs, objectionsToAgent, renderAgent } from "./agent.ts";
import { agentsDirectory, type LaunchdOptions } from "./control.ts";
import { readJobFile } from "./definition.ts";
import { type JobOptions, startJob, unloadJob } from "./job.ts";
import { lookForJob, refuseDisabled } from "./look.ts";

export type InstallerOptions = Omit<LaunchdOptions, "profile">;

/**
 * Lays down the agent that watches a profile: `ai.openclaw.rescue-watchdog.PROFILE`, beside the host's own files but never one of them.
 * @throws RescueError `refused` before anything is written, when the place or the values cannot be trusted, and before launchd is told,
 * when the file is not the one that was written; `service-control` for launchd's own complaints
 */
export function launchdInstaller({ env, uid, home, patienceMs }: InstallerOptions): ServiceInstaller {
  const directory = agentsDirectory(home);

  const jobOf = (profile: string): JobOptions => {
    const label = agentLabel(profile);
    return { label, uid, env, plistPath: join(directory, `${label}.plist`), ...(patienceMs === undefined ? {} : { patienceMs }) };
  };

  return {
    manager: "launchd",

    async install(spec) {
      const text = renderAgent(spec);
      const job = jobOf(spec.profile);
      const seen = await lookForJob(job);
      await refuseDisabled(seen.domain, job);
      usableDirectory(directory, 0o755);
      // Without it launchd ends the job with a 78 of its own.
      usableDirectory(spec.logDirectory, 0o700);
      const written = readDefinitionFile(job.plistPath) !== text;
      if (written) {
        await writeDefinitionFile(directory, `${job.label}.plist`, text);
        // What is loaded is the old file; a kickstart would only start that again.
        await unloadJob(job);
      } else if (seen.job?.reading.state === "running" && !seen.job.ending) {
        return { path: job.plistPath, changed: false };
      }
      await startJob({ ...job, beforeLoad: () => assertAsWritten(job, text) });
      return { path: job.plistPath, changed: true };
    },

    async uninstall(profile) {
      const job = jobOf(profile);
      const unloaded = await unloadJob(job);
      const text = readDefinitionFile(job.plistPath);
      const logs = text === undefined ? [] : ownLogs(text, profile);
      const removed = [removeDefinitionFile(directory, `${job.label}.plist`), ...logs.map((path) => removeLog(path))];
      return unloaded || removed.includes(true);
    },
  };
}

/** Between the writing and the loading somebody may have put another file there; launchd would run it for ever. */
function assertAsWritten({ plistPath, label }: JobOptions, text: string): void {
  const now = readDefinitionFile(plistPath);
  const [objection] = now === text ? objectionsToAgent(now, label) : ["it is not what was written"];
  if (objection === undefined) return;
  throw new RescueError("refused", `${plistPath} was not loaded: ${objection}`, { fix: `look at ${plistPath} and who changes it` });
}

/** The logs that the file names, if they bear our names; of a file that is not understood none are known. */
function ownLogs(text: string, profile: string): string[] {
  if (objectionsToAgent(text, agentLabel(profile)).length > 0) return [];
  return readJobFile(text).logPaths.filter((path) => {
    const { out, err } = agentLogs(join(path, ".."), profile);
    return path === out || path === err;
  });
}
