import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { WATCHDOG_DIR } from "../shared/rescue-home.ts";
import type { SetupFacts } from "./facts.ts";
import { isInside } from "./primary.ts";

/**
 * Where the rescue loads the plugin from. A package that lies inside the primary (the host installs npm packages there) would vanish with
 * `plugins uninstall`, and the rescue would boot green without a watchdog: then it is a copy in the rescue's own directory. A linked clone
 * or a global installation stays what it is.
 */
export function rescuePackageRoot({ primary, rescue }: SetupFacts, pluginRoot: string): string {
  if (!isInside(pluginRoot, primary.stateDir)) return pluginRoot;
  const source = installedProject(pluginRoot);
  return join(copyDirectory(rescue.stateDir), relative(source, pluginRoot));
}

/** Copies the package with the packages that it needs, beside the earlier copy, and takes its place. */
export function copyPackage(rescueStateDir: string, pluginRoot: string): void {
  const target = copyDirectory(rescueStateDir);
  const fresh = `${target}.new`;
  const old = `${target}.old`;
  for (const path of [fresh, old]) rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  // Links lead back into the primary: `.bin`, and the host itself as the peer of the package.
  const isOwn = (path: string) => ![".bin", "openclaw", ".package-lock.json"].includes(basename(path)) || !path.includes("node_modules");
  cpSync(installedProject(pluginRoot), fresh, { recursive: true, dereference: true, filter: isOwn });
  if (existsSync(target)) renameSync(target, old);
  renameSync(fresh, target);
  rmSync(old, { recursive: true, force: true });
}

function copyDirectory(rescueStateDir: string): string {
  return join(rescueStateDir, WATCHDOG_DIR, "package");
}

/** What tells where the packages are that ours needs; the host puts links of its own into either place. */
const NEEDED = join("@openclaw", "fs-safe");

/** The directory whose node_modules holds the package and what it needs; the package itself when it holds them. */
function installedProject(pluginRoot: string): string {
  const modules = dirname(pluginRoot);
  const hoisted = basename(modules) === "node_modules" && existsSync(join(modules, NEEDED));
  return hoisted && !existsSync(join(pluginRoot, "node_modules", NEEDED)) ? dirname(modules) : pluginRoot;
}
