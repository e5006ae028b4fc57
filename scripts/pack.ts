/** `node scripts/pack.ts [directory]`: packs the package as npm would publish it and prints the tarball's path on stdout. */
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { npm } from "./setup/npm.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = resolve(process.argv[2] ?? root);
const scratch = mkdtempSync(join(root, ".toolchain", "pack-"));
try {
  const args = ["pack", root, "--pack-destination", scratch, "--loglevel", "error"];
  await npm("pack", args, { cwd: root, node: process.execPath, cache: join(scratch, "npm-cache"), env: process.env });
  for (const name of readdirSync(scratch).filter((name) => name.endsWith(".tgz"))) {
    renameSync(join(scratch, name), join(target, name));
    console.log(join(target, name));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
