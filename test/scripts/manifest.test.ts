import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { completeManifest } from "../../scripts/manifest.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const read = (name: string) => JSON.parse(readFileSync(join(root, name), "utf8"));

it("the manifest holds the schema, the version and the description that the code has (else: npm run manifest)", () => {
  expect(read("openclaw.plugin.json")).toEqual(completeManifest());
});

it("the manifest and the package have one name, so that the host does not warn", () => {
  expect(read("openclaw.plugin.json").id).toBe(read("package.json").name);
});

it("every source entry has its built peer", () => {
  const { extensions, runtimeExtensions } = read("package.json").openclaw;
  expect(runtimeExtensions).toEqual(extensions.map((entry: string) => entry.replace(/^\.\/(.*)\.ts$/, "./dist/$1.js")));
});
