import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { RescueError } from "../../src/shared/errors.ts";
import { isThere } from "../../src/shared/secure-file.ts";
import type { Mending } from "./mending.ts";

/** The snapshot and what the host writes beside it: a disk that fills up during a doctor is worse than what it was to mend. */
const ROOM = 2;

/**
 * Copies the host's databases into the folder with SQLite's own backup, so that a write in between harms nothing. Once: what lies there was
 * taken before the doctor. Nothing here puts them back: a database that was exchanged cost users their jobs (issue 115421); that is a
 * person's decision. Returns the directory. Throws `refused` when the disk has not twice the room.
 */
export async function snapshotDatabases(ports: Pick<Mending, "databases" | "folder" | "freeBytes" | "stillOurs">): Promise<string> {
  const directory = join(ports.folder, "databases");
  if (isThere(directory)) return directory;
  const databases = ports.databases.filter((path) => existsSync(path));
  const wanted = ROOM * databases.reduce((sum, path) => sum + sizeOf(path) + sizeOf(`${path}-wal`), 0);
  const free = await ports.freeBytes(ports.folder);
  if (free < wanted) {
    throw new RescueError(
      "refused",
      `a snapshot of the databases needs ${megabytes(wanted)} of free disk and there are ${megabytes(free)}`,
      {
        fix: "free some space",
      },
    );
  }
  ports.stillOurs();
  const draft = `${directory}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  for (const [at, path] of databases.entries()) await copyDatabase(path, join(draft, `${at}-${basename(path)}`));
  renameSync(draft, directory);
  return directory;
}

async function copyDatabase(from: string, to: string): Promise<void> {
  // SQLite would make it with the user's default mode.
  closeSync(openSync(to, "wx", 0o600));
  const source = new DatabaseSync(from, { readOnly: true, timeout: 1_000 });
  try {
    await backup(source, to);
  } finally {
    source.close();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_048_576)} MB`;
}
