import { join } from "node:path";
import { readIfThere } from "../../src/shared/secure-file.ts";
import type { Mending } from "./mending.ts";

/** What a step wrote down for a later run of itself, or for a person; undefined when it has not. Our own folder: its shape is ours. */
export function readNote<T>(ports: Pick<Mending, "folder">, name: string): T | undefined {
  const text = readIfThere(join(ports.folder, name));
  return text === undefined ? undefined : JSON.parse(text);
}

export function writeNote(ports: Pick<Mending, "folder" | "write" | "stillOurs">, name: string, value: object): void {
  ports.stillOurs();
  ports.write(join(ports.folder, name), Buffer.from(`${JSON.stringify(value, null, 2)}\n`), 0o600);
}
