import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readFacts } from "../../src/onboard/facts.ts";
import { copyPackage, rescuePackageRoot } from "../../src/onboard/package-copy.ts";
import { machine } from "./harness.ts";

/** The package as the host's npm installs it in a primary: what it needs lies beside it. */
function installed() {
  const at = machine();
  const project = at.at(".openclaw", "npm", "projects", "rescue-watchdog");
  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    writeFileSync(join(project, name), text);
  };
  put("package.json", "{}");
  put("node_modules/rescue-watchdog/package.json", '{"name":"rescue-watchdog","type":"module"}');
  put("node_modules/rescue-watchdog/dist/plugin/cli/bin.js", 'import { said } from "dependency"; console.log(said);');
  put("node_modules/dependency/package.json", '{"name":"dependency","type":"module","exports":"./index.js"}');
  put("node_modules/dependency/index.js", 'export const said = "one";');
  put("node_modules/@openclaw/fs-safe/package.json", "{}");
  // The host links itself into the package, for its SDK: that is not what the package needs.
  mkdirSync(join(project, "node_modules/rescue-watchdog/node_modules"), { recursive: true });
  symlinkSync(at.at(".openclaw"), join(project, "node_modules/rescue-watchdog/node_modules/openclaw"));
  put("node_modules/.package-lock.json", "{}");
  put("node_modules/.bin/rescue-watchdog", "");
  symlinkSync(at.at(".openclaw"), join(project, "node_modules", "openclaw"));
  const rescue = at.at(".openclaw-rescue");
  mkdirSync(rescue, { mode: 0o700 });
  const pluginRoot = join(project, "node_modules", "rescue-watchdog");
  const copy = join(rescue, "rescue-watchdog", "package");
  return { at, put, project, rescue, pluginRoot, copy };
}

/** What the rescue gateway's cron job would run. */
const run = (root: string) => execFileSync(process.execPath, [join(root, "dist/plugin/cli/bin.js")], { encoding: "utf8" }).trim();

describe("the rescue's own copy of the package", () => {
  it("runs with what it needs, also when the primary's is gone", () => {
    const { at, rescue, pluginRoot, copy } = installed();
    rmSync(rescue, { recursive: true });
    const root = rescuePackageRoot(readFacts({ profile: "default", home: at.home }), pluginRoot);
    expect(root).toBe(join(copy, "node_modules", "rescue-watchdog"));
    mkdirSync(rescue, { mode: 0o700 });
    copyPackage(rescue, pluginRoot);
    rmSync(at.at(".openclaw"), { recursive: true });
    expect(run(root)).toBe("one");
    expect(lstatSync(dirname(copy)).mode & 0o777).toBe(0o700);
  });

  it("does not take the host with it, nor links that lead back into the primary", () => {
    const { rescue, pluginRoot, copy } = installed();
    copyPackage(rescue, pluginRoot);
    for (const name of ["openclaw", ".bin", ".package-lock.json"]) expect(existsSync(join(copy, "node_modules", name))).toBe(false);
  });

  it("holds the files behind links, not links to them", () => {
    const { at, project, rescue, pluginRoot, copy } = installed();
    const linked = at.at("linked");
    mkdirSync(linked);
    writeFileSync(join(linked, "index.js"), 'export const said = "behind a link";');
    writeFileSync(join(linked, "package.json"), '{"name":"dependency","type":"module","exports":"./index.js"}');
    rmSync(join(project, "node_modules", "dependency"), { recursive: true });
    symlinkSync(linked, join(project, "node_modules", "dependency"));
    copyPackage(rescue, pluginRoot);
    rmSync(linked, { recursive: true });
    expect(run(join(copy, "node_modules", "rescue-watchdog"))).toBe("behind a link");
  });

  it("is replaced whole by a second one, and nothing of either attempt stays beside it", () => {
    const { put, rescue, pluginRoot, copy } = installed();
    put("node_modules/gone/index.js", "");
    copyPackage(rescue, pluginRoot);
    put("node_modules/dependency/index.js", 'export const said = "two";');
    rmSync(join(dirname(pluginRoot), "gone"), { recursive: true });
    // What a killed run leaves.
    mkdirSync(`${copy}.new/half`, { recursive: true });
    mkdirSync(`${copy}.old/half`, { recursive: true });
    copyPackage(rescue, pluginRoot);
    expect(run(join(copy, "node_modules", "rescue-watchdog"))).toBe("two");
    expect(existsSync(join(copy, "node_modules", "gone"))).toBe(false);
    expect([existsSync(`${copy}.new`), existsSync(`${copy}.old`), existsSync(join(copy, "half"))]).toEqual([false, false, false]);
  });

  it("keeps the earlier copy when the new one cannot be made", () => {
    const { put, rescue, pluginRoot, copy } = installed();
    copyPackage(rescue, pluginRoot);
    put("node_modules/broken/index.js", "");
    symlinkSync("/nowhere/at/all", join(dirname(pluginRoot), "broken", "dangling"));
    expect(() => copyPackage(rescue, pluginRoot)).toThrow("ENOENT");
    expect(run(join(copy, "node_modules", "rescue-watchdog"))).toBe("one");
  });

  it("is the package alone when that holds what it needs, and is not made of one that lies elsewhere", () => {
    const { at, rescue } = installed();
    const own = at.at(".openclaw", "extensions", "rescue-watchdog");
    mkdirSync(join(own, "node_modules", "dependency"), { recursive: true });
    mkdirSync(join(own, "node_modules", "@openclaw", "fs-safe"), { recursive: true });
    writeFileSync(join(own, "openclaw.plugin.json"), "{}");
    rmSync(rescue, { recursive: true });
    const facts = readFacts({ profile: "default", home: at.home });
    expect(rescuePackageRoot(facts, own)).toBe(join(rescue, "rescue-watchdog", "package"));
    expect(rescuePackageRoot(facts, "/opt/dog")).toBe("/opt/dog");
    mkdirSync(rescue, { mode: 0o700 });
    copyPackage(rescue, own);
    expect(readFileSync(join(rescue, "rescue-watchdog", "package", "openclaw.plugin.json"), "utf8")).toBe("{}");
    expect(existsSync(join(rescue, "rescue-watchdog", "package", "node_modules", "dependency"))).toBe(true);
  });
});
