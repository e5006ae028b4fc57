import { symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { readMissingPrograms } from "../../rescue-profile/observe/missing-programs.ts";
import { tempDir } from "./support.ts";

const started = (...argv: readonly string[]) => readMissingPrograms({ path: null, argv, environment: {}, enabled: true });

it("names the program and the entry of a service that are not there, and nothing after its command", () => {
  const entry = path.join(tempDir(), "index.js");
  const broken = path.join(path.dirname(entry), "broken");
  writeFileSync(entry, "");
  symlinkSync("/nowhere/node", broken);
  expect(started(process.execPath, entry, "gateway", "--port", "18789", "/not/a/program")).toEqual({ ok: true, value: [] });
  expect(started("/nowhere/node", "--disable-warning=x", "/nowhere/openclaw/dist/index.js", "gateway")).toEqual({
    ok: true,
    value: ["/nowhere/node", "/nowhere/openclaw/dist/index.js"],
  });
  expect(started(broken, path.join(entry, "below"), "gateway")).toEqual({ ok: true, value: [broken, path.join(entry, "below")] });
  expect(started("node", "/nowhere/index.js")).toEqual({ ok: true, value: [] });
});

it("knows nothing without a definition, or behind a path that cannot be followed", () => {
  expect(readMissingPrograms(null)).toEqual({ ok: false, why: "the service's definition is not known" });
  const loop = path.join(tempDir(), "loop");
  symlinkSync(loop, loop);
  expect(started(loop)).toEqual({ ok: false, why: "ELOOP looking for the programs of the service" });
});
