import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type LockedPackages, missingOptionals } from "../../scripts/lockfile.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const ROOMS = [".ci", "bench", "docs", "plugin", "rescue-profile", "scripts", "src", "test"];

/** What belongs to the project, without asking git: a downloaded archive has none. Somebody's `out.log` beside it does not count. */
function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return dir !== root || ROOMS.includes(entry.name) ? files(join(dir, entry.name)) : [];
    return entry.isFile() && (dir !== root || /\.(json|md|ts)$|^\.npmrc$|^\.gitignore$/.test(entry.name)) ? [join(dir, entry.name)] : [];
  });
}

function mentioning(what: RegExp | string): string[] {
  return files(root).flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line, index) =>
        (typeof what === "string" ? line.includes(what) : what.test(line)) ? [`${relative(root, file)}:${index + 1}`] : [],
      ),
  );
}

it("no file names a package registry, so that everybody's own is used", () => {
  // Put together, so that this file does not name one itself.
  const hosts = [
    String.raw`https?://[^\s"'/]*(registry|npm|artifactory|nexus|verdaccio)[^\s"'/]*\.`,
    String.raw`\bregistry\.[a-z]`,
    `"reso${"lved"}":`,
  ];
  expect(mentioning(new RegExp(hosts.join("|"), "i"))).toEqual([]);
});

// A clone at "/src" would find itself everywhere.
it.skipIf(root.split("/").length < 3)("no file names the directory of a clone", () => {
  expect(mentioning(root)).toEqual([]);
});

describe("the lockfile", () => {
  const { packages }: { packages: LockedPackages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));

  it("holds every package to a checksum, except for other platforms' packages that the registry lacked", () => {
    const loose = Object.entries(packages).filter(([name, entry]) => {
      const elsewhere = entry.optional === true && entry.os !== undefined;
      return name !== "" && entry.integrity === undefined && entry.inBundle !== true && !elsewhere;
    });
    expect(loose).toEqual([]);
  });

  it("names the packages of every platform, without which npm ci refuses it (else: node scripts/lockfile.ts)", () => {
    expect(missingOptionals(packages)).toEqual({});
  });

  it("is completed with the platform that a missing package's name tells", () => {
    const gappy: LockedPackages = {
      "node_modules/a": { version: "1.0.0", dev: true, optionalDependencies: { "@a/linux-arm64-musl": "1.0.0", "@a/darwin-x64": "1.0.0" } },
      "node_modules/@a/darwin-x64": { version: "0.9.0", optional: true },
    };
    expect(missingOptionals(gappy)).toEqual({
      "node_modules/@a/linux-arm64-musl": { version: "1.0.0", os: ["linux"], cpu: ["arm64"], libc: ["musl"], dev: true, optional: true },
      "node_modules/a/node_modules/@a/darwin-x64": { version: "1.0.0", os: ["darwin"], cpu: ["x64"], dev: true, optional: true },
    });
  });
});

it("package.json pins every dependency to one version", () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)));
  expect(loose).toEqual([]);
});
