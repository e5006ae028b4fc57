import { readdirSync } from "node:fs";
import path from "node:path";
import { jsonObject } from "../../src/shared/json.ts";
import { readIfThere } from "../../src/shared/secure-file.ts";
import type { IndexedPlugin } from "../observe/plugins.ts";

/** The plugins that come with the host, by their manifests: what its list will hold after the first start. */
export function bundledPlugins(root: string): readonly IndexedPlugin[] {
  const extensions = path.join(root, "dist", "extensions");
  return readdirSync(extensions, { withFileTypes: true }).flatMap((entry) => {
    const rootDir = path.join(extensions, entry.name);
    const { id, enabledByDefault, providers } = entry.isDirectory()
      ? jsonObject(readIfThere(path.join(rootDir, "openclaw.plugin.json")) ?? "{}")
      : {};
    if (typeof id !== "string") return [];
    const texts = (Array.isArray(providers) ? providers : []).filter((each) => typeof each === "string");
    return [{ id, rootDir, origin: "bundled", enabled: enabledByDefault === true, providers: texts }];
  });
}
