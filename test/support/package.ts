import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/**
 * What a user installs: the built package with its dependencies, in a directory that nobody writes (the host refuses a plugin whose files
 * change meanwhile, and links that lead out of it).
 */
export function packageCopy(): string {
  const dir = mkdtempSync(join(tmpdir(), "rescue-package-"));
  const dependencies = execFileSync("npm", ["ls", "--omit=dev", "--omit=peer", "--all", "--parseable"], {
    cwd: REPOSITORY,
    encoding: "utf8",
  })
    .split("\n")
    .filter((path) => path.includes("node_modules"))
    .map((path) => relative(REPOSITORY, path));
  for (const name of ["dist", "plugin", "config", "docs", "openclaw.plugin.json", "package.json", "CHANGELOG.md", ...dependencies]) {
    cpSync(join(REPOSITORY, name), join(dir, name), { recursive: true });
  }
  return dir;
}
