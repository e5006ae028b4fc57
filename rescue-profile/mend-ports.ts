import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { RescueError } from "../src/shared/errors.ts";
import { incidentFolder, incidentsDir } from "../src/shared/incident-folder.ts";
import { runHost } from "../src/shared/openclaw-cli.ts";
import { readEntry, restoreFiles, saveFiles } from "./copies/entry.ts";
import { fingerprintOf } from "./copies/fingerprint.ts";
import { listCopies } from "./copies/ring.ts";
import { moveWhole, writeWhole } from "./copies/whole-file.ts";
import type { ListenerReading } from "./core/model.ts";
import { findGatewayHost } from "./gateway-host.ts";
import { wallMs } from "./observe/clock.ts";
import { databaseFiles } from "./observe/database-finding.ts";
import { writeLockHolders } from "./observe/kernel-locks.ts";
import { observeListener } from "./observe/listener.ts";
import { readLockFile } from "./observe/lock-file.ts";
import { readProcess } from "./observe/process.ts";
import type { Watchdog } from "./open-watchdog.ts";
import type { MendPorts } from "./repair/mending.ts";

/** Copies of databases may be large. */
const INCIDENTS_KEPT = 20;

/** The real world for the steps that mend files. What is taken away or replaced is kept in `<dir>/incidents/<incident>`. */
export async function mendPorts(dog: Pick<Watchdog, "dir" | "target" | "options" | "service">, incident: number): Promise<MendPorts> {
  const { dir, target, options } = dog;
  const { configPath, lockPath, port } = target;
  const folder = incidentFolder(dir, incident);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  forgetOldest(incidentsDir(dir));
  const { cli } = await findGatewayHost(options);
  return {
    folder,
    configPath,
    config: () => fingerprintOf(configPath),
    copies: () => listCopies(dir).copies,
    save: (directory, paths) => saveFiles(directory, paths, wallMs()),
    saved: readEntry,
    restore: restoreFiles,
    write: writeWhole,
    move: moveWhole,
    host: async (args, { timeoutMs }) => {
      if (cli === undefined) throw new RescueError("not-running", "the openclaw command was not found", { fix: "npm install -g openclaw" });
      return runHost(cli, options.profile, args, { timeoutMs });
    },
    databases: databaseFiles(target),
    freeBytes: async (directory) => {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
    lockPath,
    readLock: readLockFile,
    lockHolders: () => writeLockHolders([`${lockPath}.sqlite`]),
    lives: async () => (await gatewayAgeMs(dog)) !== undefined,
    listens: async () => (await listenerOn(port)).state !== "none",
  };
}

/** How long ago the gateway that lives now was started, in ms; undefined: none lives. Throws when that could not be seen. */
export async function gatewayAgeMs({ service, target }: Pick<Watchdog, "service" | "target">): Promise<number | undefined> {
  const { mainPid } = await service.status();
  const process = await readProcess(target, mainPid === undefined ? {} : { serviceMainPid: mainPid });
  if (!process.ok) throw new Error(process.why);
  return process.value.state === "alive" ? process.value.ageMs : undefined;
}

/** Who listens on this port of the loopback. Throws when that could not be seen. */
export async function listenerOn(port: number): Promise<ListenerReading> {
  const listener = await observeListener(port, []);
  if (!listener.ok) throw new Error(listener.why);
  return listener.value;
}

function forgetOldest(incidents: string): void {
  const numbers = readdirSync(incidents)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const old = numbers.sort((a, b) => b - a).slice(INCIDENTS_KEPT);
  for (const number of old) rmSync(join(incidents, String(number)), { recursive: true, force: true });
}
