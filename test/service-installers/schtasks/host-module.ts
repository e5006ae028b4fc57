import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const DIST = join(import.meta.dirname, "../../../node_modules/openclaw/dist");
/** The host's files carry a hash and its exports one letter, so both are looked for by name. */
const CALL = `
import { pathToFileURL } from "node:url";
const [name, args, ...files] = process.argv.slice(1);
for (const file of files) {
  const found = Object.values(await import(pathToFileURL(file).href)).find((value) => typeof value === "function" && value.name === name);
  if (found === undefined) continue;
  process.stdout.write(Buffer.from(found(...JSON.parse(args))));
  process.exit(0);
}
process.exit(3);`;

/** Calls a function of the installed host, in a process of its own; its answer, a string or a Buffer, as bytes. */
export function hostCall(file: string, name: string, ...args: readonly unknown[]): Buffer {
  const files = readdirSync(DIST).filter((entry) => new RegExp(`^${file}-[\\w-]{8}\\.mjs$`).test(entry));
  const argv = ["--input-type=module", "-e", CALL, name, JSON.stringify(args), ...files.map((entry) => join(DIST, entry))];
  const result = spawnSync(process.execPath, argv);
  if (result.status === 0) return result.stdout;
  throw new Error(`the host's ${file} has no ${name} that works as it did in 2026.9.6: ${result.stderr.toString()}`);
}
