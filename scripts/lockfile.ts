/**
 * `node scripts/lockfile.ts`: completes package-lock.json after an `npm install` against a registry with gaps. npm leaves out the native
 * packages of other platforms that such a registry lacks, and then `npm ci` refuses the lockfile everywhere. They are added with the exact
 * version that their (checksummed) parent asks for and the platform that their name tells; npm skips them on every other platform.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly inBundle?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
export type LockedPackages = Readonly<Record<string, LockedPackage>>;

/** The optional packages that an exact version asks for and no entry provides, by the place where npm would put them. */
export function missingOptionals(packages: LockedPackages): LockedPackages {
  const missing: Record<string, LockedPackage> = {};
  for (const [parent, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const found = provider({ ...packages, ...missing }, parent, name);
      if (!/^\d+\.\d+\.\d+$/.test(version) || found?.version === version) continue;
      const place = found === undefined ? `node_modules/${name}` : `${parent}/node_modules/${name}`;
      missing[place] = { version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true };
    }
  }
  return missing;
}

/** Node's own search: the nearest node_modules on the way up. */
function provider(packages: LockedPackages, from: string, name: string): LockedPackage | undefined {
  const found = packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`];
  if (found !== undefined || from === "") return found;
  return provider(packages, from.slice(0, Math.max(from.lastIndexOf("node_modules/") - 1, 0)), name);
}

/** "@x/y-linux-arm64-musl" → os linux, cpu arm64, libc musl. Throws when the name tells no platform. */
function platformOf(name: string): { os: string[]; cpu: string[]; libc?: string[] } {
  const words = name.split(/[-/]/);
  const pick = (known: readonly string[]) => words.find((word) => known.includes(word));
  const os = pick(["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]);
  const cpu = pick(["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"]);
  if (os === undefined || cpu === undefined) throw new Error(`${name} is missing in package-lock.json and its name tells no platform`);
  if (os !== "linux") return { os: [os], cpu: [cpu] };
  return { os: [os], cpu: [cpu], libc: [words.some((word) => word.startsWith("musl")) ? "musl" : "glibc"] };
}

if (import.meta.main) {
  const file = join(dirname(dirname(fileURLToPath(import.meta.url))), "package-lock.json");
  const lock: { packages: LockedPackages } = JSON.parse(readFileSync(file, "utf8"));
  const all = { ...lock.packages, ...missingOptionals(lock.packages) };
  const packages = Object.fromEntries(Object.entries(all).sort(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
}
