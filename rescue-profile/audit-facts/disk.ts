import { statfs } from "node:fs/promises";
import type { DiskFacts } from "../audit/facts.ts";
import { freeBytes, freeRatio } from "../observe/resources.ts";

/** The file system that the directory is on, as this account may use it. */
export async function readDisk(directory: string): Promise<Omit<DiskFacts, "daysLeft">> {
  const { files, ffree } = await statfs(directory);
  return {
    freeBytes: await freeBytes(directory),
    freeRatio: await freeRatio(directory),
    freeInodesRatio: files === 0 ? null : ffree / files,
  };
}
