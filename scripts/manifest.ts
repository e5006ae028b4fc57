/** `node scripts/manifest.ts`: writes what the code knows into openclaw.plugin.json: the schema of its settings, its version and description. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PolicySchema } from "../rescue-profile/config.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(root, name), "utf8"));

/** The manifest as it should be, from the file as it is. */
export function completeManifest(): Record<string, unknown> {
  const { version, description } = read("package.json");
  // TypeBox keeps its kinds under symbols, which JSON leaves out: what remains is plain JSON Schema.
  const configSchema: unknown = JSON.parse(JSON.stringify(PolicySchema));
  return { ...read("openclaw.plugin.json"), version, description, configSchema };
}

if (import.meta.main) writeFileSync(join(root, "openclaw.plugin.json"), `${JSON.stringify(completeManifest(), null, 2)}\n`);
